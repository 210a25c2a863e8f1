import { invariant } from '../../core/errors.ts';
import { groupMembers } from './partition.ts';
import type { Partition } from './partition.ts';
import type { WeightedSteps } from './weighted-steps.ts';

/**
 * A cycle of fewest steps through the least belief of a strongly connected component, beginning with that; of equally
 * short ones the first in the order of their beliefs. Breadth first within the component: linear in its steps.
 */
export function shortestCycle(
  { offsets, ends }: Pick<WeightedSteps, 'offsets' | 'ends'>,
  strong: Partition,
  component: number,
): Int32Array {
  const members = groupMembers(strong, component);
  const start = members[0]!;
  const before = new Map<number, number>([[start, -1]]);
  const queue = new Int32Array(members.length);
  queue[0] = start;
  for (let [head, tail] = [0, 1]; head < tail; head += 1) {
    const belief = queue[head]!;
    for (let step = offsets[belief]!; step < offsets[belief + 1]!; step += 1) {
      const end = ends[step]!;
      if (end === start) return way(before, belief);
      if (strong.group[end] !== component || before.has(end)) continue;
      before.set(end, belief);
      queue[tail++] = end;
    }
  }
  invariant(false, 'a strongly connected component has no cycle');
}

function way(before: ReadonlyMap<number, number>, last: number): Int32Array {
  const beliefs: number[] = [];
  for (let belief = last; belief >= 0; belief = before.get(belief)!) beliefs.push(belief);
  return Int32Array.from(beliefs.reverse());
}
