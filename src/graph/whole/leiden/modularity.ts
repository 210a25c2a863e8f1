import type { CommunityGraph } from './community-graph.ts';

/**
 * Modularity (Newman and Girvan 2004, with the resolution of Reichardt and Bornholdt 2006): the part of all weight that lies within
 * communities, less the part that would be expected there by chance. 0 for a graph without weight.
 */
export function modularity(
  { steps, strength, total, count }: CommunityGraph,
  community: Int32Array,
  resolution: number,
): number {
  if (total === 0) return 0;
  const strengths = new Float64Array(count);
  let within = 0;
  for (let node = 0; node < count; node += 1) {
    const of = community[node]!;
    let apart = 0;
    for (let step = steps.offsets[node]!; step < steps.offsets[node + 1]!; step += 1) {
      if (community[steps.ends[step]!] !== of) apart += steps.weights[step]!;
    }
    within += strength[node]! - apart;
    strengths[of]! += strength[node]!;
  }
  let chance = 0;
  for (const sum of strengths) chance += (sum / total) ** 2;
  return within / total - resolution * chance;
}
