import type { Random } from '../../src/core/random.ts';
import { BELIEF_STATUSES, EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import type { EdgeType } from '../../src/graph/records/vocabulary.ts';
import { graphArrays } from '../../src/graph/arrays/graph-arrays.ts';
import type { GraphArrays } from '../../src/graph/arrays/graph-arrays.ts';
import { arraysOf } from './graph-arrays.ts';
import type { ArrayBelief, ArrayEdge, ArrayValidity } from './graph-arrays.ts';

/** Random graphs in typed arrays, and the numbers they are drawn with. */

/** Numbers drawn from seeded bytes. */
export class Draw {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(bound: number): number {
    return Buffer.from(this.#random.bytes(4)).readUInt32LE() % bound;
  }

  chance(part: number): boolean {
    return this.below(1_000_000) < part * 1_000_000;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  shuffled<T>(values: readonly T[]): T[] {
    const list = [...values];
    for (let last = list.length - 1; last > 0; last -= 1) {
      const other = this.below(last + 1);
      [list[last], list[other]] = [list[other]!, list[last]!];
    }
    return list;
  }
}

/** Validities of random graphs begin and end in these microseconds. */
export const MOMENTS: readonly bigint[] = [10n, 20n, 30n];

/** Any statuses and confidences; validity here and there. */
export function randomBeliefs(draw: Draw, count: number): ArrayBelief[] {
  return Array.from({ length: count }, () => ({
    confidence: draw.below(101) / 100,
    status: draw.pick(BELIEF_STATUSES),
    ...randomValidity(draw),
  }));
}

/** At most `count`, of every type, parallel ones of several types, weights that are often equal and sometimes 0; as the base allows. */
export function randomEdges(draw: Draw, beliefs: number, count: number): ArrayEdge[] {
  const edges = new Map<string, ArrayEdge>();
  for (let tries = 0; tries < count && beliefs > 1; tries += 1) {
    const [one, other, type] = [draw.below(beliefs), draw.below(beliefs), draw.pick(EDGE_TYPES)];
    const [source, target] = type === 'contradicts' && one > other ? [other, one] : [one, other];
    const weight = draw.pick([0, 0.25, 0.5, 1, 1, draw.below(1000) / 999]);
    if (source !== target)
      edges.set(`${source} ${target} ${type}`, [source, target, type, weight, randomValidity(draw)]);
  }
  return [...edges.values()];
}

/** Up to 12 beliefs with up to 40 edges. */
export function randomArrays(draw: Draw): GraphArrays {
  const beliefs = randomBeliefs(draw, draw.below(13));
  return arraysOf({ beliefs, edges: randomEdges(draw, beliefs.length, draw.below(41)) });
}

function randomValidity(draw: Draw): ArrayValidity {
  if (draw.chance(0.7)) return {};
  const first = draw.below(2);
  return {
    from: draw.chance(0.3) ? undefined : MOMENTS[first],
    until: draw.chance(0.3) ? undefined : MOMENTS[first + 1],
  };
}

/** The same graph with its edges in another order. */
export function renumbered(arrays: GraphArrays, draw: Draw): GraphArrays {
  const { edges, beliefs } = arrays;
  const order = draw.shuffled([...edges.source.keys()]);
  const at = <T>(column: ArrayLike<T>): T[] => order.map((edge) => column[edge]!);
  const ids = Buffer.concat(order.map((edge) => edges.ids.subarray(edge * 16, edge * 16 + 16)));
  const validity = edges.validity && {
    from: BigInt64Array.from(at(edges.validity.from)),
    until: BigInt64Array.from(at(edges.validity.until)),
  };
  return graphArrays(beliefs, {
    ...edges,
    ids,
    source: Int32Array.from(at(edges.source)),
    target: Int32Array.from(at(edges.target)),
    type: Uint8Array.from(at(edges.type)),
    weight: Float32Array.from(at(edges.weight)),
    validity,
  });
}

export interface ListedEdge {
  readonly number: number;
  readonly source: number;
  readonly target: number;
  readonly type: EdgeType;
  readonly weight: number;
}

/** The edges of a mask, one by one. */
export function listed({ edges }: GraphArrays, mask: Uint8Array): ListedEdge[] {
  return [...mask.keys()]
    .filter((number) => mask[number] === 1)
    .map((number) => ({
      number,
      source: edges.source[number]!,
      target: edges.target[number]!,
      type: EDGE_TYPES[edges.type[number]!]!,
      weight: edges.weight[number]!,
    }));
}

/** `MOMENTS` and those between and around them, as times. */
export const TIMES: readonly string[] = [5, 10, 15, 20, 25, 30, 35].map(
  (micros) => `2000-01-01T00:00:00.0000${String(micros).padStart(2, '0')}Z`,
);
