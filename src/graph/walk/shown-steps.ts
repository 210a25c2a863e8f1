import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { uuidArray } from '../records/uuid-array.ts';
import { EDGE_TYPES } from '../records/vocabulary.ts';
import type { EdgeType } from '../records/vocabulary.ts';
import { STEP_COLUMNS, firstStepsOf, stepsOf } from './adjacency.ts';
import type { LevelQuery, Step, StepColumns } from './adjacency.ts';

export interface ShownStep extends Step {
  readonly type: EdgeType;
}

export interface ShownQuery extends LevelQuery {
  /** Edges that are shown already. */
  readonly past: readonly string[];
  /** At most so many steps are given. */
  readonly room: number;
  /** At most so many steps are looked at. */
  readonly limit: number;
}

export interface ShownSteps {
  /** In the order of `from`, then of types, then heaviest first, then by edge. An edge between two of `from` is seen from the first. */
  readonly steps: readonly ShownStep[];
  /** How many there are besides those of the past: of what was looked at. */
  readonly total: number;
  /** One more than the limit where there are more. */
  readonly looked: number;
}

/** The next level of what is shown, as it is to be read. */
export async function shownSteps(session: Session, query: ShownQuery): Promise<ShownSteps> {
  const { limit } = query;
  const all = await inOrder(
    session,
    query,
    sql`(SELECT * FROM ${stepsOf(query, READ_COLUMNS)} AS legs LIMIT ${limit + 1}::bigint)`,
  );
  if (all.looked <= limit) return all;
  // Which ones came first was left to the server.
  return { ...(await inOrder(session, query, firstStepsOf(query, READ_COLUMNS, limit))), looked: limit + 1 };
}

const READ_COLUMNS: StepColumns = (leg) => sql`${STEP_COLUMNS(leg)}, e.type, e.weight`;

interface Row extends ShownStep {
  readonly total: number;
  readonly looked: number;
}

async function inOrder(
  session: Session,
  { from, past, room }: ShownQuery,
  steps: ReturnType<typeof stepsOf>,
): Promise<ShownSteps> {
  const order = sql`place, array_position(${[...EDGE_TYPES]}::text[], type), weight DESC, edge`;
  const { rows } = await sql<Row | { readonly edge: null; readonly total: null; readonly looked: number }>`
    WITH steps AS MATERIALIZED (SELECT * FROM ${steps} AS steps),
    fresh AS (
      SELECT DISTINCT ON (edge) steps.*, place
      FROM steps JOIN unnest(${uuidArray(from)}) WITH ORDINALITY AS parents (id, place) ON id = "from"
      WHERE edge NOT IN (SELECT unnest(${uuidArray(past)}))
      ORDER BY edge, place
    )
    SELECT edge, "from", "to", forward, type, total, looked
    FROM (SELECT count(*) AS looked FROM steps) AS counted
    LEFT JOIN (
      SELECT *, count(*) OVER () AS total FROM fresh ORDER BY ${order} LIMIT ${Math.max(room, 1)}::bigint
    ) AS shown ON true
    ORDER BY ${order}`.execute(session.kysely);
  const shown = rows.filter((row): row is Row => row.edge !== null);
  return { steps: shown.slice(0, room), total: shown[0]?.total ?? 0, looked: rows[0]!.looked };
}
