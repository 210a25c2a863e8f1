import { describe, expect, test } from 'vitest';
import type { GraphArrays } from '../../../src/graph/arrays/graph-arrays.ts';
import { bestPaths } from '../../../src/graph/arrays/paths/best-paths.ts';
import type { BestPath, BestPathsOptions } from '../../../src/graph/arrays/paths/best-paths.ts';
import { bestPathIds } from '../../../src/graph/arrays/paths/path-ids.ts';
import { stepCost } from '../../../src/graph/arrays/paths/path-cost.ts';
import type { Budget } from '../../../src/graph/walk/budget.ts';
import { EDGE_TYPES } from '../../../src/graph/records/vocabulary.ts';
import { arrayEdgeId, arraysOf } from '../../support/graph-arrays.ts';
import type { ArrayEdge, ArrayValidity } from '../../support/graph-arrays.ts';
import { seededStream } from '../../support/seeded-random.ts';
import { testId } from '../../support/substrate-rows.ts';
import { everyPath } from './every-path.ts';

const clock = { now: () => 0 };

/** Ties, products that are equal though their factors are not, and both ends of the range. */
const WEIGHTS = [0, 1, 1, 0.5, 0.5, 0.25, 0.75, 0.9, 0.8, 0.5625, 1e-30];

interface Draw {
  below(bound: number): number;
  of<T>(choices: readonly T[]): T;
}

function draws(name: string): Draw {
  const random = seededStream(name);
  const below = (bound: number): number => Buffer.from(random.bytes(4)).readUInt32BE() % bound;
  return { below, of: (choices) => choices[below(choices.length)]! };
}

function randomValidity(draw: Draw): ArrayValidity {
  if (draw.below(3) > 0) return {};
  return draw.of([{ from: 5n }, { until: 5n }, { from: 3n, until: 6n }]);
}

function randomGraph(draw: Draw): { beliefs: readonly ArrayValidity[]; edges: readonly ArrayEdge[] } {
  const count = 2 + draw.below(6);
  const valid = draw.below(3) === 0;
  const weights = draw.of([WEIGHTS, [1], [0.5, 1], [0.9]]);
  const edges = Array.from({ length: draw.below(3 * count) }, (): ArrayEdge => {
    const source = draw.below(count);
    const target = (source + 1 + draw.below(count - 1)) % count;
    return [source, target, draw.of(EDGE_TYPES), draw.of(weights), valid ? randomValidity(draw) : {}];
  });
  return { beliefs: Array.from({ length: count }, () => (valid ? randomValidity(draw) : {})), edges };
}

function randomOptions(draw: Draw, beliefs: number): BestPathsOptions {
  return {
    from: draw.below(beliefs),
    to: draw.below(beliefs),
    by: draw.of(['hops', 'strength']),
    direction: draw.of(['outgoing', 'incoming', 'both']),
    k: draw.of([1, 1, 2, 3, 5, 100]),
    types: draw.of([undefined, undefined, ['supports', 'contradicts'], ['derives_from'], []]),
    asOf: draw.of([undefined, 4n, 5n]),
    maxHops: draw.of([undefined, undefined, 0, 1, 2, 3, 4]),
    clock,
  };
}

const plain = ({ beliefs, edges, hops, strength }: BestPath): BestPath => ({ beliefs, edges, hops, strength });

describe('best paths', () => {
  test('are the first of all paths there are, in order, on small graphs', () => {
    const draw = draws('small graphs');
    const outcomes = new Set<string>();
    for (let round = 0; round < 6000; round += 1) {
      const graph = randomGraph(draw);
      const arrays = arraysOf(graph);
      const options = randomOptions(draw, graph.beliefs.length);
      const result = bestPaths(arrays, options);
      const all = everyPath(arrays, options);
      expect([round, result.paths]).toEqual([round, all.slice(0, options.k).map(plain)]);
      const isBounded =
        options.maxHops !== undefined && everyPath(arrays, { ...options, maxHops: undefined }).length > all.length;
      const limit = all.length < options.k! && isBounded ? 'hops' : null;
      expect([round, result.limit]).toEqual([round, limit]);
      expect(result.outcome).toBe(all.length > 0 ? 'found' : limit === null ? 'none' : 'limit');
      outcomes.add(`${options.by} ${result.outcome} ${result.limit}`);
    }
    expect(outcomes.size).toBe(8);
  });

  test('are the same whatever the order of the edges', () => {
    const draw = draws('orders');
    for (let round = 0; round < 2000; round += 1) {
      const graph = randomGraph(draw);
      const order = graph.edges.map((_, edge) => edge).toSorted(() => draw.below(3) - 1);
      const turned = { ...graph, edges: order.map((edge) => graph.edges[edge]!) };
      const options = { ...randomOptions(draw, graph.beliefs.length), k: 4 };
      const described = (arrays: GraphArrays): unknown => {
        const { source, target, type, weight } = arrays.edges;
        return bestPaths(arrays, options).paths.map(({ edges, ...path }) => ({
          ...path,
          edges: edges.map((edge) => [source[edge], target[edge], type[edge], weight[edge]]),
        }));
      };
      expect(described(arraysOf(turned))).toEqual(described(arraysOf(graph)));
    }
  });

  test('of large graphs cost what a plain search says', () => {
    const draw = draws('large graphs');
    for (let round = 0; round < 30; round += 1) {
      const count = 300 + draw.below(1500);
      const weights = draw.of([
        WEIGHTS,
        [0.9, 0.7, 1],
        [1],
        Array.from({ length: 500 }, () => draw.below(1000) / 1000),
      ]);
      const edges = Array.from({ length: count * (1 + draw.below(5)) }, (): ArrayEdge => {
        const source = draw.below(count);
        const near = draw.below(2) === 0;
        const target = (source + 1 + draw.below(near ? 9 : count - 1)) % count;
        return [source, target, draw.of(EDGE_TYPES), draw.of(weights)];
      });
      const arrays = arraysOf({ beliefs: count, edges });
      for (const by of ['hops', 'strength'] as const) {
        const direction = draw.of(['outgoing', 'incoming', 'both'] as const);
        const search = { from: draw.below(count), to: draw.below(count), by, direction, clock };
        const expected = plainCost(arrays, search);
        const { paths } = bestPaths(arrays, search);
        expect(paths.map((path) => costOf(arrays, by, path))).toEqual(expected === Infinity ? [] : [expected]);
        const several = bestPaths(arrays, { ...search, k: 6 }).paths;
        expect(several.slice(0, 1)).toEqual(paths);
        expect(new Set(several.map(({ beliefs }) => beliefs.join())).size).toBe(several.length);
        for (const { beliefs } of several) expect(new Set(beliefs).size).toBe(beliefs.length);
        const costs = several.map((path) => costOf(arrays, by, path));
        expect(costs).toEqual(costs.toSorted((a, b) => a - b));
        const hops = paths[0]?.hops ?? 0;
        expect(bestPaths(arrays, { ...search, maxHops: hops }).paths).toEqual(paths);
        for (const maxHops of [hops - 1, Math.ceil(hops / 2)].filter((bound) => bound > 0 && bound < hops)) {
          const bounded = bestPaths(arrays, { ...search, maxHops });
          expect(bounded.paths.map((path) => costOf(arrays, by, path))).toEqual(boundedCost(arrays, search, maxHops));
          expect(bounded.limit).toBe(bounded.paths.length === 0 ? 'hops' : null);
        }
      }
    }
  });

  test('of many thousand steps have alternatives that cost no more than a path each', () => {
    const beliefs = 40_000;
    const edges = Array.from({ length: beliefs - 1 }, (_, belief): ArrayEdge[] => [
      [belief, belief + 1, 'supports', 1],
      // One detour, which takes a belief out of the middle.
      ...(belief === 20_000 ? ([[belief, belief + 2, 'supports', 0.5]] as const) : []),
    ]).flat();
    const arrays = arraysOf({ beliefs, edges });
    const { paths, limit } = bestPaths(arrays, {
      ...{ from: 0, to: beliefs - 1, by: 'strength', direction: 'outgoing', k: 3, clock },
    });
    expect([limit, paths.map(({ hops, strength }) => [hops, strength])]).toEqual([
      null,
      [
        [beliefs - 1, 1],
        [beliefs - 2, 0.5],
      ],
    ]);
  });

  test('of which every step is a tie are found without trying them all', () => {
    // A ladder of diamonds has 2^40 shortest paths.
    const edges = Array.from({ length: 40 }, (_, rung): ArrayEdge[] =>
      [1, 2].flatMap((side): ArrayEdge[] => [
        [rung * 3, rung * 3 + side],
        [rung * 3 + side, rung * 3 + 3],
      ]),
    ).flat();
    const arrays = arraysOf({ beliefs: 121, edges });
    const search = { from: 0, to: 120, direction: 'outgoing', k: 3, clock } as const;
    for (const by of ['hops', 'strength'] as const) {
      const { outcome, paths } = bestPaths(arrays, { ...search, by });
      expect([outcome, paths.map(({ hops }) => hops)]).toEqual(['found', [80, 80, 80]]);
      expect(paths.map(({ beliefs }) => beliefs.filter((belief) => belief % 3 === 2))).toEqual([[], [119], [116]]);
    }
  });

  test('by ids are the same ones', () => {
    const arrays = arraysOf({
      beliefs: 4,
      edges: [
        [0, 1],
        [1, 2],
        [0, 2, 'derives_from', 0.5],
      ],
    });
    const search = { by: 'strength', direction: 'both', clock, k: 2 } as const;
    expect(bestPathIds(arrays, { ...search, from: testId(0), to: testId(2) })).toEqual({
      paths: [
        { beliefs: [0, 1, 2].map(testId), edges: [0, 1].map(arrayEdgeId) },
        { beliefs: [0, 2].map(testId), edges: [2].map(arrayEdgeId) },
      ],
      stopped: null,
    });
    const nothing = { paths: [], stopped: null };
    expect(bestPathIds(arrays, { ...search, from: testId(0), to: testId(3) })).toEqual(nothing);
    expect(bestPathIds(arrays, { ...search, from: testId(9), to: testId(0) })).toEqual(nothing);
    const far = bestPathIds(arrays, { ...search, from: testId(0), to: testId(2), maxHops: 0 });
    expect(far).toEqual({ paths: [], stopped: 'hops' });
  });

  test('end with their budget and keep what was found', () => {
    const edges = Array.from({ length: 200 }, (_, at): ArrayEdge[] => [
      [at, at + 1],
      [at, at + 1, 'derives_from', 0.5],
      [at, at + 2 > 200 ? 200 : at + 2, 'supports', 0.25],
    ]).flat();
    const arrays = arraysOf({ beliefs: 201, edges });
    const search = { from: 0, to: 200, by: 'strength', direction: 'outgoing', clock } as const;
    expect(bestPaths(arrays, { ...search, budget: { maxBeliefs: 20 } })).toEqual({
      outcome: 'limit',
      limit: 'beliefs',
      paths: [],
    });
    expect(bestPaths(arrays, { ...search, budget: { maxEdges: 20 } })).toMatchObject({
      outcome: 'limit',
      limit: 'edges',
    });
    // The least budgets that are enough: with one less it ends.
    const pair = { ...search, to: 1 } as const;
    const enough = (budget: Budget): boolean => bestPaths(arrays, { ...pair, budget }).limit === null;
    const least = [1, 2, 3, 4].find((maxBeliefs) => enough({ maxBeliefs }));
    expect([least, enough({ maxBeliefs: 0 })]).toEqual([2, false]);
    const some = bestPaths(arrays, { ...search, k: 50, budget: { maxBeliefs: 3000 } });
    expect(some).toMatchObject({ outcome: 'found', limit: 'beliefs' });
    const all = bestPaths(arrays, { ...search, k: 50 });
    expect([all.limit, all.paths.length]).toEqual([null, 50]);
    expect(some.paths).toEqual(all.paths.slice(0, some.paths.length));
    let now = 0;
    const hasty = { now: () => (now += 1) };
    expect(bestPaths(arrays, { ...search, clock: hasty, budget: { maxMs: 1 } })).toMatchObject({
      limit: 'time',
      paths: [],
    });
  });

  test('of a belief to itself are it alone, and a strength too small for a number is none', () => {
    const chain = Array.from({ length: 30 }, (_, at): ArrayEdge => [at, at + 1, 'supports', 1e-36]);
    const arrays = arraysOf({ beliefs: 31, edges: chain });
    const search = { from: 0, to: 30, by: 'strength', direction: 'both', clock } as const;
    for (const k of [1, 3]) {
      const alone = { beliefs: [4], edges: [], hops: 0, strength: 1 };
      expect(bestPaths(arrays, { ...search, from: 4, to: 4, k, maxHops: 0 })).toEqual({
        outcome: 'found',
        limit: null,
        paths: [alone],
      });
      expect(bestPaths(arrays, { ...search, k })).toEqual({ outcome: 'none', limit: null, paths: [] });
      expect(bestPaths(arrays, { ...search, k, to: 8 }).paths[0]!.strength).toBeCloseTo(1e-288, 294);
      expect(bestPaths(arrays, { ...search, k, by: 'hops' }).paths[0]!.hops).toBe(30);
    }
  });
});

/** Of a path, as the searches count. */
function costOf({ edges }: GraphArrays, by: 'hops' | 'strength', path: BestPath): number {
  return path.edges.reduce((sum, edge) => sum + (by === 'hops' ? 1 : stepCost(edges.weight[edge]!)), 0);
}

/** Costs by number of hops of the cheapest walk (Bellman 1958), until nothing changes or so many hops are done. */
function* rounds(arrays: GraphArrays, { from, by, direction }: BestPathsOptions): Generator<Float64Array> {
  const { source, target, weight, type, count } = arrays.edges;
  let costs = new Float64Array(arrays.beliefs.count).fill(Infinity);
  costs[from] = 0;
  for (;;) {
    yield costs;
    const next = costs.slice();
    for (let edge = 0; edge < count; edge += 1) {
      const cost = by === 'hops' ? 1 : stepCost(weight[edge]!);
      const mutual = EDGE_TYPES[type[edge]!] === 'contradicts' || direction === 'both';
      const [near, far] = [source[edge]!, target[edge]!];
      if (mutual || direction === 'outgoing') next[far] = Math.min(next[far]!, costs[near]! + cost);
      if (mutual || direction === 'incoming') next[near] = Math.min(next[near]!, costs[far]! + cost);
    }
    costs = next;
  }
}

function plainCost(arrays: GraphArrays, options: BestPathsOptions): number {
  let before: Float64Array | null = null;
  for (const costs of rounds(arrays, options)) {
    if (before !== null && costs.every((cost, belief) => cost === before![belief])) return costs[options.to]!;
    before = costs;
  }
  return Infinity;
}

function boundedCost(arrays: GraphArrays, options: BestPathsOptions, maxHops: number): number[] {
  let hops = 0;
  for (const costs of rounds(arrays, options)) {
    if (hops === maxHops) return costs[options.to] === Infinity ? [] : [costs[options.to]!];
    hops += 1;
  }
  return [];
}
