import { describe, expect, test } from 'vitest';
import { edgeMask } from '../../src/graph/arrays/edge-mask.ts';
import type { GraphArrays } from '../../src/graph/arrays/graph-arrays.ts';
import { aggregated, communityGraph } from '../../src/graph/whole/leiden/community-graph.ts';
import { leiden } from '../../src/graph/whole/leiden/leiden.ts';
import { moveNodes } from '../../src/graph/whole/leiden/local-moving.ts';
import { modularity } from '../../src/graph/whole/leiden/modularity.ts';
import { refine } from '../../src/graph/whole/leiden/refinement.ts';
import { arraysOf } from '../support/graph-arrays.ts';
import type { ArrayEdge } from '../support/graph-arrays.ts';
import { Draw, listed, randomArrays, randomEdges, renumbered } from '../support/random-arrays.ts';
import { seededStream } from '../support/seeded-random.ts';

/** Zachary 1977, as published: members from 1. */
const KARATE =
  `1-2 1-3 1-4 1-5 1-6 1-7 1-8 1-9 1-11 1-12 1-13 1-14 1-18 1-20 1-22 1-32 2-3 2-4 2-8 2-14 2-18 2-20 2-22 2-31
  3-4 3-8 3-9 3-10 3-14 3-28 3-29 3-33 4-8 4-13 4-14 5-7 5-11 6-7 6-11 6-17 7-17 9-31 9-33 9-34 10-34 14-34 15-33 15-34
  16-33 16-34 19-33 19-34 20-34 21-33 21-34 23-33 23-34 24-26 24-28 24-30 24-33 24-34 25-26 25-28 25-32 26-32 27-30 27-34
  28-34 29-32 29-34 30-33 30-34 31-33 31-34 32-33 32-34 33-34`
    .split(/\s+/)
    .map((pair): ArrayEdge => {
      const [one, other] = pair.split('-').map(Number) as [number, number];
      return [one - 1, other - 1];
    });

/** Weight between each two, both ways. */
function matrix(arrays: GraphArrays): number[][] {
  const { count } = arrays.beliefs;
  const between = Array.from({ length: count }, () => Array.from({ length: count }, () => 0));
  for (const { source, target, weight } of listed(arrays, edgeMask(arrays))) {
    between[source]![target]! += weight;
    between[target]![source]! += weight;
  }
  return between;
}

/** As it is defined: over all pairs, what joins them less what chance would. */
function plainModularity(
  between: readonly (readonly number[])[],
  community: ArrayLike<number>,
  resolution: number,
): number {
  const strength = between.map((row) => row.reduce((one, other) => one + other, 0));
  const total = strength.reduce((one, other) => one + other, 0);
  if (total === 0) return 0;
  let sum = 0;
  for (const [one, row] of between.entries()) {
    for (const [other, weight] of row.entries()) {
      if (community[one] === community[other]) sum += weight - (resolution * strength[one]! * strength[other]!) / total;
    }
  }
  return sum / total;
}

/** Whether each community hangs together over edges with a weight. */
function connected(between: readonly (readonly number[])[], community: ArrayLike<number>): boolean {
  const seen = new Set<number>();
  const begun = new Set<number>();
  return between.every((_, first) => {
    if (seen.has(first)) return true;
    if (begun.has(community[first]!)) return false;
    begun.add(community[first]!);
    const queue = [first];
    for (const node of queue) {
      if (seen.has(node)) continue;
      seen.add(node);
      for (const [next, weight] of between[node]!.entries()) {
        if (weight > 0 && community[next] === community[first]) queue.push(next);
      }
    }
    return true;
  });
}

/** The best of all partitions. */
function best(between: readonly (readonly number[])[], resolution: number): number {
  const community: number[] = [];
  let highest = -Infinity;
  const assign = (node: number, used: number): void => {
    if (node === between.length) {
      highest = Math.max(highest, plainModularity(between, community, resolution));
      return;
    }
    for (let to = 0; to <= used; to += 1) {
      community[node] = to;
      assign(node + 1, Math.max(used, to + 1));
    }
  };
  assign(0, 0);
  return highest;
}

const communitiesOf = (arrays: GraphArrays, resolution = 1): ReturnType<typeof leiden> =>
  leiden(communityGraph(arrays, edgeMask(arrays)), resolution);

const clique = (first: number, size: number): ArrayEdge[] =>
  Array.from({ length: size }, (_, one) =>
    Array.from({ length: one }, (__, other): ArrayEdge => [first + one, first + other]),
  ).flat();

describe('communities', () => {
  test('are connected, as good as they say, no worse than none, and no belief would do better elsewhere', () => {
    const draw = new Draw(seededStream('communities'));
    for (let round = 0; round < 300; round += 1) {
      const arrays = randomArrays(draw);
      const resolution = draw.pick([1, 1, 0.5, 2.5]);
      const found = communitiesOf(arrays, resolution);
      const between = matrix(arrays);
      const quality = plainModularity(between, found.community, resolution);
      expect(found.modularity).toBeCloseTo(quality, 12);
      expect(connected(between, found.community)).toBe(true);
      expect(quality).toBeGreaterThanOrEqual(plainModularity(between, [...between.keys()], resolution) - 1e-12);
      for (const node of between.keys()) {
        for (const to of [...found.community, between.length]) {
          const moved = found.community.with(node, to);
          expect(plainModularity(between, moved, resolution)).toBeLessThanOrEqual(quality + 2e-9);
        }
      }
      expect(communitiesOf(renumbered(arrays, draw), resolution)).toEqual(found);
    }
  });

  test('of larger graphs are connected, too, at every level', () => {
    const draw = new Draw(seededStream('larger communities'));
    for (let round = 0; round < 20; round += 1) {
      const count = 150 + draw.below(100);
      const arrays = arraysOf({ beliefs: count, edges: randomEdges(draw, count, count + draw.below(count)) });
      const found = communitiesOf(arrays);
      expect(connected(matrix(arrays), found.community)).toBe(true);
      expect(found.modularity).toBeCloseTo(plainModularity(matrix(arrays), found.community, 1), 12);
      expect(communitiesOf(renumbered(arrays, draw))).toEqual(found);
    }
  });

  test('of sparse graphs are connected, of which one comes out in pieces without the refinement', () => {
    const draw = new Draw(seededStream('x200300'));
    for (let round = 0; round < 30; round += 1) {
      const arrays = arraysOf({ beliefs: 200, edges: randomEdges(draw, 200, 300) });
      expect(connected(matrix(arrays), communitiesOf(arrays).community)).toBe(true);
    }
  });

  test('of small graphs are nearly always the best there are', () => {
    const draw = new Draw(seededStream('best communities'));
    let reached = 0;
    for (let round = 0; round < 100; round += 1) {
      const count = 2 + draw.below(6);
      const arrays = arraysOf({ beliefs: count, edges: randomEdges(draw, count, 4 + draw.below(20)) });
      const gap = best(matrix(arrays), 1) - communitiesOf(arrays).modularity;
      expect(gap).toBeGreaterThan(-1e-12);
      if (gap < 1e-9) reached += 1;
    }
    expect(reached).toBeGreaterThanOrEqual(90);
  });

  test('of the karate club are those of the literature', () => {
    const arrays = arraysOf({ beliefs: 34, edges: KARATE });
    const found = communitiesOf(arrays);
    // The optimum (Brandes et al. 2008).
    expect(found.modularity).toBeCloseTo(0.419_789_6, 6);
    expect(new Set(found.community).size).toBe(4);
    const draw = new Draw(seededStream('karate'));
    const qualities = Array.from({ length: 50 }, () => {
      const member = draw.shuffled([...Array.from({ length: 34 }).keys()]);
      const edges = KARATE.map(([one, other]): ArrayEdge => [member[one]!, member[other]!]);
      return communitiesOf(arraysOf({ beliefs: 34, edges })).modularity;
    });
    expect(qualities.toSorted((a, b) => a - b)[25]).toBeGreaterThan(0.4188);
    expect(Math.min(...qualities)).toBeGreaterThan(0.39);
  });

  test('of cliques in a ring are the cliques', () => {
    const [cliques, size] = [12, 8];
    const edges = Array.from({ length: cliques }, (_, at) => [
      ...clique(at * size, size),
      [at * size, ((at + 1) % cliques) * size + 1] as const,
    ]).flat();
    const { community } = communitiesOf(arraysOf({ beliefs: cliques * size, edges }));
    for (const node of community.keys()) {
      expect([...community].filter((of) => of === community[node])).toHaveLength(size);
      expect(community[node]).toBe(community[node - (node % size)]);
    }
  });

  test('a weight of 0 joins nothing, and a base without edges has a community a belief', () => {
    const alone = communitiesOf(arraysOf({ beliefs: 3, edges: [[0, 1, 'supports', 0]] }));
    expect(alone).toEqual({ community: Int32Array.of(0, 1, 2), modularity: 0 });
    expect(communitiesOf(arraysOf({ beliefs: 0, edges: [] })).community).toHaveLength(0);
  });

  test('a star of 100,000 is one, a chain of 100,000 many, a clique of 300 one', () => {
    const star = Array.from({ length: 99_999 }, (_, leaf): ArrayEdge => [leaf, 99_999]);
    expect(new Set(communitiesOf(arraysOf({ beliefs: 100_000, edges: star })).community).size).toBe(1);
    const chain = Array.from({ length: 99_999 }, (_, at): ArrayEdge => [at, at + 1]);
    const cut = communitiesOf(arraysOf({ beliefs: 100_000, edges: chain }));
    expect(cut.modularity).toBeGreaterThan(0.99);
    // Connected: a community of a chain is a stretch of it.
    const changes = cut.community.filter((of, node) => node > 0 && of !== cut.community[node - 1]).length;
    expect(new Set(cut.community).size).toBe(changes + 1);
    expect(new Set(communitiesOf(arraysOf({ beliefs: 300, edges: clique(0, 300) })).community).size).toBe(1);
  });
});

/** The refinement as the paper has it, from all pairs. Weights are quarters, so that sums are exact in any order. */
function plainRefinement(
  between: readonly (readonly number[])[],
  community: ArrayLike<number>,
  resolution: number,
): number[] {
  const nodes = [...between.keys()];
  const sets = [...nodes];
  const weight = (from: readonly number[], to: readonly number[]): number =>
    from.flatMap((one) => to.map((other) => between[one]![other]!)).reduce((sum, value) => sum + value, 0);
  const strength = (of: readonly number[]): number => weight(of, nodes);
  const expected = resolution / strength(nodes);
  const members = (set: number): number[] => nodes.filter((node) => sets[node] === set);
  for (const node of nodes) {
    const all = nodes.filter((other) => community[other] === community[node]);
    const wellConnected = (set: readonly number[]): boolean => {
      const rest = all.filter((other) => !set.includes(other));
      return weight(set, rest) >= strength(set) * (strength(all) - strength(set)) * expected;
    };
    if (members(sets[node]!).length > 1 || !wellConnected([node])) continue;
    const gains = [...new Set(all.filter((other) => between[node]![other]! > 0).map((other) => sets[other]!))]
      .filter((set) => wellConnected(members(set)))
      .map((set) => ({
        set,
        gain: weight([node], members(set)) - strength([node]) * strength(members(set)) * expected,
      }))
      .filter(({ gain }) => gain >= 0);
    const most = Math.max(...gains.map(({ gain }) => gain));
    sets[node] = gains.find(({ gain }) => gain === most)?.set ?? sets[node]!;
  }
  return sets;
}

describe('the steps of Leiden', () => {
  test('refining is that of the paper, on any partition', () => {
    const draw = new Draw(seededStream('refinement'));
    let [merged, held] = [0, 0];
    for (let round = 0; round < 300; round += 1) {
      const count = 3 + draw.below(8);
      const weights = [0, 0.25, 0.5, 1];
      const edges = randomEdges(draw, count, draw.below(30)).map(([source, target, type]): ArrayEdge => [
        source,
        target,
        type,
        draw.pick(weights),
      ]);
      const arrays = arraysOf({ beliefs: count, edges });
      const graph = communityGraph(arrays, edgeMask(arrays));
      if (graph.total === 0) continue;
      const groups = 1 + draw.below(3);
      const community = Int32Array.from({ length: count }, () => draw.below(groups));
      const resolution = draw.pick([0.5, 1, 2]);
      const sets = refine(graph, community, resolution);
      expect([...sets]).toEqual(plainRefinement(matrix(arrays), community, resolution));
      expect(connected(matrix(arrays), sets)).toBe(true);
      merged += sets.filter((set, node) => set !== node).length;
      held += sets.filter((set, node) => set === node).length;
    }
    expect(Math.min(merged, held)).toBeGreaterThan(300);
  });

  test('moving, repeated, ends where no node would do better elsewhere, from any partition', () => {
    const draw = new Draw(seededStream('moving'));
    for (let round = 0; round < 300; round += 1) {
      const arrays = randomArrays(draw);
      const graph = communityGraph(arrays, edgeMask(arrays));
      if (graph.total === 0) continue;
      const between = matrix(arrays);
      const resolution = draw.pick([0.5, 1, 3]);
      const community = Int32Array.from({ length: graph.count }, () => draw.below(graph.count));
      const before = plainModularity(between, community, resolution);
      // A node that leaves lets others do better whom it is not joined to: they are not visited again in the same call.
      for (let was = ''; was !== community.join(' ');) {
        was = community.join(' ');
        moveNodes(graph, community, resolution);
      }
      const quality = plainModularity(between, community, resolution);
      expect(quality).toBeGreaterThanOrEqual(before - 1e-12);
      for (const node of between.keys()) {
        for (const to of [...community, between.length]) {
          const moved = plainModularity(between, community.with(node, to), resolution);
          expect(moved).toBeLessThanOrEqual(quality + 1e-11);
        }
      }
    }
  });

  test('aggregating keeps the modularity', () => {
    const draw = new Draw(seededStream('aggregating'));
    for (let round = 0; round < 200; round += 1) {
      const arrays = randomArrays(draw);
      const graph = communityGraph(arrays, edgeMask(arrays));
      const labels = Array.from({ length: graph.count }, () => draw.below(5));
      const names = [...new Set(labels)];
      const sets = Int32Array.from(labels, (label) => names.indexOf(label));
      const above = aggregated(graph, sets, names.length);
      const ofSets = Int32Array.from(names, () => draw.below(names.length));
      const spread = sets.map((set) => ofSets[set]!);
      expect(above.total).toBe(graph.total);
      expect(modularity(above, ofSets, 1)).toBeCloseTo(plainModularity(matrix(arrays), spread, 1), 12);
    }
  });
});
