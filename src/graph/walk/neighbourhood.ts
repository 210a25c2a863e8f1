import type { Belief, Edge, Source } from '../records/belief-records.ts';
import { edgesById } from '../records/edges.ts';
import { sourcesOf } from '../records/sources.ts';
import { shownSteps } from './shown-steps.ts';
import type { ShownStep } from './shown-steps.ts';
import { after } from './polarity.ts';
import type { Polarity } from './polarity.ts';
import { beliefsAround, present, startId } from './starts.ts';
import { checkView } from './view.ts';
import { levelQuery, walked } from './walk-options.ts';
import type { Walked, WalkOptions } from './walk-options.ts';
import type { Walk } from './walk.ts';

export interface NeighbourhoodOptions extends WalkOptions {
  /** How many hops away; 1 when left out. */
  readonly depth?: number | undefined;
}

/** A belief, where it comes from, and the edges around it as a tree. */
export interface Neighbourhood extends Walked {
  readonly type: 'neighbourhood';
  /** As it was known. */
  readonly belief: Belief;
  /** By type and id. */
  readonly sources: readonly Source[];
  /** How many hops were asked for. */
  readonly depth: number;
  /**
   * Nearest first, each edge once. Those of one parent stand in the order of edge types, then by weight, the heaviest first,
   * then by id; parents in the order in which they are listed themselves.
   */
  readonly edges: readonly Neighbour[];
  /** Edges that were come upon and are not shown; `null` where there are none. */
  readonly more: MoreEdges | null;
}

export interface MoreEdges {
  readonly edges: number;
  /** `true`: not all were counted. */
  readonly atLeast: boolean;
}

export interface Neighbour {
  /** The id of the belief at the near end, from which the edge is seen. */
  readonly parent: string;
  /** As seen from there. */
  readonly direction: 'outgoing' | 'incoming';
  readonly edge: Edge;
  /** At the far end. */
  readonly belief: Belief;
  /** How far away it is by this edge. */
  readonly hops: number;
  /** Of the way that leads here from the belief that is shown. */
  readonly polarity: Polarity;
  /** `true`: the belief stands nearer or earlier too, and what is around it stands there. */
  readonly repeated: boolean;
}

/** Edges shown; a hub of thousands is no answer to read. */
export const NEIGHBOURS_MAX = 1000;

/**
 * `id`: a UUID or the beginning of one.
 * @throws `graph/not-found`, `graph/refused` when several ids begin so, or for a time that cannot be read
 */
export async function neighbourhood(
  walk: Walk,
  id: string,
  options: NeighbourhoodOptions = {},
): Promise<Neighbourhood> {
  checkView(options);
  const { session, meter } = walk;
  const center = await startId(session, id);
  const depth = options.depth ?? 1;
  const { found, more } = await tree(walk, center, depth, options);
  const beliefs = await beliefsAround(session, [center], new Set([center, ...found.map(({ to }) => to)]), options);
  const edges = await edgesById(
    session,
    found.map(({ edge }) => edge),
  );
  const neighbours = found.map(({ edge, from, to, forward, hops, polarity, repeated }): Neighbour => {
    const direction = forward ? 'outgoing' : 'incoming';
    const records = { edge: present(edges.get(edge)), belief: present(beliefs.get(to)) };
    return { parent: from, direction, ...records, hops, polarity, repeated };
  });
  const belief = present(beliefs.get(center));
  const sources = await sourcesOf(session, center, options);
  return { type: 'neighbourhood', belief, sources, depth, edges: neighbours, more, ...walked(options, meter.stopped) };
}

interface Found extends ShownStep {
  readonly hops: number;
  readonly polarity: Polarity;
  readonly repeated: boolean;
}

async function tree(
  walk: Walk,
  center: string,
  depth: number,
  options: WalkOptions,
): Promise<{ readonly found: readonly Found[]; readonly more: MoreEdges | null }> {
  const { meter } = walk;
  const found: Found[] = [];
  const placed = new Map<string, Polarity>([[center, 'supports']]);
  let frontier: readonly string[] = [center];
  meter.takeBeliefs(1);
  for (let hops = 1; hops <= depth && frontier.length > 0; hops += 1) {
    const room = NEIGHBOURS_MAX - found.length;
    const query = {
      ...levelQuery(frontier, options),
      past: found.map(({ edge }) => edge),
      room,
      limit: meter.edgesLeft,
    };
    const level = await walk.level((session) => shownSteps(session, query));
    if (level === null) break;
    const inBudget = meter.takeEdges(level.looked) === level.looked;
    const next: string[] = [];
    let shown = 0;
    for (const step of level.steps) {
      const polarity = after(placed.get(step.from) ?? 'supports', step.type);
      const repeated = placed.has(step.to);
      if (!repeated && meter.takeBeliefs(1) === 0) break;
      found.push({ ...step, hops, polarity, repeated });
      shown += 1;
      if (repeated) continue;
      placed.set(step.to, polarity);
      next.push(step.to);
    }
    if (shown < level.total || !inBudget) {
      meter.stop('edges');
      return { found, more: { edges: level.total - shown, atLeast: !inBudget } };
    }
    frontier = next;
  }
  return { found, more: null };
}
