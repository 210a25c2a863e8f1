import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { uuidArray } from '../records/uuid-array.ts';
import { EDGE_TYPES } from '../records/vocabulary.ts';
import type { EdgeType } from '../records/vocabulary.ts';
import { holds, isLive, recordedBeliefs } from './view.ts';
import type { View } from './view.ts';

/** `outgoing`: from source to target. `contradicts` is mutual and goes both ways whatever is asked. */
export type Direction = 'outgoing' | 'incoming' | 'both';

/** The same, seen from the other end. */
export function turned(direction: Direction): Direction {
  if (direction === 'both') return direction;
  return direction === 'outgoing' ? 'incoming' : 'outgoing';
}

/** One way over an edge. */
export interface Step {
  readonly edge: string;
  readonly from: string;
  readonly to: string;
  /** Whether `from` is the source of the edge as it is stored. */
  readonly forward: boolean;
}

export interface LevelQuery {
  /** Ids of the beliefs from which to step. */
  readonly from: readonly string[];
  readonly direction: Direction;
  /** Left out: all. */
  readonly types?: readonly EdgeType[] | undefined;
  /** Left out: live edges, whatever their validity. */
  readonly view?: View | undefined;
}

export interface StepQuery extends LevelQuery {
  /** At most so many steps. */
  readonly limit?: number | undefined;
  /** One step to each belief, however many lead there. */
  readonly onceEach?: boolean | undefined;
}

/** Every step from a set of beliefs, in one query; ordered by where it leads, then by edge. */
export async function stepsFrom(session: Session, query: StepQuery): Promise<readonly Step[]> {
  const { rows } = await sql<Step>`
    SELECT ${query.onceEach === true ? sql`DISTINCT ON ("to")` : sql``} edge, "from", "to", forward
    FROM ${stepsOf(query, STEP_COLUMNS)} AS steps
    ORDER BY "to", edge LIMIT ${query.limit ?? null}::bigint`.execute(session.kysely);
  return rows;
}

/** One of the two ways over edges: which of their ends is near and which far. */
export interface Leg {
  readonly near: 'source_id' | 'target_id';
  readonly far: 'source_id' | 'target_id';
  readonly types: readonly EdgeType[];
}

/** What to read of a step over the edge `e`. The fewer, the likelier the index alone answers. */
export type StepColumns = (leg: Leg) => RawBuilder<unknown>;

export const STEP_COLUMNS: StepColumns = ({ near, far }) =>
  sql`e.id AS edge, e.${sql.raw(near)} AS "from", e.${sql.raw(far)} AS "to", ${sql.raw(String(near === 'source_id'))} AS forward`;

/**
 * SQL: the steps of a level as a relation in parentheses, one leg by each index, each asked once for the whole set.
 * `where`: what else must hold of the edge `e`.
 */
export function stepsOf(
  query: LevelQuery,
  columns: StepColumns,
  where?: (leg: Leg) => RawBuilder<unknown>,
): RawBuilder<unknown> {
  const from = startsOf(query);
  const further = (leg: Leg): RawBuilder<unknown> => (where === undefined ? sql`` : sql`AND ${where(leg)}`);
  if (query.from.length <= AT_ONCE_MAX) {
    return together(
      legsOf(query).map(
        (leg) => sql`
          SELECT ${columns(leg)} ${edgesOf(leg, query)} AND e.${sql.raw(leg.near)} = ANY (${from}) ${further(leg)}`,
      ),
    );
  }
  return together(
    legsOf(query).map(
      (leg) => sql`
        SELECT ${columns(leg)} FROM unnest(${from}) AS f (id) CROSS JOIN LATERAL (
          SELECT e.* FROM valence.belief_edges AS e
          WHERE e.${sql.raw(leg.near)} = f.id AND ${edgeHolds(leg, query)} ${further(leg)} OFFSET 0
        ) AS e ${farEnds(leg, query)}`,
    ),
  );
}

/**
 * Of more beliefs the planner may prefer to read all edges and compare each with every one of them, which takes minutes; so the
 * index is asked for each by itself, which for few is slower.
 */
const AT_ONCE_MAX = 1000;

/**
 * SQL: the first so many of the same steps, in the order of the set, then along the indexes. Slower than `stepsOf`, but
 * it reads no more than it gives, and gives the same whenever it is asked.
 */
export function firstStepsOf(query: LevelQuery, columns: StepColumns, limit: number): RawBuilder<unknown> {
  const legs = legsOf(query).map(
    (leg) => sql`(
      SELECT ${columns(leg)} ${edgesOf(leg, query)} AND e.${sql.raw(leg.near)} = f.id
      ORDER BY e.type, e.${sql.raw(leg.far)}, e.id LIMIT ${limit}::bigint)`,
  );
  return sql`(
    SELECT steps.* FROM unnest(${startsOf(query)}) AS f (id) CROSS JOIN LATERAL ${together(legs)} AS steps
    LIMIT ${limit}::bigint)`;
}

/** SQL: edges of the view and types that lead to a belief of it. */
function edgesOf(leg: Leg, query: LevelQuery): RawBuilder<unknown> {
  return sql`FROM valence.belief_edges AS e ${farEnds(leg, query)} AND ${edgeHolds(leg, query)}`;
}

/** SQL: whether the edge `e` is one of the view and of these types. */
function edgeHolds({ types }: Leg, { view = {} }: LevelQuery): RawBuilder<unknown> {
  const all = types.length === EDGE_TYPES.length;
  return sql`${isLive('e', view)} ${isTimed(view) ? sql`AND ${holds('e', view)}` : sql``}
    ${all ? sql`` : sql`AND e.type = ANY (${[...types]}::text[])`}`;
}

/** SQL: joins the belief that the edge `e` leads to, where the view may not have it. */
function farEnds({ far }: Leg, { view = {} }: LevelQuery): RawBuilder<unknown> {
  if (!isTimed(view)) return sql`WHERE true`;
  return sql`JOIN ${recordedBeliefs(view)} AS b ON b.id = e.${sql.raw(far)} WHERE ${holds('b', view)}`;
}

/** SQL: the beliefs from which to step, those that are in the view. */
function startsOf({ from, view = {} }: LevelQuery): RawBuilder<unknown> {
  const ids = uuidArray(from);
  if (!isTimed(view)) return ids;
  return sql`ARRAY(
    SELECT b.id FROM unnest(${ids}) WITH ORDINALITY AS given (id, place) JOIN ${recordedBeliefs(view)} AS b ON b.id = given.id
    WHERE ${holds('b', view)} ORDER BY given.place)`;
}

function isTimed(view: View): boolean {
  return view.as_of !== undefined || view.known_at !== undefined;
}

/** The ways to go: at most two, none without types. */
export function legsOf({ direction, types: asked = EDGE_TYPES }: LevelQuery): readonly Leg[] {
  const mutual = asked.filter((type) => type === 'contradicts');
  const legs: readonly Leg[] = [
    { near: 'source_id', far: 'target_id', types: direction === 'incoming' ? mutual : asked },
    { near: 'target_id', far: 'source_id', types: direction === 'outgoing' ? mutual : asked },
  ];
  return legs.filter(({ types }) => types.length > 0);
}

function together(legs: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return sql`(${sql.join(legs, sql` UNION ALL `)})`;
}
