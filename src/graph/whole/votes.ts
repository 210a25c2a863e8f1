import type { GraphArrays } from '../arrays/graph-arrays.ts';
import { BELIEF_STATUSES, EDGE_TYPES } from '../records/vocabulary.ts';
import type { EdgeType } from '../records/vocabulary.ts';
import { weightedSteps } from './weighted-steps.ts';
import type { WeightedSteps } from './weighted-steps.ts';

/**
 * For each belief those that vote for it in PageRank, over the edges of `edges`: what leans on it by `supports` or
 * `derives_from`, and what it supersedes. `contradicts` casts no vote.
 */
export function voters(arrays: GraphArrays, edges: Uint8Array): WeightedSteps {
  return weightedSteps(arrays, {
    outgoing: ofTypes(arrays, edges, ['supersedes']),
    incoming: ofTypes(arrays, edges, ['supports', 'derives_from']),
  });
}

/**
 * How much speaks for each belief, over the edges of `edges`: the sum of weight × confidence over what supports it and what
 * it derives from, as far as that is active or disputed.
 */
export function supportSums(arrays: GraphArrays, edges: Uint8Array): Float64Array {
  const { confidence, status } = arrays.beliefs;
  const { offsets, ends, weights } = weightedSteps(arrays, {
    outgoing: ofTypes(arrays, edges, ['derives_from']),
    incoming: ofTypes(arrays, edges, ['supports']),
  });
  const [active, disputed] = [BELIEF_STATUSES.indexOf('active'), BELIEF_STATUSES.indexOf('disputed')];
  const sums = new Float64Array(arrays.beliefs.count);
  for (let belief = 0; belief < sums.length; belief += 1) {
    for (let step = offsets[belief]!; step < offsets[belief + 1]!; step += 1) {
      const from = ends[step]!;
      const counts = status[from] === active || status[from] === disputed;
      if (counts) sums[belief]! += weights[step]! * confidence[from]!;
    }
  }
  return sums;
}

/** Those edges of a mask that are of these types. */
export function ofTypes({ edges }: GraphArrays, mask: Uint8Array, types: readonly EdgeType[]): Uint8Array {
  const asked = Uint8Array.from(EDGE_TYPES, (name) => Number(types.includes(name)));
  return mask.map((counts, edge) => counts & asked[edges.type[edge]!]!);
}
