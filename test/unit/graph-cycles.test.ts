import { describe, expect, test } from 'vitest';
import { edgeMask } from '../../src/graph/arrays/edge-mask.ts';
import type { GraphArrays } from '../../src/graph/arrays/graph-arrays.ts';
import { EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import type { EdgeType } from '../../src/graph/records/vocabulary.ts';
import { groupMembers } from '../../src/graph/whole/partition.ts';
import { shortestCycle } from '../../src/graph/whole/shortest-cycle.ts';
import { strongComponents } from '../../src/graph/whole/strong-components.ts';
import { strongestEdge } from '../../src/graph/whole/strongest-edge.ts';
import { ofTypes } from '../../src/graph/whole/votes.ts';
import { weightedSteps } from '../../src/graph/whole/weighted-steps.ts';
import type { Walked, WeightedSteps } from '../../src/graph/whole/weighted-steps.ts';
import { arraysOf } from '../support/graph-arrays.ts';
import type { ArrayEdge } from '../support/graph-arrays.ts';
import { Draw, listed, randomArrays, renumbered } from '../support/random-arrays.ts';
import { seededStream } from '../support/seeded-random.ts';

function directed(arrays: GraphArrays, types?: readonly EdgeType[]): { walked: Walked; steps: WeightedSteps } {
  const outgoing = edgeMask(arrays, { types });
  const walked = { outgoing, incoming: ofTypes(arrays, outgoing, ['contradicts']) };
  return { walked, steps: weightedSteps(arrays, walked) };
}

/** Fewest steps from each to each, by Floyd and Warshall; from a belief to itself by a way around. */
function distances(arrays: GraphArrays, mask: Uint8Array): number[][] {
  const count = arrays.beliefs.count;
  const far = Array.from({ length: count }, () => Array.from({ length: count }, () => Infinity));
  for (const { source, target, type } of listed(arrays, mask)) {
    far[source]![target] = 1;
    if (type === 'contradicts') far[target]![source] = 1;
  }
  for (let by = 0; by < count; by += 1) {
    for (let from = 0; from < count; from += 1) {
      for (let to = 0; to < count; to += 1) {
        far[from]![to] = Math.min(far[from]![to]!, far[from]![by]! + far[by]![to]!);
      }
    }
  }
  return far;
}

describe('steps', () => {
  test('are each end once, ascending, with the sum of the weights that lead there', () => {
    const draw = new Draw(seededStream('steps'));
    for (let round = 0; round < 300; round += 1) {
      const arrays = randomArrays(draw);
      const any = edgeMask(arrays).map(() => Number(draw.chance(0.7)));
      const walked = { outgoing: any, incoming: any.map(() => Number(draw.chance(0.5))) };
      const expected = Array.from({ length: arrays.beliefs.count }, () => new Map<number, number>());
      const add = (from: number, to: number, weight: number): void =>
        void expected[from]!.set(to, (expected[from]!.get(to) ?? 0) + weight);
      for (const { source, target, weight } of listed(arrays, walked.outgoing)) add(source, target, weight);
      for (const { source, target, weight } of listed(arrays, walked.incoming)) add(target, source, weight);
      const { offsets, ends, weights } = weightedSteps(arrays, walked);
      expect(offsets.at(-1)).toBe(ends.length);
      for (const [belief, to] of expected.entries()) {
        const row = [...ends.subarray(offsets[belief], offsets[belief + 1])];
        expect(row).toEqual([...to.keys()].toSorted((a, b) => a - b));
        for (const [at, end] of row.entries()) expect(weights[offsets[belief]! + at]).toBeCloseTo(to.get(end)!, 12);
      }
    }
  });
});

describe('weights', () => {
  test('of parallel edges have the same sum in any order of edges', () => {
    const tiny = 2 ** -53;
    const edges: ArrayEdge[] = [
      ...[[0, 1, 'supports', 1] as const, [0, 1, 'supersedes', tiny] as const, [0, 1, 'derives_from', tiny] as const],
    ];
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const { steps } = directed(arraysOf({ beliefs: 2, edges: order.map((at) => edges[at]!) }));
      // From the greatest on, both tiny ones would be lost.
      expect([...steps.weights]).toEqual([1 + 2 * tiny]);
    }
  });
});

describe('cycles', () => {
  test('are those of reachability by hand, the shortest through the least belief', () => {
    const draw = new Draw(seededStream('cycles'));
    let found = 0;
    for (let round = 0; round < 400; round += 1) {
      const arrays = randomArrays(draw);
      const types = EDGE_TYPES.filter(() => draw.chance(0.5));
      const { walked, steps } = directed(arrays, types);
      const far = distances(arrays, walked.outgoing);
      const strong = strongComponents(steps);
      for (let one = 0; one < arrays.beliefs.count; one += 1) {
        expect(strong.group[one] === -1).toBe(far[one]![one] === Infinity);
        for (let other = 0; other < arrays.beliefs.count; other += 1) {
          if (one === other || strong.group[one] === -1) continue;
          const mutual = far[one]![other]! < Infinity && far[other]![one]! < Infinity;
          expect(strong.group[one] === strong.group[other]).toBe(mutual);
        }
      }
      for (let group = 0; group < strong.count; group += 1) {
        const cycle = [...shortestCycle(steps, strong, group)];
        expect(cycle[0]).toBe(groupMembers(strong, group)[0]);
        expect(cycle).toHaveLength(far[cycle[0]!]![cycle[0]!]!);
        expect(cycle).toEqual(firstShortest(far, cycle[0]!));
        found += 1;
      }
      const other = directed(renumbered(arrays, draw), types).steps;
      expect(strongComponents(other)).toEqual(strong);
    }
    expect(found).toBeGreaterThan(100);
  });

  test('the edge between two is the strongest, then the first type', () => {
    const draw = new Draw(seededStream('strongest edges'));
    for (let round = 0; round < 200; round += 1) {
      const arrays = randomArrays(draw);
      const { walked, steps } = directed(arrays);
      for (let from = 0; from < arrays.beliefs.count; from += 1) {
        for (const to of steps.ends.subarray(steps.offsets[from], steps.offsets[from + 1])) {
          const [best] = listed(arrays, walked.outgoing)
            .filter(({ source, target, type }) =>
              type === 'contradicts'
                ? [source, target].toString() === [from, to].toSorted((a, b) => a - b).toString()
                : source === from && target === to,
            )
            .toSorted((a, b) => b.weight - a.weight || EDGE_TYPES.indexOf(a.type) - EDGE_TYPES.indexOf(b.type));
          expect(strongestEdge(arrays, walked, { from, to })).toBe(best!.number);
        }
      }
    }
  });

  test('a circle of 200,000 is one, a chain of as many none', () => {
    const count = 200_000;
    const chain = Array.from({ length: count - 1 }, (_, at): ArrayEdge => [at, at + 1, 'derives_from']);
    expect(strongComponents(directed(arraysOf({ beliefs: count, edges: chain })).steps).count).toBe(0);
    const { steps } = directed(arraysOf({ beliefs: count, edges: [...chain, [count - 1, 0, 'derives_from']] }));
    const strong = strongComponents(steps);
    expect([strong.count, strong.members.length]).toEqual([1, count]);
    expect(shortestCycle(steps, strong, 0)).toEqual(Int32Array.from({ length: count }, (_, at) => at));
  });
});

/** Of the shortest ways around, the first in the order of its beliefs. */
function firstShortest(far: readonly (readonly number[])[], start: number): number[] {
  const way = [start];
  for (let left = far[start]![start]! - 1; left > 0; left -= 1) {
    const here = way.at(-1)!;
    way.push(far.findIndex((row, next) => next !== start && far[here]![next] === 1 && row[start] === left));
  }
  return way;
}
