import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { fewestHops } from '../arrays/fewest-hops.ts';
import { uuidArray } from '../records/uuid-array.ts';
import { EDGE_TYPES } from '../records/vocabulary.ts';
import { legsOf, turned } from './adjacency.ts';
import type { Direction } from './adjacency.ts';
import { touchOrStep } from './frontier-meeting.ts';
import type { Frontiers, Touch } from './frontier-meeting.ts';
import { pathSearch } from './path-records.ts';
import type { PathIds, PathSearch } from './path-records.ts';
import { startId } from './starts.ts';
import { checkView, holds, isLive } from './view.ts';
import { levelQuery, stepChoice } from './walk-options.ts';
import type { WalkOptions } from './walk-options.ts';
import type { Walk } from './walk.ts';

export interface PathOptions extends WalkOptions {
  /** 10 when left out. */
  readonly maxHops?: number | undefined;
}

export const MAX_HOPS_DEFAULT = 10;

/**
 * A path of the fewest hops; of several that whose beliefs' ids come first, in order. Searched from both ends, a level at a
 * time, so that its cost does not grow with the number of paths. `from`, `to`: UUIDs or beginnings of them.
 * @throws `graph/not-found` for an end, `graph/refused` when several ids begin so, or for a time
 */
export async function shortestPath(
  walk: Walk,
  from: string,
  to: string,
  options: PathOptions = {},
): Promise<PathSearch> {
  checkView(options);
  const { session, meter } = walk;
  const start = await startId(session, from);
  const goal = await startId(session, to);
  const beliefs = (await searchArrays(walk, start, goal, options)) ?? (await search(walk, start, goal, options));
  const paths: PathIds[] = beliefs === 'none' ? [] : [{ beliefs, edges: await edgesAlong(session, beliefs, options) }];
  const stopped = beliefs === 'none' ? meter.stopped : null;
  return pathSearch(session, { from: start, to: goal, paths, stopped }, options);
}

/** What the arrays tell, where they are at hand and the search costs no more than it may. */
async function searchArrays(
  walk: Walk,
  start: string,
  goal: string,
  options: PathOptions,
): Promise<readonly string[] | 'none' | null> {
  const arrays = await walk.arrays(options);
  if (arrays === null) return null;
  const { meter } = walk;
  const { beliefsLeft, edgesLeft } = meter;
  const choice = { ...stepChoice(options), maxHops: options.maxHops ?? MAX_HOPS_DEFAULT, beliefsLeft, edgesLeft };
  const found = fewestHops(arrays, start, goal, choice);
  if (found === 'hops') meter.stop('hops');
  return found === 'hops' ? 'none' : found;
}

/** What is known from one end. */
interface Side {
  /** The belief from which each was first reached, nearer to this end; `null`: the end itself. */
  readonly reached: Map<string, string | null>;
  /** Ahead in the order of the paths that lead to them, back in the order of ids. */
  frontier: readonly string[];
  readonly direction: Direction;
}

/** The beliefs from end to end; `none`: the meter says what limit came first, if one did. */
async function search(
  walk: Walk,
  start: string,
  goal: string,
  options: PathOptions,
): Promise<readonly string[] | 'none'> {
  if (start === goal) return [start];
  const { meter } = walk;
  const direction = options.direction ?? 'both';
  const ahead = side(start, direction);
  const back = side(goal, turned(direction));
  meter.takeBeliefs(2);
  for (let hops = 1; hops <= (options.maxHops ?? MAX_HOPS_DEFAULT); hops += 1) {
    const [near, far] = ahead.frontier.length <= back.frontier.length ? [ahead, back] : [back, ahead];
    const frontiers: Frontiers = {
      near: levelQuery(near.frontier, { ...options, direction: near.direction }),
      far: far.frontier,
      nearIsAhead: near === ahead,
      limit: meter.edgesLeft,
    };
    const level = await walk.level((session) => touchOrStep(session, frontiers));
    if (level === null) return 'none';
    if (level.touch !== null) return joined(ahead, back, level.touch);
    const fresh = level.steps.filter(({ to }) => !near.reached.has(to));
    for (const step of fresh) near.reached.set(step.to, step.from);
    near.frontier = fresh.map((step) => step.to);
    if (meter.takeEdges(level.looked) < level.looked || meter.takeBeliefs(fresh.length) < fresh.length) return 'none';
    if (fresh.length === 0) return 'none';
  }
  meter.stop('hops');
  return 'none';
}

function side(id: string, direction: Direction): Side {
  return { reached: new Map([[id, null]]), frontier: [id], direction };
}

function joined(ahead: Side, back: Side, touch: Touch): readonly string[] {
  return [...trace(ahead, touch.ahead).reverse(), ...trace(back, touch.back)];
}

/** From a belief to the end that reached it. */
function trace({ reached }: Side, id: string): string[] {
  const beliefs: string[] = [];
  for (let next: string | null | undefined = id; next; next = reached.get(next)) beliefs.push(next);
  return beliefs;
}

/**
 * The edges between each belief and the next: the strongest where there are several, of equal ones the first in the order of
 * types, then the one that points along the path, then by ids.
 */
async function edgesAlong(
  session: Session,
  beliefs: readonly string[],
  options: WalkOptions,
): Promise<readonly string[]> {
  if (beliefs.length < 2) return [];
  const query = levelQuery([], options);
  const legs = legsOf(query).map(
    ({ near, far, types }) => sql`
      SELECT e.id, e.type, e.weight, ${sql.raw(String(near === 'source_id'))} AS along FROM valence.belief_edges AS e
      WHERE e.${sql.raw(near)} = pair.near AND e.${sql.raw(far)} = pair.far AND e.type = ANY (${[...types]}::text[])
        AND ${isLive('e', options)} AND ${holds('e', options)}`,
  );
  const { rows } = await sql<{ id: string }>`
    SELECT DISTINCT ON (place) id
    FROM unnest(${uuidArray(beliefs.slice(0, -1))}, ${uuidArray(beliefs.slice(1))}) WITH ORDINALITY AS pair (near, far, place)
    CROSS JOIN LATERAL (${sql.join(legs, sql` UNION ALL `)}) AS joining
    ORDER BY place, weight DESC, array_position(${[...EDGE_TYPES]}::text[], type), along DESC, id`.execute(
    session.kysely,
  );
  return rows.map(({ id }) => id);
}
