import { uuidBytes } from '../../src/core/ids.ts';
import { graphArrays } from '../../src/graph/arrays/graph-arrays.ts';
import type { GraphArrays, Validity } from '../../src/graph/arrays/graph-arrays.ts';
import { FOR_EVER, SINCE_EVER } from '../../src/graph/arrays/validity.ts';
import { BELIEF_STATUSES, EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import type { BeliefStatus, EdgeType } from '../../src/graph/records/vocabulary.ts';
import { testId } from './substrate-rows.ts';

/** In microseconds since 2000, as `parseTimestamp` gives them; open where left out. */
export interface ArrayValidity {
  readonly from?: bigint | undefined;
  readonly until?: bigint | undefined;
}

export interface ArrayBelief extends ArrayValidity {
  /** 1 when left out. */
  readonly confidence?: number | undefined;
  /** `active` when left out. */
  readonly status?: BeliefStatus | undefined;
}

/** Numbers of source and target, `supports` when left out, a weight of 1 when left out. Of `contradicts` the lower one is the source. */
export type ArrayEdge = readonly [
  source: number,
  target: number,
  type?: EdgeType | undefined,
  weight?: number | undefined,
  validity?: ArrayValidity | undefined,
];

export interface ArrayGraph {
  /** Or how many there are. Each has the number of its place, and the id `testId` makes of that. */
  readonly beliefs: readonly ArrayBelief[] | number;
  readonly edges: readonly ArrayEdge[];
}

/** The id of the edge in this place. */
export function arrayEdgeId(number: number): string {
  return testId(0x100000000 + number);
}

/** A graph in typed arrays as `loadArrays` would make it of a base that holds these. */
export function arraysOf({ beliefs, edges }: ArrayGraph): GraphArrays {
  const rows = typeof beliefs === 'number' ? Array.from({ length: beliefs }, (): ArrayBelief => ({})) : beliefs;
  const folded = edges.map(([source, target, type = 'supports', weight = 1, validity = {}]) => {
    const turned = type === 'contradicts' && source > target;
    return { source: turned ? target : source, target: turned ? source : target, type, weight, ...validity };
  });
  return graphArrays(
    {
      count: rows.length,
      ids: Buffer.concat(rows.map((_, number) => uuidBytes(testId(number)))),
      confidence: Float32Array.from(rows, ({ confidence = 1 }) => confidence),
      status: Uint8Array.from(rows, ({ status = 'active' }) => BELIEF_STATUSES.indexOf(status)),
      validity: validityOf(rows),
    },
    {
      count: edges.length,
      ids: Buffer.concat(edges.map((_, number) => uuidBytes(arrayEdgeId(number)))),
      source: Int32Array.from(folded, ({ source }) => source),
      target: Int32Array.from(folded, ({ target }) => target),
      type: Uint8Array.from(folded, ({ type }) => EDGE_TYPES.indexOf(type)),
      weight: Float32Array.from(folded, ({ weight }) => weight),
      validity: validityOf(folded),
      orphans: 0,
    },
  );
}

function validityOf(rows: readonly ArrayValidity[]): Validity | null {
  if (rows.every(({ from, until }) => from === undefined && until === undefined)) return null;
  return {
    from: BigInt64Array.from(rows, ({ from }) => from ?? SINCE_EVER),
    until: BigInt64Array.from(rows, ({ until }) => until ?? FOR_EVER),
  };
}
