import type { KeyShape } from '../rows/row-key.ts';
import type { ChunkLabel, ContentIds } from './content-id.ts';
import { cutsAfter, NODE_AIM } from './cut.ts';
import type { CutPoints } from './cut.ts';
import { encodeNode, nodeEntryBytes } from './node.ts';
import { settled } from './tree-chunk.ts';
import type { StoreChunk, TreeEntry } from './tree-chunk.ts';

export interface NodeBuilderOptions<R> {
  readonly shape: KeyShape;
  readonly cuts: CutPoints;
  /** Of the nodes made. */
  readonly label: ChunkLabel;
  readonly ids: ContentIds;
  readonly store: StoreChunk<R>;
  /** Takes each finished node, in key order. */
  readonly rise: (entry: TreeEntry<R>) => void;
}

/** Gathers the entries of one level, in key order, into nodes of the level above. FORMAT.md §5.6, §5.7. */
export class NodeBuilder<R> {
  readonly #options: NodeBuilderOptions<R>;
  readonly #entryBytes: number;
  #entries: TreeEntry<R>[] = [];
  #size = 0;

  constructor(options: NodeBuilderOptions<R>) {
    this.#options = options;
    this.#entryBytes = nodeEntryBytes(options.shape.keyBytes);
  }

  /** Whether the last entry ended a node, so that what follows does not depend on what came before. */
  get isAtCut(): boolean {
    return this.#entries.length === 0;
  }

  add(entry: TreeEntry<R>): void {
    const { shape, cuts } = this.#options;
    const padded = Buffer.alloc(shape.paddedBytes);
    padded.set(entry.lastKey);
    const word = cuts.words(padded, 1, shape.paddedBytes)[0]!;
    const before = this.#size;
    this.#entries.push(entry);
    this.#size += this.#entryBytes;
    if (cutsAfter(word, before, this.#size, NODE_AIM)) this.#end();
  }

  /** The last entry of the level has been added. */
  flush(): void {
    if (!this.isAtCut) this.#end();
  }

  #end(): void {
    const entries = this.#entries;
    const content = encodeNode(entries);
    const { label, ids, store, rise } = this.#options;
    const contentId = ids.of(label, content);
    const node = {
      lastKey: entries[entries.length - 1]!.lastKey,
      contentId,
      rows: entries.reduce((sum, entry) => sum + entry.rows, 0),
      bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
    };
    const children = entries.map((entry) => entry.stored);
    const stored = settled(store({ ...node, label, content, children }));
    this.#entries = [];
    this.#size = 0;
    rise({ ...node, stored });
  }
}
