import { join } from 'node:path';
import { Readable } from 'node:stream';
import { streamInput } from '../../../src/app/import-inputs.ts';
import { openValence } from '../../../src/app.ts';
import type { Valence } from '../../../src/app.ts';
import type { Engine } from '../../../src/schema/database.ts';
import { freshDatabase } from '../fresh-database.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { worldLines } from './random-world.ts';
import type { World } from './world.ts';

export interface OpenedWorld extends AsyncDisposable {
  readonly valence: Valence;
}

/** The world in a database of its own, opened as anybody opens it. */
export async function openWorld(world: World, engine: Engine): Promise<OpenedWorld> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const database = engine === 'postgres' ? resources.use(await freshDatabase()).url : undefined;
  const valence = resources.use(openValence({ home: join(folder.path, 'home'), database, env: {} }));
  await valence.init();
  const text = worldLines(world)
    .map((line) => JSON.stringify(line))
    .join('\n');
  await valence.import([streamInput('world', Readable.from([Buffer.from(text)]))]);
  return { valence, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}
