import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/schema/migrator.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { createTestDatabase, databaseOf, startPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
    /** Name of a database with our tables, to make others after. */
    migratedTemplate: string;
  }
}

/** One server for the whole run; test files ask for databases on it (fresh-database.ts). */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  const template = await createTestDatabase(server.url);
  const migrated = await openDatabase({ url: template.url });
  await migrate(migrated);
  // A database is a template only while nobody is connected to it.
  await migrated[Symbol.asyncDispose]();
  project.provide('postgresUrl', server.url);
  project.provide('migratedTemplate', databaseOf(template.url));
  return async () => {
    await template[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  };
}
