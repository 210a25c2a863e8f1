import { describe, expect, test } from 'vitest';
import { beliefMask, edgeMask } from '../../src/graph/arrays/edge-mask.ts';
import { components } from '../../src/graph/whole/components.ts';
import { degreeFigures, degrees } from '../../src/graph/whole/degrees.ts';
import { highest } from '../../src/graph/whole/highest.ts';
import { groupMembers, partition } from '../../src/graph/whole/partition.ts';
import type { Partition } from '../../src/graph/whole/partition.ts';
import { EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import { arraysOf } from '../support/graph-arrays.ts';
import type { ArrayEdge } from '../support/graph-arrays.ts';
import { Draw, listed, MOMENTS, randomArrays, renumbered, TIMES } from '../support/random-arrays.ts';
import { failure } from '../support/sample-knowledge.ts';
import { seededStream } from '../support/seeded-random.ts';

function groups(found: Partition): number[][] {
  return Array.from({ length: found.count }, (_, group) => [...groupMembers(found, group)]);
}

/** Largest first, then by the least. */
function inOrder(sets: readonly (readonly number[])[]): number[][] {
  return sets.map((set) => set.toSorted((a, b) => a - b)).toSorted((a, b) => b.length - a.length || a[0]! - b[0]!);
}

const all = (count: number): Uint8Array => new Uint8Array(count).fill(1);

describe('edges that count', () => {
  test('are those of the types that are valid with both ends', () => {
    const draw = new Draw(seededStream('edge masks'));
    for (let round = 0; round < 300; round += 1) {
      const arrays = randomArrays(draw);
      const types = EDGE_TYPES.filter(() => draw.chance(0.5));
      const moment = draw.below(TIMES.length + 1);
      const [asOf, time] = [TIMES[moment], BigInt(5 * (moment + 1))];
      const valid = (validity: { from: BigInt64Array; until: BigInt64Array } | null, at: number): boolean =>
        asOf === undefined || validity === null || (validity.from[at]! <= time && time < validity.until[at]!);
      const { edges, beliefs } = arrays;
      expect([...beliefMask(arrays, asOf)]).toEqual(
        Array.from({ length: beliefs.count }, (_, belief) => Number(valid(beliefs.validity, belief))),
      );
      expect([...edgeMask(arrays, { types, asOf })]).toEqual(
        Array.from({ length: edges.count }, (_, edge) => {
          const ends = [edges.source[edge]!, edges.target[edge]!];
          const asked = types.length === 0 || types.includes(EDGE_TYPES[edges.type[edge]!]!);
          return Number(asked && valid(edges.validity, edge) && ends.every((end) => valid(beliefs.validity, end)));
        }),
      );
    }
    expect(MOMENTS).toEqual([10n, 20n, 30n]);
  });

  test('a time that is none is refused', async () => {
    const arrays = arraysOf({ beliefs: 1, edges: [] });
    const refused = { code: 'graph/refused' };
    expect(await failure(Promise.resolve().then(() => edgeMask(arrays, { asOf: 'now' })))).toMatchObject(refused);
    expect(await failure(Promise.resolve().then(() => beliefMask(arrays, '2026')))).toMatchObject(refused);
  });
});

describe('components', () => {
  test('are those of a closure by hand, whatever the order of edges', () => {
    const draw = new Draw(seededStream('components'));
    for (let round = 0; round < 400; round += 1) {
      const arrays = randomArrays(draw);
      const [types, asOf] = [EDGE_TYPES.filter(() => draw.chance(0.6)), draw.pick([undefined, ...TIMES])];
      const [edges, beliefs] = [edgeMask(arrays, { types, asOf }), beliefMask(arrays, asOf)];
      let sets = [...beliefs.keys()].filter((belief) => beliefs[belief] === 1).map((belief) => [belief]);
      for (const { source, target } of listed(arrays, edges)) {
        const joined = sets.filter((set) => set.includes(source) || set.includes(target));
        sets = [...sets.filter((set) => !joined.includes(set)), joined.flat()];
      }
      expect(groups(components(arrays, edges, beliefs))).toEqual(inOrder(sets));
      const other = renumbered(arrays, draw);
      expect(components(other, edgeMask(other, { types, asOf }), beliefs)).toEqual(components(arrays, edges, beliefs));
    }
  });

  test('of nothing are none', () => {
    expect(components(arraysOf({ beliefs: 0, edges: [] }), all(0), all(0)).count).toBe(0);
  });

  test('a chain of 200,000 in any order and a star of 100,000 are one', () => {
    const draw = new Draw(seededStream('long'));
    const chain = draw.shuffled(Array.from({ length: 199_999 }, (_, number): ArrayEdge => [number, number + 1]));
    expect(components(arraysOf({ beliefs: 200_000, edges: chain }), all(199_999), all(200_000)).count).toBe(1);
    const star = Array.from({ length: 99_999 }, (_, number): ArrayEdge => [99_999, number]);
    const arrays = arraysOf({ beliefs: 100_000, edges: star });
    expect(components(arrays, all(99_999), all(100_000)).count).toBe(1);
    expect(components(arrays, new Uint8Array(99_999), all(100_000)).count).toBe(100_000);
    expect(degreeFigures(degrees(arrays))).toMatchObject({ median: 1, p95: 1, max: 99_999, isolated: 0 });
  });
});

describe('groups', () => {
  test('are largest first, then by their least member', () => {
    const draw = new Draw(seededStream('groups'));
    for (let round = 0; round < 200; round += 1) {
      const labels = Array.from({ length: draw.below(20) }, (_, __, length = 20) => draw.below(length + 1) - 1);
      const bounded = labels.map((label) => Math.min(label, labels.length - 1));
      const found = partition(Int32Array.from(bounded));
      const sets = [...new Set(bounded)]
        .filter((label) => label >= 0)
        .map((label) => [...bounded.keys()].filter((number) => bounded[number] === label));
      expect(groups(found)).toEqual(inOrder(sets));
      const own = bounded.map((label, number) =>
        label < 0 ? -1 : groups(found).findIndex((set) => set.includes(number)),
      );
      expect([...found.group]).toEqual(own);
    }
  });
});

describe('the highest', () => {
  test('are the first of all when sorted', () => {
    const draw = new Draw(seededStream('highest'));
    for (let round = 0; round < 300; round += 1) {
      const scores = Array.from({ length: draw.below(40) }, () => draw.below(6));
      const numbers = draw.shuffled([...scores.keys()]).filter(() => draw.chance(0.8));
      const count = draw.below(12);
      const sorted = numbers.toSorted((a, b) => scores[b]! - scores[a]! || a - b);
      expect([...highest(numbers, scores, count)]).toEqual(sorted.slice(0, count));
    }
  });
});

describe('degrees', () => {
  test('count edges at either end; their figures are those of the sorted list', () => {
    const draw = new Draw(seededStream('degrees'));
    for (let round = 0; round < 200; round += 1) {
      const arrays = randomArrays(draw);
      const counted = Array.from({ length: arrays.beliefs.count }, () => 0);
      for (const { source, target } of listed(arrays, edgeMask(arrays))) {
        counted[source]! += 1;
        counted[target]! += 1;
      }
      expect([...degrees(arrays)]).toEqual(counted);
      const sorted = counted.toSorted((a, b) => a - b);
      const atMost = (part: number): number =>
        sorted.find((value) => sorted.filter((other) => other <= value).length >= part * sorted.length) ?? 0;
      const sum = sorted.reduce((one, other) => one + other, 0);
      expect(degreeFigures(degrees(arrays))).toEqual({
        mean: sorted.length === 0 ? 0 : sum / sorted.length,
        median: atMost(0.5),
        p95: atMost(0.95),
        max: sorted.at(-1) ?? 0,
        isolated: sorted.filter((value) => value === 0).length,
      });
    }
  });
});
