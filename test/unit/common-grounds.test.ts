import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonGrounds } from '../../src/graph/reasoning/common-grounds.ts';
import type { CommonGrounds } from '../../src/graph/reasoning/common-grounds.ts';
import { arraysOf } from '../support/graph-arrays.ts';
import type { ArrayEdge } from '../support/graph-arrays.ts';
import { smallGraphs } from '../support/small-standing.ts';
import type { SmallGraph } from '../support/small-standing.ts';

function grounds(
  beliefs: number,
  edges: readonly ArrayEdge[],
  { ends = [0, 1], limit = 5 }: { ends?: readonly [number, number]; limit?: number } = {},
): CommonGrounds {
  return commonGrounds(arraysOf({ beliefs, edges }), ends, { counts: null, limit });
}

/** Fewest hops of a chain of support from each belief to one, over all pairs. */
function chainsTo({ beliefs, edges }: SmallGraph, end: number): readonly number[] {
  const hops = beliefs.map((_, at) => (at === end ? 0 : Infinity));
  for (let round = 0; round < beliefs.length; round += 1) {
    for (const { source, target, type } of edges) {
      const [from, to] = type === 'supports' ? [source, target] : type === 'derives_from' ? [target, source] : [0, 0];
      hops[from] = Math.min(hops[from]!, hops[to]! + 1);
    }
  }
  return hops;
}

describe('common grounds', () => {
  it('are those of all pairs, the nearest first, each with shortest chains', () => {
    fc.assert(
      fc.property(smallGraphs(), fc.nat(8), fc.nat(8), (graph, left, right) => {
        const size = graph.beliefs.length;
        const ends = [left % size, right % size] as const;
        const edges = graph.edges.map(({ source, target, type, weight }): ArrayEdge => [source, target, type, weight]);
        const found = grounds(size, edges, { ends, limit: 4 });
        const [a, b] = [chainsTo(graph, ends[0]), chainsTo(graph, ends[1])];
        const expected = [...graph.beliefs.keys()]
          .filter((at) => Number.isFinite(a[at]! + b[at]!))
          .toSorted((x, y) => a[x]! + b[x]! - a[y]! - b[y]! || x - y);
        expect(found).toMatchObject({ found: expected.length, stopped: null });
        expect(found.grounds.map(({ belief }) => belief)).toEqual(expected.slice(0, 4));
        for (const { belief, chains } of found.grounds) {
          expect(chains.map((chain) => chain.length - 1)).toEqual([a[belief], b[belief]]);
          for (const [side, chain] of chains.entries()) {
            expect([chain[0], chain.at(-1)]).toEqual([belief, ends[side]]);
            for (const [at, from] of chain.slice(0, -1).entries())
              expect(supports(graph, from, chain[at + 1]!)).toBe(true);
          }
        }
      }),
      { seed: 2026, numRuns: 500 },
    );
  });

  it('are an end itself where it supports the other', () => {
    expect(
      grounds(3, [
        [0, 2],
        [2, 1],
        [0, 1, 'contradicts'],
      ]),
    ).toEqual({
      grounds: [{ belief: 0, chains: [[0], [0, 2, 1]] }],
      found: 1,
      stopped: null,
    });
  });

  it('are only sought where edges count', () => {
    const arrays = arraysOf({
      beliefs: 3,
      edges: [
        [2, 0],
        [2, 1],
      ],
    });
    expect(commonGrounds(arrays, [0, 1], { counts: (edge) => edge !== 1, limit: 5 }).grounds).toEqual([]);
  });

  it('are sought ten hops far, and among 10,000 beliefs on a side', () => {
    // A chain 12 → 11 → … → 2 → 0, and 12 → 1 at once.
    const chain = (length: number): ArrayEdge[] => [
      [2, 0],
      ...Array.from({ length: length - 1 }, (_, at): ArrayEdge => [at + 3, at + 2]),
      [length + 1, 1],
    ];
    expect(grounds(12, chain(10))).toMatchObject({ found: 1, stopped: null });
    expect(grounds(13, chain(11))).toMatchObject({ found: 0, stopped: 'hops' });
    const hub = Array.from({ length: 100_000 }, (_, at): ArrayEdge => [at + 2, 0]);
    expect(grounds(100_002, [...hub, [2, 1]])).toMatchObject({ grounds: [{ belief: 2 }], stopped: 'beliefs' });
  });
});

function supports({ edges }: SmallGraph, from: number, to: number): boolean {
  return edges.some(
    ({ source, target, type }) =>
      (type === 'supports' && source === from && target === to) ||
      (type === 'derives_from' && source === to && target === from),
  );
}
