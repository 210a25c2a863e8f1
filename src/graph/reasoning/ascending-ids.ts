import { uuidBytes } from '../../core/ids.ts';
import type { BeliefColumns, GraphArrays } from '../arrays/graph-arrays.ts';

export const ID_BYTES = 16;

/** Finds the numbers of ids that come in ascending order: one sweep over those of the arrays, and no table of them. */
export class AscendingIds {
  readonly #beliefs: BeliefColumns;
  #at = 0;

  constructor({ beliefs }: GraphArrays) {
    this.#beliefs = beliefs;
  }

  /** The number of the belief, or -1. */
  next(id: Uint8Array): number {
    const { count, ids } = this.#beliefs;
    while (this.#at < count && compareAt(ids, this.#at, id) < 0) this.#at += 1;
    return this.#at < count && compareAt(ids, this.#at, id) === 0 ? this.#at : -1;
  }
}

/** The number of an edge by its id, or -1; linear in the edges. */
export function edgeNumber({ edges }: GraphArrays, id: string): number {
  const wanted = uuidBytes(id);
  for (let edge = 0; edge < edges.count; edge += 1) if (compareAt(edges.ids, edge, wanted) === 0) return edge;
  return -1;
}

/** Byte by byte: faster than a view of its own for each of a million ids. */
function compareAt(ids: Uint8Array, number: number, id: Uint8Array): number {
  const start = number * ID_BYTES;
  for (let byte = 0; byte < ID_BYTES; byte += 1) {
    const difference = ids[start + byte]! - id[byte]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
