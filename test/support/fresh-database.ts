import { inject } from 'vitest';
import type { TestDatabase } from './postgres.ts';
import { createTestDatabase, onServer } from './postgres.ts';

/** An empty database on the run's server, for a test file of a project with postgres-setup.ts. */
export function freshDatabase(): Promise<TestDatabase> {
  return createTestDatabase(inject('postgresUrl'));
}

/** The same with our tables. */
export async function migratedDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase(inject('postgresUrl'), inject('migratedTemplate'));
  await onServer(database.url, LOG_OF_ITS_OWN);
  return database;
}

/** SQL: a copy of a database has the epoch of its change log, by which it would pass for the other. */
export const LOG_OF_ITS_OWN = 'UPDATE valence_catalog.change_log SET epoch = gen_random_uuid()';
