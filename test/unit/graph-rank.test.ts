import { describe, expect, test } from 'vitest';
import { beliefMask, edgeMask } from '../../src/graph/arrays/edge-mask.ts';
import type { GraphArrays } from '../../src/graph/arrays/graph-arrays.ts';
import { BELIEF_STATUSES } from '../../src/graph/records/vocabulary.ts';
import { pageRank } from '../../src/graph/whole/pagerank.ts';
import { supportSums, voters } from '../../src/graph/whole/votes.ts';
import { arraysOf } from '../support/graph-arrays.ts';
import type { ArrayEdge } from '../support/graph-arrays.ts';
import { Draw, listed, randomArrays, renumbered, TIMES } from '../support/random-arrays.ts';
import type { ListedEdge } from '../support/random-arrays.ts';
import { seededStream } from '../support/seeded-random.ts';

/** Who votes for whom. */
function vote({ type, source, target, weight }: ListedEdge): { from: number; to: number; weight: number } | null {
  if (type === 'contradicts') return null;
  return type === 'supersedes' ? { from: target, to: source, weight } : { from: source, to: target, weight };
}

/** The stationary distribution as the solution of a system of linear equations. */
function exactRank(arrays: GraphArrays, edges: Uint8Array, start: readonly number[]): number[] {
  const { length } = start;
  const given = start.map(() => start.map(() => 0));
  for (const edge of listed(arrays, edges)) {
    const cast = vote(edge);
    if (cast !== null) given[cast.from]![cast.to]! += cast.weight;
  }
  const shares = given.map((row) => {
    const sum = row.reduce((one, other) => one + other, 0);
    return sum === 0 ? start : row.map((weight) => weight / sum);
  });
  const system = start.map((own, to) => [
    ...start.map((_, from) => (from === to ? 1 : 0) - 0.85 * shares[from]![to]!),
    0.15 * own,
  ]);
  return solve(system, length);
}

/** Gaussian elimination with pivoting. */
function solve(system: number[][], length: number): number[] {
  for (let column = 0; column < length; column += 1) {
    const rest = system.slice(column);
    const pivot =
      column + rest.findIndex((row) => Math.abs(row[column]!) === Math.max(...rest.map((r) => Math.abs(r[column]!))));
    [system[column], system[pivot]] = [system[pivot]!, system[column]!];
    for (let row = 0; row < length; row += 1) {
      if (row === column) continue;
      const factor = system[row]![column]! / system[column]![column]!;
      system[row] = system[row]!.map((value, at) => value - factor * system[column]![at]!);
    }
  }
  return system.map((row, at) => row[length]! / row[at]!);
}

const distance = (one: ArrayLike<number>, other: readonly number[]): number =>
  other.reduce((sum, value, at) => sum + Math.abs(value - one[at]!), 0);

describe('PageRank', () => {
  test('is the exact solution to 1e-9, from all or from some, whatever the order of edges', () => {
    const draw = new Draw(seededStream('pagerank'));
    for (let round = 0; round < 400; round += 1) {
      const arrays = randomArrays(draw);
      const asOf = draw.pick([undefined, undefined, ...TIMES]);
      const [edges, beliefs] = [edgeMask(arrays, { asOf }), beliefMask(arrays, asOf)];
      const present = [...beliefs.keys()].filter((belief) => beliefs[belief] === 1);
      const some = present.filter(() => draw.chance(0.3));
      const around = some.length === 0 ? undefined : some;
      const start = [...beliefs].map((_, belief) => {
        const from = around ?? present;
        return from.includes(belief) ? 1 / from.length : 0;
      });
      const ranks = pageRank({ voters: voters(arrays, edges), beliefs, around });
      expect(distance(ranks, exactRank(arrays, edges, start))).toBeLessThan(1.1e-9);
      if (present.length > 0) expect(ranks.reduce((one, other) => one + other, 0)).toBeCloseTo(1, 9);
      const other = renumbered(arrays, draw);
      expect(pageRank({ voters: voters(other, edgeMask(other, { asOf })), beliefs, around })).toEqual(ranks);
    }
  });

  test('converges on a long circle, where it takes longest', () => {
    const count = 1001;
    const edges = Array.from({ length: count }, (_, at): ArrayEdge => [at, (at + 1) % count]);
    const arrays = arraysOf({ beliefs: count, edges });
    const ranks = pageRank({ voters: voters(arrays, edgeMask(arrays)), beliefs: beliefMask(arrays), around: [0] });
    const exact = Array.from(ranks, (_, at) => (0.15 * 0.85 ** at) / (1 - 0.85 ** count));
    expect(distance(ranks, exact)).toBeLessThan(1e-9);
  });

  test('a star of 100,000 gives its centre what it should', () => {
    const leaves = 100_000;
    const edges = Array.from({ length: leaves }, (_, leaf): ArrayEdge => [leaf, leaves]);
    const arrays = arraysOf({ beliefs: leaves + 1, edges });
    const ranks = pageRank({ voters: voters(arrays, edgeMask(arrays)), beliefs: beliefMask(arrays) });
    // x of the centre, y of a leaf: y = (0.15 + 0.85 x) / n, x = y + 0.85 leaves y.
    const centre = (0.15 * (1 + 0.85 * leaves)) / (leaves + 1 - 0.85 * (1 + 0.85 * leaves));
    expect(ranks[leaves]).toBeCloseTo(centre, 9);
  });

  test('of nothing is nothing', () => {
    const arrays = arraysOf({ beliefs: 0, edges: [] });
    expect(pageRank({ voters: voters(arrays, edgeMask(arrays)), beliefs: beliefMask(arrays) })).toHaveLength(0);
  });
});

describe('support', () => {
  test('is the sum of weight × confidence of what is active or disputed, whatever the order of edges', () => {
    const draw = new Draw(seededStream('support'));
    for (let round = 0; round < 300; round += 1) {
      const arrays = randomArrays(draw);
      const edges = edgeMask(arrays);
      const { confidence, status } = arrays.beliefs;
      const expected = Array.from(confidence, () => 0);
      for (const { type, source, target, weight } of listed(arrays, edges)) {
        if (type !== 'supports' && type !== 'derives_from') continue;
        const [reason, claim] = type === 'supports' ? [source, target] : [target, source];
        const counts = ['active', 'disputed'].includes(BELIEF_STATUSES[status[reason]!]!);
        if (counts) expected[claim]! += weight * confidence[reason]!;
      }
      const sums = supportSums(arrays, edges);
      expect(distance(sums, expected)).toBeLessThan(1e-12);
      const other = renumbered(arrays, draw);
      expect(supportSums(other, edgeMask(other))).toEqual(sums);
    }
  });
});
