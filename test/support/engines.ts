import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe } from 'vitest';
import type { Database, Engine } from '../../src/schema/database.ts';
import { migrate } from '../../src/schema/migrator.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { freshDatabase } from './fresh-database.ts';

export interface TestEngine {
  readonly engine: Engine;
  /** Another empty database without our tables; closed and dropped after the test. */
  open(): Promise<Database>;
  /** The same with our tables. */
  openMigrated(): Promise<Database>;
}

/** Declares a suite once for the embedded engine and once for the server. */
export function forEachEngine(name: string, suite: (engine: TestEngine) => void): void {
  describe.each<Engine>(['pglite', 'postgres'])(`${name} (%s)`, (engine) => {
    suite(testEngine(engine));
  });
}

/** One engine, for suites that need both at once. Call it where `afterEach` may be called. */
export function testEngine(engine: Engine): TestEngine {
  const opened: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const resource of opened.splice(0).reverse()) await resource[Symbol.asyncDispose]();
  });

  function kept<T extends AsyncDisposable>(resource: T): T {
    opened.push(resource);
    return resource;
  }

  const folders = engine === 'pglite' ? new EmbeddedFolders() : null;
  if (folders !== null) afterAll(() => folders.remove());

  async function open(): Promise<Database> {
    if (folders !== null) return kept(await openDatabase({ folder: await folders.make() }));
    const { url } = kept(await freshDatabase());
    return kept(await openDatabase({ url }));
  }

  async function openMigrated(): Promise<Database> {
    const database = await open();
    await migrate(database);
    return database;
  }

  return { engine, open, openMigrated };
}

/** Copies of one empty embedded database, since making one takes seconds. */
class EmbeddedFolders {
  #root: Promise<string> | null = null;
  #count = 0;

  async make(): Promise<string> {
    this.#root ??= firstFolder();
    const root = await this.#root;
    this.#count += 1;
    const folder = join(root, String(this.#count));
    await cp(join(root, 'first'), folder, { recursive: true });
    return folder;
  }

  async remove(): Promise<void> {
    if (this.#root !== null) await rm(await this.#root, { recursive: true, force: true });
  }
}

async function firstFolder(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'valence-embedded-'));
  const first = await openDatabase({ folder: join(root, 'first') });
  await first[Symbol.asyncDispose]();
  return root;
}
