import type { EdgeColumns, Validity } from './graph-arrays.ts';
import type { RawEdges } from './column-rows.ts';
import { countingSort, identity } from './counting-sort.ts';

/**
 * Edges in the order of source, target, type and id: the same for the same edges, however they came, and those of a belief
 * lie together. Linear, but for runs of edges that have the same ends.
 */
export function inOrderOfEnds(edges: RawEdges, beliefs: number): EdgeColumns {
  const { count, source, target } = edges;
  const byTarget = countingSort(target, identity(count), beliefs).order;
  const order = countingSort(source, byTarget, beliefs).order;
  orderRuns(order, edges);
  return {
    count,
    ids: takenIds(edges.ids, order),
    source: taken(source, order, new Int32Array(count)),
    target: taken(target, order, new Int32Array(count)),
    type: taken(edges.type, order, new Uint8Array(count)),
    weight: taken(edges.weight, order, new Float32Array(count)),
    validity: takenValidity(edges.validity, order),
    orphans: edges.orphans,
  };
}

/** Orders what has the same ends, by type and id. */
function orderRuns(order: Int32Array, { source, target, type, ids }: RawEdges): void {
  const id = (edge: number): Uint8Array => ids.subarray(edge * 16, edge * 16 + 16);
  const sameEnds = (a: number, b: number): boolean => source[a] === source[b] && target[a] === target[b];
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && sameEnds(order[end]!, order[start]!)) end += 1;
    if (end - start > 1) {
      order.subarray(start, end).sort((a, b) => type[a]! - type[b]! || Buffer.compare(id(a), id(b)));
    }
    start = end;
  }
}

function taken<C extends Int32Array | Uint8Array | Float32Array>(from: C, order: Int32Array, to: C): C {
  for (let number = 0; number < order.length; number += 1) to[number] = from[order[number]!]!;
  return to;
}

function takenIds(ids: Uint8Array, order: Int32Array): Uint8Array {
  const bytes = new Uint8Array(order.length * 16);
  // As words: an id is copied in four steps.
  const [from, to] = [new Uint32Array(ids.buffer), new Uint32Array(bytes.buffer)];
  for (let number = 0; number < order.length; number += 1) {
    const [word, at] = [order[number]! * 4, number * 4];
    to[at] = from[word]!;
    to[at + 1] = from[word + 1]!;
    to[at + 2] = from[word + 2]!;
    to[at + 3] = from[word + 3]!;
  }
  return bytes;
}

function takenValidity(validity: Validity | null, order: Int32Array): Validity | null {
  if (validity === null) return null;
  const [from, until] = [new BigInt64Array(order.length), new BigInt64Array(order.length)];
  for (let number = 0; number < order.length; number += 1) {
    from[number] = validity.from[order[number]!]!;
    until[number] = validity.until[order[number]!]!;
  }
  return { from, until };
}
