import { sql } from 'kysely';
import type { Session } from './database.ts';
import { CATALOG_SCHEMA, SUBSTRATE_SCHEMA, SUBSTRATE_TABLES } from './tables.ts';

export interface SchemaState {
  /** `absent`: none of our tables; `empty`: no row in any substrate table; `populated`: at least one. */
  readonly state: 'absent' | 'empty' | 'populated';
  /** Number of the newest migration applied; `null` before the first. May be newer than this program knows. */
  readonly version: number | null;
}

export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly digest: Uint8Array;
}

/** Inspects and changes nothing; also for a database that a newer program has migrated. */
export async function schemaState(session: Session): Promise<SchemaState> {
  const version = (await appliedMigrations(session))?.at(-1)?.number ?? null;
  const tables = await presentTables(session);
  if (tables.length === 0) return { state: 'absent', version };
  const anyRow = sql.join(
    tables.map((table) => sql`EXISTS (SELECT FROM ${sql.id(SUBSTRATE_SCHEMA, table)})`),
    sql` OR `,
  );
  const { rows } = await sql<{ populated: boolean }>`SELECT ${anyRow} AS populated`.execute(session.kysely);
  return { state: rows[0]?.populated === true ? 'populated' : 'empty', version };
}

/** By number; `null`: nothing was ever migrated here. */
export async function appliedMigrations(session: Session): Promise<readonly AppliedMigration[] | null> {
  const { rows } = await sql<{ present: boolean }>`
    SELECT to_regclass(${`${CATALOG_SCHEMA}.migrations`}) IS NOT NULL AS present
  `.execute(session.kysely);
  if (rows[0]?.present !== true) return null;
  const table = session.kysely.selectFrom('valence_catalog.migrations');
  return table.select(['number', 'name', 'digest']).orderBy('number').execute();
}

async function presentTables(session: Session): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT c.relname::text AS name FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${SUBSTRATE_SCHEMA} AND c.relkind = 'r' AND c.relname = ANY (${[...SUBSTRATE_TABLES]}::text[])
  `.execute(session.kysely);
  return rows.map(({ name }) => name);
}
