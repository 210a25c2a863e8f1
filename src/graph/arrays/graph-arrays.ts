import { uuidBytes, uuidText } from '../../core/ids.ts';
import { countingSort, identity } from './counting-sort.ts';

/**
 * One state of the graph in typed arrays: compressed sparse rows (Tinney and Walker 1967), both ways. Beliefs have numbers
 * in the order of their ids; edges those of their source, target, type and id where `loadArrays` read
 * them. Only live edges are in it. Nobody writes to it.
 */
export interface GraphArrays {
  readonly beliefs: BeliefColumns;
  readonly edges: EdgeColumns;
  /** From each belief over the edges of which it is the source. */
  readonly outgoing: Adjacency;
  /** From each belief over the edges of which it is the target. */
  readonly incoming: Adjacency;
}

export interface BeliefColumns {
  readonly count: number;
  /** 16 bytes each, ascending. */
  readonly ids: Uint8Array;
  readonly confidence: Float32Array;
  /** Positions in `BELIEF_STATUSES`. */
  readonly status: Uint8Array;
  readonly validity: Validity | null;
}

export interface EdgeColumns {
  readonly count: number;
  /** 16 bytes each. */
  readonly ids: Uint8Array;
  /** Numbers of beliefs. */
  readonly source: Int32Array;
  readonly target: Int32Array;
  /** Positions in `EDGE_TYPES`. */
  readonly type: Uint8Array;
  readonly weight: Float32Array;
  readonly validity: Validity | null;
  /** How many edges were left out because a belief at their ends is not in this state. */
  readonly orphans: number;
}

/**
 * From the first up to but not at the second, in microseconds since 2000 (`parseTimestamp`); the least and the greatest
 * value of an int64 where open. Left out altogether (`null`) where nothing of the kind has a validity.
 */
export interface Validity {
  readonly from: BigInt64Array;
  readonly until: BigInt64Array;
}

/** The steps of belief `b` stand at `offsets[b]` up to but not at `offsets[b + 1]`, by the number of the other end, then of the edge. */
export interface Adjacency {
  readonly offsets: Int32Array;
  /** The belief at the other end. */
  readonly ends: Int32Array;
  readonly edges: Int32Array;
}

/** Orders the edges both ways; linear in beliefs and edges. */
export function graphArrays(beliefs: BeliefColumns, edges: EdgeColumns): GraphArrays {
  // A stable counting sort by the far end, then by the near one.
  const byTarget = countingSort(edges.target, identity(edges.count), beliefs.count).order;
  const bySource = countingSort(edges.source, identity(edges.count), beliefs.count).order;
  return {
    beliefs,
    edges,
    outgoing: adjacency(edges.source, edges.target, byTarget, beliefs.count),
    incoming: adjacency(edges.target, edges.source, bySource, beliefs.count),
  };
}

/** The number of a belief by its id, or -1. */
export function beliefNumber({ beliefs }: GraphArrays, id: string): number {
  const wanted = uuidBytes(id);
  let [low, high] = [0, beliefs.count - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = Buffer.compare(idAt(beliefs.ids, middle), wanted);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

export function beliefId({ beliefs }: GraphArrays, number: number): string {
  return uuidText(idAt(beliefs.ids, number));
}

export function edgeId({ edges }: GraphArrays, number: number): string {
  return uuidText(idAt(edges.ids, number));
}

function idAt(ids: Uint8Array, number: number): Uint8Array {
  return ids.subarray(number * 16, number * 16 + 16);
}

function adjacency(near: Int32Array, far: Int32Array, byFar: Int32Array, beliefs: number): Adjacency {
  const { order, offsets } = countingSort(near, byFar, beliefs);
  const ends = new Int32Array(order.length);
  for (let step = 0; step < ends.length; step += 1) ends[step] = far[order[step]!]!;
  return { offsets, ends, edges: order };
}
