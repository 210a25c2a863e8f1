import type { GraphArrays, Validity } from './graph-arrays.ts';

/** Of an open beginning and of an open end, in microseconds since 2000. */
export const SINCE_EVER: bigint = -(2n ** 63n);
export const FOR_EVER: bigint = 2n ** 63n - 1n;

/** Whether a belief or an edge, by its number, counts. */
export type Counts = (number: number) => boolean;

/**
 * Which beliefs are valid at a time: from its beginning up to but not at its end. `null`: all of them, as where no time is
 * given (`parseTimestamp` gives one).
 */
export function beliefsValidAt({ beliefs }: GraphArrays, asOf: bigint | null): Counts | null {
  return validAt(beliefs.validity, asOf);
}

/** Which edges are valid at a time, and both ends with them. `null`: all of them. */
export function edgesValidAt(arrays: GraphArrays, asOf: bigint | null): Counts | null {
  const [belief, edge] = [beliefsValidAt(arrays, asOf), validAt(arrays.edges.validity, asOf)];
  const { source, target } = arrays.edges;
  if (belief === null) return edge;
  const ends = (number: number): boolean => belief(source[number]!) && belief(target[number]!);
  return edge === null ? ends : (number) => edge(number) && ends(number);
}

function validAt(validity: Validity | null, asOf: bigint | null): Counts | null {
  if (validity === null || asOf === null) return null;
  const { from, until } = validity;
  return (number) => from[number]! <= asOf && asOf < until[number]!;
}
