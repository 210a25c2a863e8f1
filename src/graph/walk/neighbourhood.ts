import { invariant } from '../../core/errors.ts';
import type { Session } from '../../schema/database.ts';
import { stepsFrom } from './adjacency.ts';
import type { Direction, Step } from './adjacency.ts';
import type { Belief, Edge } from '../records/belief-records.ts';
import { beliefsById, edgesById } from '../records/edges.ts';
import { findId } from '../records/find-id.ts';
import type { EdgeType } from '../records/vocabulary.ts';

export interface NeighbourhoodOptions {
  readonly edge_types?: readonly EdgeType[] | undefined;
  /** `both` when left out. */
  readonly direction?: Direction | undefined;
  /** How many hops away; 1 when left out. */
  readonly depth?: number | undefined;
}

/** A belief, and live edges around it with what stands at their other ends. */
export interface Neighbourhood {
  readonly type: 'neighbourhood';
  readonly belief: Belief;
  /** Nearest first, then in the order of the ids of the other ends. */
  readonly edges: readonly Neighbour[];
  /** `false`: there are more edges than are shown. */
  readonly complete: boolean;
}

export interface Neighbour {
  /** As seen from the belief that is nearer. */
  readonly direction: 'outgoing' | 'incoming';
  readonly edge: Edge;
  /** At the end that is further away. */
  readonly belief: Belief;
  /** How far away it is. */
  readonly hops: number;
}

/** Edges shown; a hub of thousands is no answer to read. */
export const NEIGHBOURS_MAX = 1000;

/** `id`: a UUID or the beginning of one. @throws `graph/not-found`, `graph/refused` when several ids begin so */
export async function neighbourhood(
  session: Session,
  id: string,
  options: NeighbourhoodOptions = {},
): Promise<Neighbourhood> {
  const center = await findId(session, 'belief', id);
  const { found, complete } = await walk(session, center, options);
  const beliefs = await beliefsById(session, [center, ...found.map(({ step }) => step.to)]);
  const edges = await edgesById(
    session,
    found.map(({ step }) => step.edge),
  );
  const neighbours = found.map(({ step, hops }): Neighbour => {
    const [edge, belief] = [edges.get(step.edge), beliefs.get(step.to)];
    invariant(edge !== undefined && belief !== undefined, 'an edge was changed while it was read');
    return { direction: step.forward ? 'outgoing' : 'incoming', edge, belief, hops };
  });
  return { type: 'neighbourhood', belief: beliefs.get(center)!, edges: neighbours, complete };
}

interface Found {
  readonly step: Step;
  readonly hops: number;
}

async function walk(
  session: Session,
  center: string,
  options: NeighbourhoodOptions,
): Promise<{ found: readonly Found[]; complete: boolean }> {
  const found: Found[] = [];
  const seenEdges = new Set<string>();
  const seenBeliefs = new Set([center]);
  let frontier: readonly string[] = [center];
  for (let hops = 1; hops <= (options.depth ?? 1) && frontier.length > 0; hops += 1) {
    const limit = NEIGHBOURS_MAX + seenEdges.size + 1;
    const steps = await stepsFrom(session, {
      from: frontier,
      direction: options.direction ?? 'both',
      types: options.edge_types,
      limit,
    });
    const next = new Set<string>();
    for (const step of steps) {
      if (seenEdges.has(step.edge)) continue;
      if (found.length === NEIGHBOURS_MAX) return { found, complete: false };
      seenEdges.add(step.edge);
      found.push({ step, hops });
      if (!seenBeliefs.has(step.to)) next.add(step.to);
    }
    for (const id of next) seenBeliefs.add(id);
    frontier = [...next];
  }
  return { found, complete: true };
}
