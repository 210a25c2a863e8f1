import type { GraphArrays } from '../arrays/graph-arrays.ts';

/** How many live edges beliefs have, at either end. */
export interface DegreeFigures {
  readonly mean: number;
  /** Of an even number of beliefs the lower of the two in the middle. */
  readonly median: number;
  /** The least degree that at least 95 of 100 beliefs do not exceed. */
  readonly p95: number;
  readonly max: number;
  /** Beliefs without an edge. */
  readonly isolated: number;
}

/** Edges at each belief, whatever their direction. */
export function degrees({ outgoing, incoming, beliefs }: GraphArrays): Int32Array {
  const degree = new Int32Array(beliefs.count);
  return degree.map((_, belief) => rowLength(outgoing.offsets, belief) + rowLength(incoming.offsets, belief));
}

export function rowLength(offsets: Int32Array, row: number): number {
  return offsets[row + 1]! - offsets[row]!;
}

/** All zero where there are no beliefs. */
export function degreeFigures(degree: Int32Array): DegreeFigures {
  const ascending = degree.slice().sort();
  const { length } = ascending;
  if (length === 0) return { mean: 0, median: 0, p95: 0, max: 0, isolated: 0 };
  const quantile = (part: number): number => ascending[Math.ceil(part * length) - 1]!;
  let sum = 0;
  let isolated = 0;
  for (const value of ascending) {
    sum += value;
    if (value === 0) isolated += 1;
  }
  return { mean: sum / length, median: quantile(0.5), p95: quantile(0.95), max: ascending[length - 1]!, isolated };
}
