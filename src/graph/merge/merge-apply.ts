import { sql } from 'kysely';
import { TREES } from '../../format/tables.ts';
import type { Session } from '../../schema/database.ts';
import { SUBSTRATE_TABLES } from '../../schema/tables.ts';
import type { SubstrateTable } from '../../schema/tables.ts';
import { SAID, stagedTable, statusOf, verdictTable } from './merge-tables.ts';
import type { MergeVerdict } from './merge-tables.ts';

/** Rows a table. */
export type TableCounts = Readonly<Record<SubstrateTable, number>>;

export interface AppliedRows {
  readonly inserted: TableCounts;
  readonly overwritten: TableCounts;
}

/**
 * Carries the verdicts out (merge-verdicts.ts) by ordinary INSERT and UPDATE, so that every trigger sees them: a belief that
 * is overwritten gets a new version and time, and what it said before is kept. Nothing is overwritten unless `overwrite`.
 */
export async function applyVerdicts(session: Session, overwrite: boolean): Promise<AppliedRows> {
  const inserted = noRows();
  const overwritten = noRows();
  // First, to make room for another live edge of the same ends and type, and to let go what an edge holds superseded.
  if (overwrite) overwritten.belief_edges = await run(session, updateOf('belief_edges', 's.retired_at IS NOT NULL'));
  for (const table of IN_ORDER) {
    const condition = table === 'belief_edges' ? 's.retired_at IS NULL' : 'true';
    if (overwrite && SAID[table].length > 0) overwritten[table] += await run(session, updateOf(table, condition));
    inserted[table] = await run(session, insertOf(table, 'new'));
  }
  // Those of beliefs whose content was overwritten went with it, also where they are the same in both.
  if (overwrite) {
    overwritten.belief_embeddings += await run(session, insertOf('belief_embeddings', 'differs'));
    await run(session, insertOf('belief_embeddings', 'same'));
  }
  return { inserted, overwritten };
}

/** Edges last: they make beliefs superseded. */
const IN_ORDER: readonly SubstrateTable[] = [
  ...SUBSTRATE_TABLES.filter((table) => table !== 'belief_edges'),
  'belief_edges',
];

/** A count for each table, to be counted up. */
export function noRows(): Record<SubstrateTable, number> {
  return Object.fromEntries(SUBSTRATE_TABLES.map((table) => [table, 0])) as Record<SubstrateTable, number>;
}

async function run(session: Session, statement: string): Promise<number> {
  const { numAffectedRows } = await sql`${sql.raw(statement)}`.execute(session.kysely);
  return Number(numAffectedRows ?? 0n);
}

/** The column that names a source or a model: its id may be another here. */
const MAPPED: Readonly<Partial<Record<SubstrateTable, string>>> = {
  belief_sources: 'source_id',
  belief_embeddings: 'model_id',
};

function columnsOfTable(table: SubstrateTable): readonly string[] {
  const { columns, perModel } = TREES.find((layout) => layout.table === table && layout.derived !== true)!;
  return perModel === true ? ['model_id', ...columns] : columns;
}

/** What is there already, by another verdict than `new`, stays. */
function insertOf(table: SubstrateTable, verdict: MergeVerdict): string {
  const columns = columnsOfTable(table);
  const values = columns.map((column) => (column === MAPPED[table] ? 'v.live_id' : `s.${column}`));
  return `
    INSERT INTO valence.${table} (${columns.join(', ')}) SELECT ${values.join(', ')}
    FROM ${stagedTable(table)} AS s JOIN ${verdictTable(table)} AS v USING (n) WHERE v.verdict = '${verdict}' ORDER BY s.n
    ${verdict === 'new' ? '' : 'ON CONFLICT DO NOTHING'}`;
}

function updateOf(table: SubstrateTable, condition: string): string {
  const value = (column: string): string =>
    table === 'beliefs' && column === 'status' ? statusOf('s') : `s.${column}`;
  const assignments = SAID[table].map((column) => `${column} = ${value(column)}`);
  const mapped = MAPPED[table];
  const row = mapped === undefined ? 'l.id = v.live_id' : `l.belief_id = s.belief_id AND l.${mapped} = v.live_id`;
  return `
    UPDATE valence.${table} AS l SET ${assignments.join(', ')}
    FROM ${stagedTable(table)} AS s JOIN ${verdictTable(table)} AS v USING (n)
    WHERE v.verdict = 'differs' AND ${condition} AND ${row}`;
}
