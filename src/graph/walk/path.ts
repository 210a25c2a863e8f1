import { invariant } from '../../core/errors.ts';
import type { Session } from '../../schema/database.ts';
import { stepsFrom } from './adjacency.ts';
import type { Step } from './adjacency.ts';
import type { Belief, Edge } from '../records/belief-records.ts';
import { beliefsById, edgesById } from '../records/edges.ts';
import { findId } from '../records/find-id.ts';
import type { EdgeType } from '../records/vocabulary.ts';

export interface PathOptions {
  readonly edge_types?: readonly EdgeType[] | undefined;
  /** Follow edges only from source to target; `false` when left out. `contradicts` always goes both ways. */
  readonly directed?: boolean | undefined;
  /** 10 when left out. */
  readonly maxHops?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Path {
  readonly type: 'path';
  readonly hops: number;
  /** From end to end, one more than edges. */
  readonly beliefs: readonly Belief[];
  readonly edges: readonly Edge[];
}

/** `none`: no path of any length. `limit`: none within `maxHops`, there may be a longer one. */
export type PathSearch = { readonly outcome: 'found'; readonly path: Path } | { readonly outcome: 'none' | 'limit' };

export const MAX_HOPS_DEFAULT = 10;

/**
 * A shortest path by hops over live edges, always the same of several. Searches from both ends, a level at a time, one
 * query a level, so its cost does not grow with the number of paths.
 * @throws `graph/not-found` for an end, `graph/refused` when several ids begin so
 */
export async function shortestPath(
  session: Session,
  from: string,
  to: string,
  options: PathOptions = {},
): Promise<PathSearch> {
  const start = await findId(session, 'belief', from);
  const goal = await findId(session, 'belief', to);
  const steps = await search(session, start, goal, options);
  if (typeof steps === 'string') return { outcome: steps };
  const ids = [start, ...steps.map((step) => step.to)];
  const beliefs = await beliefsById(session, ids);
  const edges = await edgesById(
    session,
    steps.map((step) => step.edge),
  );
  const path: Path = {
    type: 'path',
    hops: steps.length,
    beliefs: ids.map((id) => present(beliefs.get(id))),
    edges: steps.map((step) => present(edges.get(step.edge))),
  };
  return { outcome: 'found', path };
}

function present<T>(record: T | undefined): T {
  invariant(record !== undefined, 'a path was changed while it was read');
  return record;
}

/** What is known from one end: the step by which each belief was first reached (`null`: the end itself). */
interface Side {
  readonly reached: Map<string, Step | null>;
  frontier: readonly string[];
  readonly direction: 'outgoing' | 'incoming' | 'both';
}

async function search(
  session: Session,
  start: string,
  goal: string,
  options: PathOptions,
): Promise<readonly Step[] | 'none' | 'limit'> {
  if (start === goal) return [];
  const ahead = side(start, options.directed === true ? 'outgoing' : 'both');
  const back = side(goal, options.directed === true ? 'incoming' : 'both');
  for (let hops = 1; hops <= (options.maxHops ?? MAX_HOPS_DEFAULT); hops += 1) {
    options.signal?.throwIfAborted();
    const [near, far] = ahead.frontier.length <= back.frontier.length ? [ahead, back] : [back, ahead];
    const steps = await stepsFrom(session, {
      from: near.frontier,
      direction: near.direction,
      types: options.edge_types,
      onceEach: true,
    });
    const fresh = steps.filter((step) => !near.reached.has(step.to));
    for (const step of fresh) near.reached.set(step.to, step);
    near.frontier = fresh.map((step) => step.to);
    // Every belief of this level that the other side has reached lies at the same distance from it, or a level before
    // would have met it: the first is as good as any.
    const meeting = near.frontier.find((id) => far.reached.has(id));
    if (meeting !== undefined) return [...trace(ahead, meeting).reverse(), ...trace(back, meeting).map(turned)];
    if (near.frontier.length === 0) return 'none';
  }
  return 'limit';
}

function side(id: string, direction: Side['direction']): Side {
  return { reached: new Map([[id, null]]), frontier: [id], direction };
}

/** The steps that led to `id`, last first. */
function trace({ reached }: Side, id: string): Step[] {
  const steps: Step[] = [];
  for (let step = reached.get(id); step; step = reached.get(step.from)) steps.push(step);
  return steps;
}

function turned({ edge, from, to, forward }: Step): Step {
  return { edge, from: to, to: from, forward: !forward };
}
