import { edgeId } from '../graph-arrays.ts';
import type { GraphArrays } from '../graph-arrays.ts';
import { firstStepTo } from './step-graph.ts';
import type { Passable } from './step-graph.ts';

/**
 * The edge that a step goes over: of several the strongest, of equal ones the first type, then the one that points the
 * way the step goes, then the one of the least id.
 */
export function edgeOfStep(arrays: GraphArrays, { along, against }: Passable, from: number, to: number): number {
  const { outgoing, incoming, edges } = arrays;
  const choices: number[] = [];
  for (const [adjacency, counts] of [
    [outgoing, along],
    [incoming, against],
  ] as const) {
    const last = adjacency.offsets[from + 1]!;
    for (let step = firstStepTo(adjacency, from, to); step < last && adjacency.ends[step] === to; step += 1) {
      const edge = adjacency.edges[step]!;
      if (counts(edge)) choices.push(edge);
    }
  }
  const rank = (edge: number): readonly number[] => [
    -edges.weight[edge]!,
    edges.type[edge]!,
    edges.source[edge] === from ? 0 : 1,
  ];
  return choices.reduce((best, edge) => {
    const [a, b] = [rank(best), rank(edge)];
    const at = a.findIndex((value, index) => value !== b[index]);
    const isBetter = at === -1 ? edgeId(arrays, edge) < edgeId(arrays, best) : b[at]! < a[at]!;
    return isBetter ? edge : best;
  });
}
