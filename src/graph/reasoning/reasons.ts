import { CONTRADICTS, DERIVES_FROM, SUPPORTS } from './standing.ts';
import type { Standing } from './standing.ts';

/** For each belief, others that bear on it: those of `b` at `offsets[b]` up to but not at `offsets[b + 1]`. */
export interface Reasons {
  readonly offsets: Int32Array;
  readonly from: Int32Array;
  /** Above 0, at most 1. */
  readonly weight: Float32Array;
}

/**
 * What speaks for each belief (the sources of `supports` edges into it and the targets of its `derives_from` edges), and what
 * against it (both ends of `contradicts`); between beliefs in use. Linear.
 */
export function reasonsOf(standing: Standing): { readonly pro: Reasons; readonly contra: Reasons } {
  const weight = weights(standing);
  return {
    pro: gather(standing, weight, { onTarget: SUPPORTS, onSource: DERIVES_FROM }),
    contra: gather(standing, weight, { onTarget: CONTRADICTS, onSource: CONTRADICTS }),
  };
}

/** By edge: at most 1; 0 where it does not count. */
function weights({ arrays, counted, inUse }: Standing): Float32Array {
  const { count, source, target, weight } = arrays.edges;
  const counting = new Float32Array(count);
  for (let edge = 0; edge < count; edge += 1) {
    const counts = counted?.[edge] !== 0 && inUse[source[edge]!] === 1 && inUse[target[edge]!] === 1;
    if (counts && weight[edge]! > 0) counting[edge] = Math.min(weight[edge]!, 1);
  }
  return counting;
}

/** The types of edges by which a source bears on its target, and by which a target bears on its source. */
interface Bearing {
  readonly onTarget: number;
  readonly onSource: number;
}

/** Counts, then places: a counting sort by the belief that is borne on. */
function gather({ arrays }: Standing, weight: Float32Array, { onTarget, onSource }: Bearing): Reasons {
  const { count, source, target, type } = arrays.edges;
  const beliefs = arrays.beliefs.count;
  const offsets = new Int32Array(beliefs + 1);
  for (let edge = 0; edge < count; edge += 1) {
    if (weight[edge] === 0) continue;
    if (type[edge] === onTarget) offsets[target[edge]! + 1]! += 1;
    if (type[edge] === onSource) offsets[source[edge]! + 1]! += 1;
  }
  for (let belief = 0; belief < beliefs; belief += 1) offsets[belief + 1]! += offsets[belief]!;
  const next = offsets.slice();
  const total = offsets[beliefs]!;
  const reasons: Reasons = { offsets, from: new Int32Array(total), weight: new Float32Array(total) };
  const place = (edge: number, on: number, from: number): void => {
    const at = next[on]!++;
    reasons.from[at] = from;
    reasons.weight[at] = weight[edge]!;
  };
  for (let edge = 0; edge < count; edge += 1) {
    if (weight[edge] === 0) continue;
    if (type[edge] === onTarget) place(edge, target[edge]!, source[edge]!);
    if (type[edge] === onSource) place(edge, source[edge]!, target[edge]!);
  }
  return reasons;
}
