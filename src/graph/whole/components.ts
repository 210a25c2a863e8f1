import type { GraphArrays } from '../arrays/graph-arrays.ts';
import { partition } from './partition.ts';
import type { Partition } from './partition.ts';

/**
 * The weakly connected components: what is joined by edges of `edges` whatever their direction. Beliefs outside `beliefs` are
 * in none. Disjoint sets with path halving (Tarjan and van Leeuwen 1984): near linear.
 */
export function components(arrays: GraphArrays, edges: Uint8Array, beliefs: Uint8Array): Partition {
  const { source, target, count } = arrays.edges;
  const above = Int32Array.from({ length: arrays.beliefs.count }, (_, belief) => belief);
  for (let edge = 0; edge < count; edge += 1) {
    if (edges[edge] === 0) continue;
    const [one, other] = [root(above, source[edge]!), root(above, target[edge]!)];
    // The lesser one stays on top, so that a root is the least belief of its component, in whatever order edges come.
    if (one < other) above[other] = one;
    else above[one] = other;
  }
  return partition(above.map((_, belief) => (beliefs[belief] === 0 ? -1 : root(above, belief))));
}

function root(above: Int32Array, belief: number): number {
  let at = belief;
  while (above[at] !== at) {
    above[at] = above[above[at]!]!;
    at = above[at]!;
  }
  return at;
}
