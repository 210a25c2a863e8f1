import { inject } from 'vitest';
import type { TestDatabase } from './postgres.ts';
import { createTestDatabase } from './postgres.ts';

/** An empty database on the run's server, for a test file of a project with postgres-setup.ts. */
export function freshDatabase(): Promise<TestDatabase> {
  return createTestDatabase(inject('postgresUrl'));
}
