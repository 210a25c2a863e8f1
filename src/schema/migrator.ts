import { sql } from 'kysely';
import { equalBytes } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import { sqlstateOf } from './database-error.ts';
import type { Database, Session } from './database.ts';
import type { Migration } from './migrations.ts';
import { readMigrations } from './migrations.ts';
import { requireServer, requireVector } from './requirements.ts';
import { appliedMigrations, type AppliedMigration } from './schema-state.ts';
import { CATALOG_SCHEMA, SUBSTRATE_SCHEMA } from './tables.ts';

export interface MigrationReport {
  /** The schema's version before and now; `null` where there was none. */
  readonly from: number | null;
  readonly to: number;
}

/** Any number would do, as long as nothing else uses it: the first eight bytes of SHA-256("valence migrations"), signed. */
export const MIGRATION_LOCK = '5659328959664972964';

/**
 * Brings the database to this program's schema: the vector extension and both schemas if they are not there, then each
 * missing migration in a transaction of its own. Any number of processes may do so at once; each step is taken under an
 * advisory lock by whoever comes first. Needs the right to create schemas, and to create the extension if it is missing.
 * @throws `database/newer-schema` when a newer program has migrated it, `database/failed` when an applied migration is
 * not the one shipped, the server is too old, or the extension cannot be had
 */
export async function migrate(database: Database, migrations?: readonly Migration[]): Promise<MigrationReport> {
  const ours = migrations ?? (await readMigrations());
  const before = await appliedMigrations(database);
  const from = before?.at(-1)?.number ?? null;
  if (before === null) {
    await requireServer(database);
    await locked(database, prepare);
  }
  while (nextMigration(ours, (await appliedMigrations(database)) ?? []) !== null) {
    await locked(database, (session) => applyNext(session, ours));
  }
  return { from, to: ours.length };
}

/** Refuses a database that this program's migrations do not explain; `null`: nothing is left to apply. */
export function nextMigration(ours: readonly Migration[], applied: readonly AppliedMigration[]): Migration | null {
  for (const [index, { number, name, digest }] of applied.entries()) {
    const migration = ours[index];
    if (number > ours.length) throw newerSchema(applied.at(-1) ?? { number, name }, ours.length);
    if (migration?.number !== number || !equalBytes(migration.digest, digest)) throw changedMigration(number, name);
  }
  return ours[applied.length] ?? null;
}

async function locked(database: Database, step: (session: Session) => Promise<void>): Promise<void> {
  await database.transaction({}, async (session) => {
    await session.execute(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    await step(session);
  });
}

async function prepare(session: Session): Promise<void> {
  await createSchema(session, SUBSTRATE_SCHEMA);
  await createSchema(session, CATALOG_SCHEMA);
  await requireVector(session);
  await session.execute(`
    CREATE TABLE IF NOT EXISTS ${CATALOG_SCHEMA}.migrations (
      number     integer PRIMARY KEY CHECK (number >= 1),
      name       text NOT NULL,
      digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
}

/** IF NOT EXISTS would ask for the right to create schemas even where an administrator has made this one. */
async function createSchema(session: Session, name: string): Promise<void> {
  const { rows } = await sql`SELECT FROM pg_catalog.pg_namespace WHERE nspname = ${name}`.execute(session.kysely);
  if (rows.length > 0) return;
  try {
    await session.execute(`CREATE SCHEMA ${name}`);
  } catch (error) {
    if (sqlstateOf(error) !== '42501') throw error;
    throw new ValenceError('database/failed', `the database role may not create the schema ${name}`, {
      hint: `let an administrator run: CREATE SCHEMA ${name} AUTHORIZATION the_role`,
      context: { sqlstate: '42501' },
      cause: error,
    });
  }
}

async function applyNext(session: Session, ours: readonly Migration[]): Promise<void> {
  const migration = nextMigration(ours, (await appliedMigrations(session)) ?? []);
  if (migration === null) return;
  const { number, name, digest } = migration;
  await session.kysely.insertInto('valence_catalog.migrations').values({ number, name, digest }).execute();
  await session.execute(migration.sql);
}

function newerSchema(newest: { readonly number: number; readonly name: string }, known: number): ValenceError {
  return new ValenceError(
    'database/newer-schema',
    `the database has migration ${newest.number} (${newest.name}), this program knows ${known}`,
    { hint: 'upgrade Valence to the version that migrated this database', context: { found: newest.number, known } },
  );
}

function changedMigration(number: number, name: string): ValenceError {
  return new ValenceError(
    'database/failed',
    `migration ${number} (${name}) is not the one this program has under that number`,
    {
      hint: 'use the version of Valence that set this database up, or restore a backup into an empty database',
      context: { migration: number },
    },
  );
}
