import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, inject } from 'vitest';
import type { Database, Engine } from '../../src/schema/database.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { copyFolder } from './copy-folder.ts';
import { freshDatabase, LOG_OF_ITS_OWN, migratedDatabase } from './fresh-database.ts';

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
    if (folders !== null) return kept(await openDatabase({ folder: await folders.copy('empty') }));
    const { url } = kept(await freshDatabase());
    return kept(await openDatabase({ url }));
  }

  async function openMigrated(): Promise<Database> {
    if (folders === null) return kept(await openDatabase({ url: kept(await migratedDatabase()).url }));
    const database = kept(await openDatabase({ folder: await folders.copy('migrated') }));
    await database.execute(LOG_OF_ITS_OWN);
    return database;
  }

  return { engine, open, openMigrated };
}

/** Copies of the embedded databases of the run (embedded-setup.ts). */
class EmbeddedFolders {
  #root: Promise<string> | null = null;
  #count = 0;

  async copy(of: 'empty' | 'migrated'): Promise<string> {
    this.#root ??= mkdtemp(join(tmpdir(), 'valence-embedded-'));
    this.#count += 1;
    const folder = join(await this.#root, String(this.#count));
    copyFolder(join(inject('embeddedDatabases'), of), folder);
    return folder;
  }

  async remove(): Promise<void> {
    if (this.#root !== null) await rm(await this.#root, { recursive: true, force: true });
  }
}
