import { ValenceError } from '../core/errors.ts';
import type { Database } from '../schema/database.ts';
import { readMigrations } from '../schema/migrations.ts';
import { nextMigration } from '../schema/migrator.ts';
import { appliedMigrations } from '../schema/schema-state.ts';

/**
 * Only `valence init` changes a schema, so that a program never does so behind the back of another on the same database.
 * @throws `database/newer-schema`; `database/failed` for one that was never set up, or is older
 */
export async function requireSchema(database: Database): Promise<void> {
  const applied = await appliedMigrations(database);
  const missing = nextMigration(await readMigrations(), applied ?? []);
  if (missing === null) return;
  const what =
    applied === null
      ? `${database.location} was never set up`
      : `${database.location} has the schema of an older version`;
  throw new ValenceError('database/failed', what, { hint: 'run `valence init`', context: { missing: missing.number } });
}
