import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonLines } from '../cli/run-cli.ts';
import type { CliResult } from '../cli/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import {
  buildVault,
  contentsOf,
  copyPlaces,
  copyVault,
  filesIn,
  onHome,
  onHost,
  PLACES,
  restoreFrom,
} from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** The promise of 3 of 5: any two places may go, and what is restored is the same vault and can go on. */

const PAIRS = PLACES.flatMap((a, i) => PLACES.slice(i + 1).map((b) => [a, b] as const));
const TRIPLES = PLACES.flatMap((a, i) =>
  PLACES.slice(i + 1).flatMap((b, j) => PLACES.slice(i + j + 2).map((c) => [a, b, c] as const)),
);

let folder: TemporaryFolder;
let vault: VaultFolders;

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

/** A machine that has only these places and the master key. */
async function newHardware(
  name: string,
  lost: readonly string[],
): Promise<{ from: string[]; masterKey: string; to: string }> {
  const machine = join(folder.path, name);
  const from = await copyPlaces(
    vault,
    machine,
    PLACES.filter((place) => !lost.includes(place)),
  );
  const masterKey = join(machine, 'master.key');
  await cp(vault.masterKey, masterKey);
  return { from, masterKey, to: join(machine, 'restored') };
}

function lines({ exit, stdout, stderr }: CliResult, expected = 0): Record<string, unknown>[] {
  expect({ exit, stderr }).toEqual({ exit: expected, stderr: '' });
  return jsonLines(stdout);
}

describe('any two places lost', () => {
  it.for(PAIRS)('%s and %s', async (lost) => {
    const { from, masterKey, to } = await newHardware(`pair-${lost.join('-')}`, lost);
    const untouched = await Promise.all(from.map(contentsOf));
    const events = lines(await restoreFrom({ from, masterKey, to }));
    const newest = vault.snapshots[2]!;
    expect(events.map(({ type }) => type)).toEqual(['plan', 'queryable', 'index', 'index', 'restored']);
    expect(events[0]).toMatchObject({ restorable: true, resumed: false, snapshot: { id: newest.id, sequence: 3 } });
    expect(events.at(-1)).toMatchObject({
      snapshot: newest.id,
      root: newest.root,
      counts: newest.counts,
      orphanEdges: 0,
    });
    expect(lines(await onHost({ home: to }, 'digest'))[0]).toMatchObject({ digest: vault.digests[2] });
    expect(await Promise.all(from.map(contentsOf)), 'restoring writes nothing to the places').toEqual(untouched);
    expect(await filesIn(to)).toContain('valence.yaml');
    expect(existsSync(join(to, 'host.key')) || existsSync(join(to, 'master.key')), 'a key in the restored home').toBe(
      false,
    );
    expect(existsSync(`${masterKey}-no-home`), 'a home where none was').toBe(false);
    await rm(to, { recursive: true });
  });
});

describe('any three places lost', () => {
  it.for(TRIPLES)('%s, %s and %s', async (lost) => {
    const { from, masterKey, to } = await newHardware(`triple-${lost.join('-')}`, lost);
    const { exit, stdout, stderr } = await restoreFrom({ from, masterKey, to });
    expect({ exit, stdout }).toEqual({ exit: 41, stdout: '' });
    const [error] = jsonLines(stderr) as [{ code: string; context: { missing: string[]; total: number } }];
    expect(error.code).toBe('integrity/too-few-shards');
    const gone = await Promise.all(
      lost.map(async (place) => (await filesIn(join(vault.root, place))).filter((name) => name.startsWith('shards/'))),
    );
    const listed = error.context.missing.map((line) => /shards\/\S+/.exec(line)![0]);
    const needed = gone.flat().filter((shard) => listed.includes(shard));
    expect(listed.toSorted(), 'only shards of the lost places').toEqual(needed.toSorted());
    expect(listed.length, 'three shards of each stripe').toBe(error.context.total);
    expect(listed.length % 3).toBe(0);
    for (const place of lost)
      expect(
        error.context.missing.some((line) => line.includes(place)),
        place,
      ).toBe(true);
    expect(existsSync(to)).toBe(false);
    expect(await filesIn(join(to, '..'))).not.toContainEqual(expect.stringContaining('.restoring'));
    await rm(join(to, '..'), { recursive: true });
  });
});

describe('the restored home', () => {
  it('gives every older snapshot, whole', async () => {
    const { from, masterKey, to } = await newHardware('older', ['d2', 'd3']);
    for (const [i, snapshot] of vault.snapshots.slice(0, 2).entries()) {
      const more = ['--snapshot', snapshot.id.slice(0, 16)];
      const events = lines(await restoreFrom({ from, masterKey, to, more }));
      expect(events.at(-1)).toMatchObject({ snapshot: snapshot.id, root: snapshot.root });
      expect(lines(await onHost({ home: to }, 'digest'))[0]).toMatchObject({ digest: vault.digests[i] });
      await rm(to, { recursive: true });
    }
  });

  it('goes on with the same vault once it is attached', async () => {
    const copy = await copyVault(vault, join(folder.path, 'continued'));
    const masterKey = join(folder.path, 'continued', 'elsewhere.key');
    await cp(copy.masterKey, masterKey);
    await rm(copy.home, { recursive: true });
    for (const place of ['d4', 'd5']) await rm(join(copy.root, place), { recursive: true });
    const from = copy.places.slice(0, 3);
    const to = copy.home;
    lines(await restoreFrom({ from, masterKey, to }));
    const file = join(to, 'valence.yaml');
    const restored = await readFile(file, 'utf8');
    expect(restored.match(/erasure: 3\/5/g)).toHaveLength(1);
    // Here the places lie elsewhere than on the lost machine.
    await writeFile(file, restored.replaceAll(vault.root, copy.root));
    const refused = await onHome({ home: to }, 'backup', 'run');
    expect({ exit: refused.exit, stdout: refused.stdout }).toEqual({ exit: 20, stdout: '' });
    expect(refused.stderr).toContain('vault attach');
    const locations = from.flatMap((place) => ['--from', place]);
    lines(await onHome({ home: to }, 'vault', 'attach', ...locations, '--key-file', masterKey));
    // Two new disks stand where the lost ones stood.
    for (const place of ['d4', 'd5']) await mkdir(join(copy.root, place));
    const [fourth] = lines(await onHost({ home: to }, 'backup', 'run'));
    expect(fourth).toMatchObject({
      sequence: 4,
      tier: 'main',
      root: vault.snapshots[2]!.root,
      survives: 2,
      degraded: false,
    });
    const listed = lines(await onHost({ home: to }, 'backup', 'list'));
    expect(listed.map(({ id }) => id)).toEqual([...vault.snapshots.map(({ id }) => id), fourth!['id']]);
    lines(await onHost({ home: to }, 'backup', 'verify', '--tier', 'main'), 3);
    // What it says of the new snapshot must hold: with two of the old places gone as well.
    const rest = [copy.places[2]!, copy.places[3]!, copy.places[4]!];
    const again = join(copy.root, 'again');
    const events = lines(await restoreFrom({ from: rest, masterKey, to: again }));
    expect(events.at(-1)).toMatchObject({ snapshot: fourth!['id'], root: vault.snapshots[2]!.root });
  });
});
