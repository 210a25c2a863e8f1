import { invariant } from '../../core/errors.ts';
import type { Adjacency, GraphArrays } from '../arrays/graph-arrays.ts';
import type { Walked } from './weighted-steps.ts';

/**
 * The edge that leads from one belief to another: of several the strongest, of equally strong ones the first type in the order of
 * `EDGE_TYPES`, then the least number. Linear in the edges of `from`.
 */
export function strongestEdge(
  arrays: GraphArrays,
  walked: Walked,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  const { weight, type } = arrays.edges;
  const [first, ...others] = [
    ...edgesTo(arrays.outgoing, walked.outgoing, from, to),
    ...edgesTo(arrays.incoming, walked.incoming, from, to),
  ];
  invariant(first !== undefined, 'no edge leads from one belief of a way to the next');
  return others.reduce((best, edge) => {
    const order = weight[best]! - weight[edge]! || type[edge]! - type[best]! || edge - best;
    return order < 0 ? edge : best;
  }, first);
}

function* edgesTo({ offsets, ends, edges }: Adjacency, mask: Uint8Array, from: number, to: number): Iterable<number> {
  for (let step = offsets[from]!; step < offsets[from + 1]!; step += 1) {
    if (ends[step] === to && mask[edges[step]!] === 1) yield edges[step]!;
  }
}
