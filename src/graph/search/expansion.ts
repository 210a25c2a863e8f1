import type { Session } from '../../schema/database.ts';
import { stepsFrom } from '../walk/adjacency.ts';
import type { View } from '../walk/view.ts';
import { withinTime } from './time-limit.ts';
import type { Deadline } from './time-limit.ts';

/** How a neighbour of hits was reached. */
export interface Via {
  /** The hit it is nearest to; of several the best one. */
  readonly hit: string;
  /** How far it is from there. */
  readonly hops: number;
  /** The last edge on the way, and the belief at its other end. */
  readonly edge: string;
  readonly from: string;
}

export interface Expansion {
  /** By hops, then by the place of the hit, then by id. */
  readonly reached: readonly (Via & { readonly id: string })[];
  readonly stopped: 'neighbours' | 'time' | null;
}

/** Neighbours that are added to the hits of a search. */
export const NEIGHBOURS_MAX = 200;
/** Edges looked at for a level. */
const STEPS_MAX = 20_000;

/** The beliefs within some hops of the hits (best first), over live edges in either direction, that are no hits themselves. */
export async function expandHits(
  session: Session,
  hits: readonly string[],
  { hops, view, deadline }: { readonly hops: number; readonly view: View; readonly deadline: Deadline },
): Promise<Expansion> {
  const place = new Map(hits.map((id, index) => [id, index]));
  const reached = new Map<string, Via>();
  let frontier: readonly string[] = hits;
  for (let level = 1; level <= hops && frontier.length > 0; level += 1) {
    const from = frontier;
    const steps = await withinTime(session, { deadline }, () =>
      stepsFrom(session, { from, direction: 'both', limit: STEPS_MAX + 1, view }),
    );
    if (steps === null) return { reached: listed(reached), stopped: 'time' };
    const fresh = new Map<string, Via>();
    const rank = (via: Via): number => place.get(via.hit)!;
    for (const step of steps.slice(0, STEPS_MAX)) {
      if (place.has(step.to) || reached.has(step.to)) continue;
      const hit = reached.get(step.from)?.hit ?? step.from;
      const via = { hit, hops: level, edge: step.edge, from: step.from };
      const known = fresh.get(step.to);
      if (known === undefined || rank(via) < rank(known)) fresh.set(step.to, via);
    }
    const ordered = [...fresh].toSorted(([a, x], [b, y]) => rank(x) - rank(y) || (a < b ? -1 : 1));
    const room = NEIGHBOURS_MAX - reached.size;
    for (const [id, via] of ordered.slice(0, room)) reached.set(id, via);
    if (ordered.length > room || steps.length > STEPS_MAX) return { reached: listed(reached), stopped: 'neighbours' };
    frontier = ordered.map(([id]) => id);
  }
  return { reached: listed(reached), stopped: null };
}

function listed(reached: ReadonlyMap<string, Via>): Expansion['reached'] {
  return [...reached].map(([id, via]) => ({ ...via, id }));
}
