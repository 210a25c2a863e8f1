import type { Adjacency, GraphArrays } from '../arrays/graph-arrays.ts';

/**
 * Where one gets from each belief, each end once: compressed sparse rows as in `Adjacency`, ends ascending. The weights of
 * several edges that lead to the same end are added, smallest first, so that the sum does not depend on how edges are numbered.
 */
export interface WeightedSteps {
  readonly offsets: Int32Array;
  readonly ends: Int32Array;
  readonly weights: Float64Array;
}

/** Which edges are walked from source to target, and which from target to source: a byte an edge. */
export interface Walked {
  readonly outgoing: Uint8Array;
  readonly incoming: Uint8Array;
}

/** The steps over these edges; linear. */
export function weightedSteps(arrays: GraphArrays, walked: Walked): WeightedSteps {
  const { count } = arrays.beliefs;
  const rows = new Rows(marked(walked.outgoing) + marked(walked.incoming));
  const offsets = new Int32Array(count + 1);
  for (let belief = 0; belief < count; belief += 1) {
    appendRow(rows, arrays, walked, belief);
    offsets[belief + 1] = rows.close();
  }
  return { offsets, ends: rows.ends.subarray(0, rows.length), weights: rows.weights.subarray(0, rows.length) };
}

/** Both adjacencies are in the order of their ends: one merge of two sorted lists. */
function appendRow(rows: Rows, { outgoing, incoming, edges }: GraphArrays, walked: Walked, belief: number): void {
  let out = skip(outgoing, walked.outgoing, outgoing.offsets[belief]!, belief);
  let into = skip(incoming, walked.incoming, incoming.offsets[belief]!, belief);
  const outEnd = outgoing.offsets[belief + 1]!;
  const intoEnd = incoming.offsets[belief + 1]!;
  while (out < outEnd || into < intoEnd) {
    if (into >= intoEnd || (out < outEnd && outgoing.ends[out]! <= incoming.ends[into]!)) {
      rows.add(outgoing.ends[out]!, edges.weight[outgoing.edges[out]!]!);
      out = skip(outgoing, walked.outgoing, out + 1, belief);
    } else {
      rows.add(incoming.ends[into]!, edges.weight[incoming.edges[into]!]!);
      into = skip(incoming, walked.incoming, into + 1, belief);
    }
  }
}

/** The next step of this belief, from a position on, that is walked; or the end of its row. */
function skip(adjacency: Adjacency, mask: Uint8Array, from: number, belief: number): number {
  const end = adjacency.offsets[belief + 1]!;
  let at = from;
  while (at < end && mask[adjacency.edges[at]!] === 0) at += 1;
  return at;
}

function marked(mask: Uint8Array): number {
  let count = 0;
  for (const byte of mask) count += byte;
  return count;
}

/** Rows that are filled one after the other; a row is closed by joining what leads to the same end. */
class Rows {
  readonly ends: Int32Array;
  readonly weights: Float64Array;
  length = 0;
  #start = 0;

  constructor(room: number) {
    this.ends = new Int32Array(room);
    this.weights = new Float64Array(room);
  }

  add(end: number, weight: number): void {
    this.ends[this.length] = end;
    this.weights[this.length] = weight;
    this.length += 1;
  }

  /** Where the next row begins. */
  close(): number {
    const { ends, weights, length } = this;
    let kept = this.#start;
    for (let at = this.#start; at < length; kept += 1) {
      let after = at + 1;
      while (after < length && ends[after] === ends[at]) after += 1;
      ends[kept] = ends[at]!;
      weights[kept] = after === at + 1 ? weights[at]! : sum(weights.subarray(at, after).sort());
      at = after;
    }
    this.length = kept;
    this.#start = kept;
    return kept;
  }
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
