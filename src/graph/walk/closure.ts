import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { hopClosure } from '../arrays/hop-closure.ts';
import { uuidsOf } from '../records/uuid-array.ts';
import { firstStepsOf, stepsOf } from './adjacency.ts';
import type { LevelQuery, StepColumns } from './adjacency.ts';
import type { Walk } from './walk.ts';
import { levelQuery, stepChoice } from './walk-options.ts';
import type { WalkOptions } from './walk-options.ts';

/**
 * Everything within so many hops of some beliefs: how many hops away each is, by distance, then id. When the walk stops it
 * is a part of that, and the meter says why. The beliefs themselves are in it, at 0.
 */
export async function closure(
  walk: Walk,
  from: readonly string[],
  hops: number,
  options: WalkOptions,
): Promise<ReadonlyMap<string, number>> {
  const { meter } = walk;
  const arrays = await walk.arrays(options);
  const { beliefsLeft, edgesLeft } = meter;
  const reached =
    arrays === null ? null : hopClosure(arrays, from, hops, { ...stepChoice(options), beliefsLeft, edgesLeft });
  return reached ?? closureBySql(walk, from, hops, options);
}

async function closureBySql(
  walk: Walk,
  from: readonly string[],
  hops: number,
  options: WalkOptions,
): Promise<ReadonlyMap<string, number>> {
  const { meter } = walk;
  const found = new Map<string, number>();
  let frontier: readonly string[] = from.toSorted().slice(0, meter.takeBeliefs(from.length));
  for (const id of frontier) found.set(id, 0);
  for (let distance = 1; distance <= hops && frontier.length > 0; distance += 1) {
    const query = levelQuery(frontier, options);
    const level = await walk.level((session) => nextLevel(session, query, meter.edgesLeft));
    if (level === null) break;
    meter.takeEdges(level.looked);
    const fresh = level.to.filter((id) => !found.has(id));
    frontier = fresh.slice(0, meter.takeBeliefs(fresh.length));
    for (const id of frontier) found.set(id, distance);
  }
  return found;
}

interface Level {
  /** Steps, one more than the limit when there are more. */
  readonly looked: number;
  /** Where they lead, by id. */
  readonly to: readonly string[];
}

const FAR_END: StepColumns = ({ far }) => sql`e.${sql.raw(far)} AS "to"`;

async function nextLevel(session: Session, query: LevelQuery, limit: number): Promise<Level> {
  const all = await endsOf(
    session,
    sql`(SELECT "to" FROM ${stepsOf(query, FAR_END)} AS legs LIMIT ${limit + 1}::bigint)`,
  );
  if (all.looked <= limit) return all;
  // Which ones came first was left to the server.
  return { ...(await endsOf(session, firstStepsOf(query, FAR_END, limit))), looked: limit + 1 };
}

async function endsOf(session: Session, steps: ReturnType<typeof stepsOf>): Promise<Level> {
  const { rows } = await sql<{ looked: number; to: string }>`
    SELECT coalesce(sum(steps), 0)::int8 AS looked, coalesce(array_agg("to" ORDER BY "to"), '{}')::text AS "to"
    FROM (SELECT "to", count(*) AS steps FROM ${steps} AS steps GROUP BY "to") AS ends`.execute(session.kysely);
  const { looked, to } = rows[0]!;
  return { looked, to: uuidsOf(to) };
}
