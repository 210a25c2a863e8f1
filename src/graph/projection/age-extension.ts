import { sql } from 'kysely';
import { ValenceError } from '../../core/errors.ts';
import { sqlstateOf } from '../../schema/database-error.ts';
import type { Session } from '../../schema/database.ts';
import { CATALOG_SCHEMA, SUBSTRATE_SCHEMA } from '../../schema/tables.ts';

/** Every query of ours does without, which whoever has no AGE should know. */
const NOT_NEEDED = 'only Cypher needs it: `valence graph` asks the tables';

const INSUFFICIENT_PRIVILEGE = '42501';

/** AGE makes a schema of the name, so it is a plain lower-case identifier of at least 3 characters, and of no schema of ours or the system's. */
const NAME = /^(?!pg_)[a-z][a-z0-9_]{2,62}$/;
const TAKEN: ReadonlySet<string> = new Set([
  SUBSTRATE_SCHEMA,
  CATALOG_SCHEMA,
  'ag_catalog',
  'information_schema',
  'public',
]);

export const PROJECTION_NAME_DEFAULT = 'valence_graph';

/** @throws `graph/refused` for what cannot be the name of a projection */
export function checkProjectionName(name: string): void {
  if (NAME.test(name) && !TAKEN.has(name)) return;
  throw new ValenceError('graph/refused', `${JSON.stringify(name.slice(0, 64))} cannot be the name of a graph`, {
    hint: `use 3 to 63 of a-z, 0-9 and _, beginning with a letter, and no name of a schema that has its own meaning, e.g. ${PROJECTION_NAME_DEFAULT}`,
  });
}

/**
 * Sees that Apache AGE can be used in this database, and creates the extension where the server has it. Call it in the
 * transaction that makes the graph, so that a failure leaves nothing.
 * @throws `database/failed` where AGE is not to be had, or this role may not use it
 */
export async function requireAge(session: Session): Promise<void> {
  if (session.engine === 'pglite') {
    throw new ValenceError('database/failed', 'the embedded database has no Apache AGE', {
      hint: `restore a snapshot into a PostgreSQL server that has it; ${NOT_NEEDED}`,
    });
  }
  const { rows } = await sql<{ installed: boolean; available: boolean; usable: boolean }>`
    SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'age') AS installed,
      EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'age') AS available,
      coalesce(has_schema_privilege(to_regnamespace('ag_catalog')::oid, 'USAGE'), false) AS usable`.execute(
    session.kysely,
  );
  const { installed, available, usable } = rows[0]!;
  if (!installed && !available) {
    throw new ValenceError('database/failed', 'the server has no Apache AGE', {
      hint: `install its package for this PostgreSQL version, e.g. postgresql-17-age, which managed services mostly do not allow; ${NOT_NEEDED}`,
    });
  }
  if (!installed) await createAge(session);
  else if (!usable)
    throw notAllowed('the database role may not use Apache AGE', 'GRANT USAGE ON SCHEMA ag_catalog TO …');
}

async function createAge(session: Session): Promise<void> {
  try {
    await session.execute('CREATE EXTENSION age');
  } catch (error) {
    if (sqlstateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    const statements = 'CREATE EXTENSION age; GRANT USAGE ON SCHEMA ag_catalog TO …';
    throw notAllowed('the database role may not create the extension age', statements, error);
  }
}

function notAllowed(message: string, statements: string, cause?: unknown): ValenceError {
  return new ValenceError('database/failed', message, {
    hint: `let an administrator run in this database: ${statements}`,
    context: { sqlstate: INSUFFICIENT_PRIVILEGE },
    cause,
  });
}
