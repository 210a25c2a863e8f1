import { sql } from 'kysely';
import type { Session } from './database.ts';
import { CATALOG_SCHEMA, SUBSTRATE_SCHEMA } from './tables.ts';

/** A trigger of the change log that does not fire when it must. */
export interface SilencedTrigger {
  readonly table: string;
  readonly trigger: string;
}

/** Triggers of the change log that somebody switched off, or on again in the ordinary way, in which not every session fires them. */
export async function silencedTriggers(session: Session): Promise<readonly SilencedTrigger[]> {
  const { rows } = await sql<SilencedTrigger>`
    SELECT c.relname::text AS "table", t.tgname::text AS "trigger"
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
    WHERE c.relnamespace = ${SUBSTRATE_SCHEMA}::regnamespace AND p.pronamespace = ${CATALOG_SCHEMA}::regnamespace
      AND NOT t.tgisinternal AND t.tgenabled <> CASE WHEN t.tgtype & 1 = 1 THEN 'R' ELSE 'A' END
    ORDER BY 1, 2
  `.execute(session.kysely);
  return rows;
}

/** Switches them on as the migration did. The next run reads every row, since what happened meanwhile is not known. */
export async function repairTriggers(session: Session): Promise<void> {
  for (const { table, trigger } of await silencedTriggers(session)) {
    const how = trigger === 'log_replicated_row' ? 'REPLICA' : 'ALWAYS';
    await session.execute(`ALTER TABLE ${SUBSTRATE_SCHEMA}.${table} ENABLE ${how} TRIGGER ${trigger}`);
  }
}
