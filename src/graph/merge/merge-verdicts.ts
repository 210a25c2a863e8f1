import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { SUBSTRATE_TABLES } from '../../schema/tables.ts';
import type { SubstrateTable } from '../../schema/tables.ts';
import { arrivingSupersedes, edgeVerdicts, heldBeliefs, supersedesEdges } from './merge-edge-sql.ts';
import { verdictQueries } from './merge-row-sql.ts';
import { HELD_BELIEFS, verdictTable } from './merge-tables.ts';
import { supersedesCircles } from '../records/supersedes-circles.ts';
import type { Superseding } from '../records/supersedes-circles.ts';

/** In the order in which verdicts follow from one another; edges, which need no other, come before all of these. */
const AFTER_EDGES = SUBSTRATE_TABLES.filter((table) => table !== 'belief_edges').toSorted(
  (a, b) => Number(a.startsWith('belief_')) - Number(b.startsWith('belief_')),
);

const CIRCLE = 'a belief would supersede itself, directly or through others';

/**
 * Compares all that waits (merge-staging.ts) with the database as it is now, and leaves a verdict on each row
 * (merge-tables.ts). Changes nothing of the substrate; may be called again.
 */
export async function judge(session: Session, overwrite: boolean): Promise<void> {
  const tables = [HELD_BELIEFS, ...SUBSTRATE_TABLES.map(verdictTable)];
  await session.execute(tables.map((table) => `DROP TABLE IF EXISTS ${table};`).join('\n'));
  await create(session, 'belief_edges', edgeVerdicts(overwrite));
  await barCircles(session, overwrite);
  await session.execute(`
    CREATE TEMPORARY TABLE merge_held (id uuid PRIMARY KEY) ON COMMIT DROP;
    INSERT INTO ${HELD_BELIEFS} ${heldBeliefs(overwrite)}`);
  const queries = verdictQueries(overwrite);
  for (const table of AFTER_EDGES) await create(session, table, queries[table]);
}

async function create(session: Session, table: SubstrateTable, query: string): Promise<void> {
  await session.execute(`
    CREATE TEMPORARY TABLE merge_verdict_${table} (n bigint PRIMARY KEY, live_id uuid, verdict text NOT NULL,
      columns text[] NOT NULL, reason text, seen text) ON COMMIT DROP;
    INSERT INTO ${verdictTable(table)} ${query};
    ANALYZE ${verdictTable(table)}`);
}

interface SupersedesRow extends Superseding {
  /** Of the row that waits; null for an edge of the database. */
  readonly n: number | null;
}

/** Neither side has circles of its own. What comes in and lies on one that both make, or between two, stays out. */
async function barCircles(session: Session, overwrite: boolean): Promise<void> {
  const arriving = arrivingSupersedes(overwrite);
  const { rows } = await sql<SupersedesRow>`${sql.raw(`
    SELECT s.n, s.source_id AS source, s.target_id AS target ${arriving}
    UNION ALL
    SELECT NULL, l.source_id, l.target_id FROM (${supersedesEdges(overwrite)}) AS l WHERE EXISTS (SELECT ${arriving})`)}`.execute(
    session.kysely,
  );
  const barred = supersedesCircles(rows).flatMap(({ n }) => (n === null ? [] : [n]));
  if (barred.length === 0) return;
  await sql`
    UPDATE ${sql.raw(verdictTable('belief_edges'))} SET verdict = 'barred', reason = ${CIRCLE}
    WHERE n = ANY (${barred}::bigint[])`.execute(session.kysely);
}
