import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keepSpeed, readSpeed } from '../../src/app/upload-speed.ts';
import { Meter, meterCalls } from '../../src/backends/wrappers/meter.ts';
import { homeAt } from '../../src/config/home.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A timer by which each put takes 100 ms. */
function meterOf(): Meter {
  let now = 0;
  return new Meter({ elapsed: () => (now += 100), after: () => () => {} });
}

test('what a run has measured is the speed of the next plan', async () => {
  await using folder = await temporaryFolder();
  const home = homeAt(folder.path);
  expect(await readSpeed(home, 'b2')).toBeNull();
  const meter = meterOf();
  const backend = meterCalls(new MemoryBackend('b2'), meter);
  await backend.put('a', new Uint8Array(200_000));
  await keepSpeed(home, 'b2', meter);
  expect(await readSpeed(home, 'b2')).toBeNull();
  await backend.put('b', new Uint8Array(200_000));
  await keepSpeed(home, 'b2', meter);
  expect(await readSpeed(home, 'b2')).toEqual({ bytesPerSecond: 2_000_000 });
});

test.for(['', '{', '{}', '{"bytesPerSecond":"x"}', '{"bytesPerSecond":-1}', 'null', '\u0000'])(
  'a file that says %j is none',
  async (text) => {
    await using folder = await temporaryFolder();
    const home = homeAt(folder.path);
    await mkdir(join(home.placesFolder, 'b2'), { recursive: true });
    await writeFile(join(home.placesFolder, 'b2', 'speed.json'), text);
    expect(await readSpeed(home, 'b2')).toBeNull();
  },
);
