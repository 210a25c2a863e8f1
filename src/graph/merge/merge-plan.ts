import { sql } from 'kysely';
import { invariant } from '../../core/errors.ts';
import type { Session } from '../../schema/database.ts';
import { SUBSTRATE_TABLES } from '../../schema/tables.ts';
import type { SubstrateTable } from '../../schema/tables.ts';
import { HELD_BELIEFS, stagedTable, verdictTable } from './merge-tables.ts';

/** Rows of one table of what is to be merged. */
export interface MergeCounts {
  readonly new: number;
  /** There already, saying the same. */
  readonly same: number;
  /** There already, saying something else. */
  readonly conflicting: number;
  /**
   * No conflicts, but left out: provenance and embeddings of a belief whose content conflicts and stays, or of a source or
   * model that stays out; versions of a belief that is there, which has its own.
   */
  readonly left: number;
}

export interface MergeConflict {
  readonly table: SubstrateTable;
  /** Id of the row, as the snapshot knows it; of provenance and embeddings, belief and source or model, a space between. */
  readonly id: string;
  /** Columns in which the two differ. */
  readonly columns: readonly string[];
  readonly outcome: 'left' | 'overwritten';
  /** Why overwriting would not help; `null` where it would. */
  readonly reason: string | null;
}

/** What a merge would do, before it does it. */
export interface MergePlan {
  readonly tables: Readonly<Record<SubstrateTable, MergeCounts>>;
  /** By table, then by id. */
  readonly conflicts: readonly MergeConflict[];
  /** Ids of active beliefs that edges which come in make superseded. */
  readonly superseded: readonly string[];
  /** No row would come in or be overwritten. */
  readonly nothingToDo: boolean;
}

/** Sums up the verdicts (merge-verdicts.ts). */
export async function readPlan(session: Session, overwrite: boolean): Promise<MergePlan> {
  const counts = await readCounts(session);
  const conflicts = await readConflicts(session, overwrite);
  const arriving = SUBSTRATE_TABLES.some((table) => counts[table].new > 0);
  return {
    tables: counts,
    conflicts,
    superseded: await readSuperseded(session),
    nothingToDo: !arriving && conflicts.every(({ outcome }) => outcome === 'left'),
  };
}

/**
 * A digest of all verdicts and of the rows they were given on: equal as long as a merge would do the same. Order does not
 * matter to a sum.
 */
export async function fingerprint(session: Session): Promise<string> {
  const parts = SUBSTRATE_TABLES.map(
    (table) => `
      SELECT '${table}' AS part, sum(hashtextextended(concat_ws(' ', n, live_id, verdict, columns, reason,
        CASE verdict WHEN 'differs' THEN seen END), 0)::numeric) AS total FROM ${verdictTable(table)}`,
  );
  const held = `SELECT 'held', sum(hashtextextended(id::text, 0)::numeric) FROM ${HELD_BELIEFS}`;
  const { rows } = await sql<{ text: string }>`${sql.raw(
    `SELECT string_agg(concat_ws(' ', part, total), ', ' ORDER BY part) AS text FROM (${[...parts, held].join(' UNION ALL ')}) AS parts`,
  )}`.execute(session.kysely);
  invariant(rows[0] !== undefined, 'an aggregate has one row');
  return rows[0].text;
}

interface CountsRow extends MergeCounts {
  readonly part: SubstrateTable;
}

async function readCounts(session: Session): Promise<Readonly<Record<SubstrateTable, MergeCounts>>> {
  const queries = SUBSTRATE_TABLES.map(
    (table) => `
      SELECT '${table}' AS part, (count(*) FILTER (WHERE verdict = 'new'))::int AS "new",
        (count(*) FILTER (WHERE verdict = 'same'))::int AS "same",
        (count(*) FILTER (WHERE verdict IN ('differs', 'barred')))::int AS conflicting,
        (count(*) FILTER (WHERE verdict = 'left'))::int AS "left"
      FROM ${verdictTable(table)}`,
  );
  const { rows } = await sql<CountsRow>`${sql.raw(queries.join(' UNION ALL '))}`.execute(session.kysely);
  const entries = rows.map(({ part, ...counts }) => [part, counts] as const);
  return Object.fromEntries(entries) as Record<SubstrateTable, MergeCounts>;
}

/** What names a row of the snapshot. */
const IDS: Readonly<Record<SubstrateTable, string>> = {
  beliefs: 's.id::text',
  belief_versions: `s.belief_id || ' ' || s.version`,
  sources: 's.id::text',
  belief_sources: `s.belief_id || ' ' || s.source_id`,
  belief_edges: 's.id::text',
  models: 's.id::text',
  belief_embeddings: `s.belief_id || ' ' || s.model_id`,
};

interface ConflictRow {
  readonly part: SubstrateTable;
  readonly id: string;
  readonly columns: readonly string[];
  readonly reason: string | null;
}

async function readConflicts(session: Session, overwrite: boolean): Promise<MergeConflict[]> {
  const queries = SUBSTRATE_TABLES.map(
    (table, place) => `
      SELECT ${place} AS place, '${table}' AS part, ${IDS[table]} AS id, v.columns, v.reason
      FROM ${stagedTable(table)} AS s JOIN ${verdictTable(table)} AS v USING (n) WHERE v.verdict IN ('differs', 'barred')`,
  );
  const { rows } = await sql<ConflictRow>`${sql.raw(
    `SELECT part, id, columns, reason FROM (${queries.join(' UNION ALL ')}) AS conflicts ORDER BY place, id COLLATE "C"`,
  )}`.execute(session.kysely);
  return rows.map(({ part: table, id, columns, reason }) => ({
    table,
    id,
    columns,
    outcome: overwrite && reason === null ? 'overwritten' : 'left',
    reason,
  }));
}

async function readSuperseded(session: Session): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT b.id FROM valence.beliefs AS b JOIN ${sql.raw(HELD_BELIEFS)} AS h USING (id)
    WHERE b.status = 'active' ORDER BY b.id`.execute(session.kysely);
  return rows.map(({ id }) => id);
}
