import type { ChunkLabel } from './content-id.ts';
import type { NodeEntry } from './node.ts';

/** What building a tree hands to storage, and what it keeps of it. */

/** A chunk that the tree hands to storage. `R` is whatever storage gives back to find it again. */
export interface TreeChunk<R> extends NodeEntry {
  readonly label: ChunkLabel;
  readonly content: Uint8Array;
  /** What was given back for the chunks that this one refers to, in order. */
  readonly children: readonly Promise<R>[];
}

/** Takes chunks, children before parents. `content` is the taker's to keep. A piece has no key, rows or bytes of its own. */
export type StoreChunk<R> = (chunk: TreeChunk<R>) => Promise<R>;

/** A leaf or node as the level above sees it. */
export interface TreeEntry<R> extends NodeEntry {
  readonly stored: Promise<R>;
}

/** Its failure is met where it is awaited, further up; here it must not count as unhandled. */
export function settled<R>(stored: Promise<R>): Promise<R> {
  stored.catch(() => {});
  return stored;
}
