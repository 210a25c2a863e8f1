import { describe, expect, test } from 'vitest';
import type { Adjacency, GraphArrays } from '../../src/graph/arrays/graph-arrays.ts';
import { beliefId, beliefNumber, edgeId } from '../../src/graph/arrays/graph-arrays.ts';
import { beliefsValidAt, edgesValidAt } from '../../src/graph/arrays/validity.ts';
import { arrayEdgeId, arraysOf } from '../support/graph-arrays.ts';
import type { ArrayEdge } from '../support/graph-arrays.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { testId } from '../support/substrate-rows.ts';

/** The steps of each belief as `[end, edge]`. */
function stepsOf({ offsets, ends, edges }: Adjacency): (readonly [number, number])[][] {
  return Array.from(offsets.subarray(1), (end, belief) =>
    Array.from({ length: end - offsets[belief]! }, (_, at) => {
      const step = offsets[belief]! + at;
      return [ends[step]!, edges[step]!] as const;
    }),
  );
}

function expected({ beliefs, edges }: GraphArrays, near: Int32Array, far: Int32Array): (readonly [number, number])[][] {
  return Array.from({ length: beliefs.count }, (_, belief) =>
    Array.from({ length: edges.count }, (_unused, edge) => edge)
      .filter((edge) => near[edge] === belief)
      .map((edge) => [far[edge]!, edge] as const)
      .toSorted((a, b) => a[0] - b[0] || a[1] - b[1]),
  );
}

describe('graph arrays', () => {
  test('have the steps of each belief both ways, by their other end, then edge', () => {
    const random = seededRandom('adjacency');
    for (let round = 0; round < 200; round += 1) {
      const [beliefs, count] = random.bytes(2);
      const edges = Array.from({ length: count! % 60 }, (): ArrayEdge => {
        const [source, target] = random.bytes(2);
        return [source! % (1 + (beliefs! % 12)), target! % (1 + (beliefs! % 12))];
      });
      const arrays = arraysOf({ beliefs: 1 + (beliefs! % 12), edges });
      const { source, target } = arrays.edges;
      expect(stepsOf(arrays.outgoing)).toEqual(expected(arrays, source, target));
      expect(stepsOf(arrays.incoming)).toEqual(expected(arrays, target, source));
    }
  });

  test('of nothing are empty', () => {
    const arrays = arraysOf({ beliefs: [], edges: [] });
    expect([...arrays.outgoing.offsets, ...arrays.incoming.offsets]).toEqual([0, 0]);
    expect(beliefNumber(arrays, testId(0))).toBe(-1);
  });

  test('know beliefs by their ids and the other way round', () => {
    const arrays = arraysOf({ beliefs: 300, edges: [[0, 299]] });
    for (let number = 0; number < 300; number += 1) {
      expect(beliefId(arrays, number)).toBe(testId(number));
      expect(beliefNumber(arrays, testId(number))).toBe(number);
    }
    expect(edgeId(arrays, 0)).toBe(arrayEdgeId(0));
    for (const id of [testId(300), '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']) {
      expect(beliefNumber(arrays, id)).toBe(-1);
    }
  });

  test('say what is valid at a time: from the beginning up to but not at the end, an edge with both ends', () => {
    const arrays = arraysOf({
      beliefs: [{}, { from: 10n }, { until: 20n }, { from: 10n, until: 20n }],
      edges: [
        [0, 1],
        [0, 2],
        [3, 0],
        [0, 1, 'supports', 1, { until: 15n }],
        [1, 0, 'derives_from', 1, { from: 15n, until: 17n }],
      ],
    });
    const at = (time: bigint): [readonly number[], readonly number[]] => [
      [0, 1, 2, 3].filter(beliefsValidAt(arrays, time)!),
      [0, 1, 2, 3, 4].filter(edgesValidAt(arrays, time)!),
    ];
    expect(at(9n)).toEqual([[0, 2], [1]]);
    expect(at(10n)).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
    expect(at(15n)).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 4],
    ]);
    expect(at(17n)[1]).toEqual([0, 1, 2]);
    expect(at(20n)).toEqual([[0, 1], [0]]);
    expect(edgesValidAt(arrays, null)).toBeNull();
  });

  test('without a validity are valid at any time', () => {
    const arrays = arraysOf({ beliefs: 2, edges: [[0, 1]] });
    expect([beliefsValidAt(arrays, 0n), edgesValidAt(arrays, 0n)]).toEqual([null, null]);
    const ends = arraysOf({ beliefs: [{ from: 5n }, {}], edges: [[0, 1]] });
    expect([edgesValidAt(ends, 4n)!(0), edgesValidAt(ends, 5n)!(0)]).toEqual([false, true]);
  });
});
