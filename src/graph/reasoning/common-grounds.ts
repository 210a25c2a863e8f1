import type { GraphArrays } from '../arrays/graph-arrays.ts';
import type { Counts } from '../arrays/validity.ts';
import type { Limit } from '../walk/budget.ts';
import { DERIVES_FROM, SUPPORTS } from './standing.ts';

/** A belief from which chains of support lead to two others; numbers of beliefs. */
export interface CommonGround {
  readonly belief: number;
  /** From the ground to each of the two, both included: the shortest. One alone where the ground is that belief itself. */
  readonly chains: readonly [readonly number[], readonly number[]];
}

export interface CommonGrounds {
  /** The least sum of the two chains first, then the least number. */
  readonly grounds: readonly CommonGround[];
  /** How many were found, those included that are not given. */
  readonly found: number;
  /** What ended the search on either side; `null`: these are all. */
  readonly stopped: Limit | null;
}

/** Edges in a chain. */
const HOPS_MAX = 10;
/** Beliefs taken up on each side. */
const BELIEFS_MAX = 10_000;

/**
 * Whoever holds such a ground holds both ends. Searches backwards from each: from a belief to what supports it and to what
 * it derives from; in the order of the numbers, so that of chains of one length always the same is given.
 */
export function commonGrounds(
  arrays: GraphArrays,
  ends: readonly [number, number],
  { counts, limit }: { readonly counts: Counts | null; readonly limit: number },
): CommonGrounds {
  const [left, right] = [holders(arrays, ends[0], counts), holders(arrays, ends[1], counts)];
  const length = (belief: number): number => left.reached.get(belief)!.hops + right.reached.get(belief)!.hops;
  const shared = [...left.reached.keys()].filter((belief) => right.reached.has(belief));
  const nearest = shared.sort((a, b) => length(a) - length(b) || a - b).slice(0, limit);
  return {
    grounds: nearest.map((belief) => ({ belief, chains: [chain(left, belief), chain(right, belief)] })),
    found: shared.length,
    stopped: left.stopped ?? right.stopped,
  };
}

/** The beliefs whose chains lead to one end. */
interface Holders {
  /** By belief, nearest first. */
  readonly reached: ReadonlyMap<number, Reached>;
  readonly stopped: Limit | null;
}

interface Reached {
  /** The next belief of its chain; of the end itself -1. */
  readonly next: number;
  readonly hops: number;
}

/** Breadth first: a map is gone through in the order in which it grows. */
function holders(arrays: GraphArrays, end: number, counts: Counts | null): Holders {
  const reached = new Map<number, Reached>([[end, { next: -1, hops: 0 }]]);
  for (const [belief, { hops }] of reached) {
    for (const premise of premises(arrays, belief, counts)) {
      if (reached.has(premise)) continue;
      if (hops === HOPS_MAX) return { reached, stopped: 'hops' };
      if (reached.size === BELIEFS_MAX) return { reached, stopped: 'beliefs' };
      reached.set(premise, { next: belief, hops: hops + 1 });
    }
  }
  return { reached, stopped: null };
}

/** What supports a belief, and what it derives from. */
function* premises(arrays: GraphArrays, belief: number, counts: Counts | null): Generator<number> {
  const { type } = arrays.edges;
  for (const [adjacency, wanted] of [
    [arrays.incoming, SUPPORTS],
    [arrays.outgoing, DERIVES_FROM],
  ] as const) {
    const { offsets, ends, edges } = adjacency;
    for (let step = offsets[belief]!; step < offsets[belief + 1]!; step += 1) {
      if (type[edges[step]!] === wanted && counts?.(edges[step]!) !== false) yield ends[step]!;
    }
  }
}

function chain({ reached }: Holders, ground: number): readonly number[] {
  const beliefs: number[] = [];
  for (let belief = ground; belief !== -1; belief = reached.get(belief)!.next) beliefs.push(belief);
  return beliefs;
}
