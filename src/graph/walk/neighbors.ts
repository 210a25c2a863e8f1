import type { Belief } from '../records/belief-records.ts';
import { closure } from './closure.ts';
import { beliefsAround, present, startId } from './starts.ts';
import { checkView } from './view.ts';
import { walked } from './walk-options.ts';
import type { ReachedBelief, Walked, WalkOptions } from './walk-options.ts';
import type { Walk } from './walk.ts';

export interface NeighborsOptions extends WalkOptions {
  /** How many hops away; 1 when left out. */
  readonly hops?: number | undefined;
}

/** Every belief within so many hops of one. */
export interface Neighbors extends Walked {
  readonly type: 'neighbors';
  readonly belief: Belief;
  /** How many were asked for. */
  readonly hops: number;
  /** By distance, then id; without the one they are neighbors of. */
  readonly beliefs: readonly ReachedBelief[];
}

/** `id`: a UUID or the beginning of one. @throws `graph/not-found`, `graph/refused` when several ids begin so, or for a time */
export async function neighbors(walk: Walk, id: string, options: NeighborsOptions = {}): Promise<Neighbors> {
  checkView(options);
  const { session, meter } = walk;
  const center = await startId(session, id);
  const hops = options.hops ?? 1;
  const distances = await closure(walk, [center], hops, options);
  const found = await beliefsAround(session, [center], [center, ...distances.keys()], options);
  const beliefs: ReachedBelief[] = [];
  for (const [reached, distance] of distances) {
    if (distance > 0) beliefs.push({ ...present(found.get(reached)), hops: distance });
  }
  const belief = present(found.get(center));
  return { type: 'neighbors', belief, hops, beliefs, ...walked(options, meter.stopped) };
}
