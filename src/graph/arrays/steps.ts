import type { GraphArrays } from './graph-arrays.ts';
import type { Passable } from './paths/step-graph.ts';

/** Calls `visit` with the end of every step from a belief that counts, as often as there are edges to it. */
export function eachStep(
  { outgoing, incoming }: GraphArrays,
  { along, against }: Passable,
  from: number,
  visit: (to: number) => void,
): void {
  for (let step = outgoing.offsets[from]!; step < outgoing.offsets[from + 1]!; step += 1)
    if (along(outgoing.edges[step]!)) visit(outgoing.ends[step]!);
  for (let step = incoming.offsets[from]!; step < incoming.offsets[from + 1]!; step += 1)
    if (against(incoming.edges[step]!)) visit(incoming.ends[step]!);
}
