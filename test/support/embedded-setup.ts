import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/schema/migrator.ts';
import { openDatabase } from '../../src/schema/open-database.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder with the folders of two embedded databases, to be copied: `empty`, and `migrated` with our tables. */
    embeddedDatabases: string;
  }
}

/** Makes them once for the whole run, since making one takes seconds. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = await mkdtemp(join(tmpdir(), 'valence-embedded-'));
  const empty = await openDatabase({ folder: join(root, 'empty') });
  await empty[Symbol.asyncDispose]();
  const migrated = await openDatabase({ folder: join(root, 'migrated') });
  await migrate(migrated);
  await migrated[Symbol.asyncDispose]();
  project.provide('embeddedDatabases', root);
  return () => rm(root, { recursive: true, force: true });
}
