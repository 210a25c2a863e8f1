import type { SubstrateTable } from '../../schema/tables.ts';

/**
 * The temporary tables of a merge, and what its SQL is put together from. In all of it `s` is a row that waits, `l` a row
 * of the database, `v` the verdict on `s`.
 */

/**
 * What becomes of a row that waits. `new` comes in; `same` is there already; `differs` is there and says something else,
 * which is a conflict that overwriting resolves; `barred` is a conflict that nothing resolves; `left` stays out since what
 * it belongs to does, or (of versions) since a belief that is there has its own.
 */
export type MergeVerdict = 'new' | 'same' | 'differs' | 'barred' | 'left';

/**
 * What a row says, and overwriting takes from the snapshot. When it came into a database (`created_at`, and of beliefs
 * `version` and `updated_at`) is the database's own account and is neither compared nor taken.
 */
export const SAID: Readonly<Record<SubstrateTable, readonly string[]>> = {
  beliefs: ['content', 'confidence', 'dimensions', 'domains', 'status', 'valid_from', 'valid_until', 'metadata'],
  belief_versions: [],
  sources: ['type', 'external_id', 'title', 'uri', 'metadata', 'retired_at'],
  belief_sources: ['metadata'],
  belief_edges: ['weight', 'valid_from', 'valid_until', 'retired_at', 'metadata'],
  models: ['name', 'metadata'],
  belief_embeddings: ['embedding'],
};

/** Rows that wait: the columns of the table, and a number `n`. */
export function stagedTable(table: SubstrateTable): string {
  return `pg_temp.merge_${table}`;
}

/**
 * Verdicts: `n` of the row that waits; `live_id`, the id that the row has or will have in the database (of provenance, that
 * of its source; of an embedding, that of its model), null where it stays out; `verdict`; the `columns` that differ;
 * the `reason` of what is barred; `seen`, which state of a row of the database was compared.
 */
export function verdictTable(table: SubstrateTable): string {
  return `pg_temp.merge_verdict_${table}`;
}

/** Ids of beliefs that a live supersedes edge will point at. */
export const HELD_BELIEFS = 'pg_temp.merge_held';

/** The status a belief will have: never active when it is held. */
export function statusOf(alias: 's' | 'l'): string {
  return `CASE WHEN ${alias}.status = 'active' AND EXISTS (SELECT FROM ${HELD_BELIEFS} AS h WHERE h.id = ${alias}.id)
    THEN 'superseded' ELSE ${alias}.status END`;
}

/** `s.a, s.b` */
export function columnsOf(alias: string, columns: readonly string[]): string {
  return columns.map((column) => `${alias}.${column}`).join(', ');
}

/** Names of the columns in which `s` and `l` differ, as an array, from elements that are null where they do not; empty where there is no `l`. */
export function differing(isThere: string, elements: readonly string[]): string {
  return `CASE WHEN ${isThere} THEN array_remove(ARRAY[${elements.join(', ')}]::text[], NULL) ELSE '{}' END`;
}

/** Elements for `differing`. */
export function namesOf(columns: readonly string[]): readonly string[] {
  return columns.map((column) => nameIf(column, `s.${column} IS DISTINCT FROM l.${column}`));
}

export function nameIf(column: string, condition: string): string {
  return `CASE WHEN ${condition} THEN '${column}' END`;
}
