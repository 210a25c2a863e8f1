import type { KeySet } from './key-set.ts';

/** Which rows of a tree somebody wants: asked of every chunk whether it is worth reading, and of every key. */
export interface Wanted {
  /** False only if no wanted key is above `after` (null: any is) and at most `upTo`. */
  mayLieIn(after: Uint8Array | null, upTo: Uint8Array): boolean;
  has(key: Uint8Array): boolean;
}

/** All rows whose key starts with one of these; with whole keys, these rows. */
export function startingWith(prefixes: KeySet): Wanted {
  const { keyBytes } = prefixes;
  return {
    mayLieIn(after, upTo) {
      const first = after === null ? 0 : prefixes.indexFrom(after);
      // Rows of the prefix of `after` may follow it, unless that is the whole key.
      const passed = after?.length === keyBytes && first < prefixes.size && prefixes.compare(first, after) === 0;
      const next = passed ? first + 1 : first;
      return next < prefixes.size && prefixes.compare(next, upTo) <= 0;
    },
    has: (key) => prefixes.has(key),
  };
}

/** Where two ids and what stands between them lie in the key of an edge, in either order of its tree. FORMAT.md §5.3. */
const ID_BYTES = 16;
const OTHER_AT = 32;

/** The edges, in either order of their tree, whose ends are both among `ids`. */
export function edgesAmong(ids: KeySet): Wanted {
  return {
    // No edge leads from a belief to itself.
    mayLieIn: (after, upTo) => ids.size > 1 && mayHoldEdge(ids, after ?? Buffer.alloc(upTo.length), upTo),
    has: (key) => ids.has(key) && ids.has(key, OTHER_AT),
  };
}

/**
 * Of a belief with very many edges most chunks hold no other; such a chunk is worth reading only for an other end
 * between its first and last, as long as the type stays the same.
 */
function mayHoldEdge(ids: KeySet, after: Uint8Array, upTo: Uint8Array): boolean {
  const first = ids.indexFrom(after);
  if (first === ids.size || ids.compare(first, upTo) > 0) return false;
  const isOneBelief = Buffer.compare(after.subarray(0, ID_BYTES), upTo.subarray(0, ID_BYTES)) === 0;
  const isOneType = Buffer.compare(after.subarray(ID_BYTES, OTHER_AT), upTo.subarray(ID_BYTES, OTHER_AT)) === 0;
  if (!isOneBelief || !isOneType) return true;
  const other = ids.indexFrom(after, OTHER_AT);
  return other < ids.size && ids.compare(other, upTo, OTHER_AT) <= 0;
}
