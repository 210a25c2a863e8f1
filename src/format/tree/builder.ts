import { view } from '../../core/bytes.ts';
import { invariant, ValenceError } from '../../core/errors.ts';
import { keyShape } from '../rows/row-key.ts';
import type { KeyShape } from '../rows/row-key.ts';
import { moveLargeValues } from '../rows/large-value.ts';
import type { TupleBatch } from '../rows/copy-tuples.ts';
import type { TreeLayout } from '../tables.ts';
import { CHUNK_KIND } from './content-id.ts';
import type { ChunkLabel, ContentIds, TreeSummary } from './content-id.ts';
import { CutPoints, cutsAfter, NODE_AIM } from './cut.ts';
import { encodeNode, nodeEntryBytes } from './node.ts';
import type { NodeEntry } from './node.ts';

/** A chunk that the tree hands to storage. `R` is whatever storage gives back to find it again. */
export interface TreeChunk<R> {
  readonly label: ChunkLabel;
  readonly contentId: Uint8Array;
  readonly content: Uint8Array;
  /** What was given back for the chunks that this one refers to, in order. */
  readonly children: readonly Promise<R>[];
}

/** Takes chunks, children before parents. `content` is the taker's to keep. */
export type StoreChunk<R> = (chunk: TreeChunk<R>) => Promise<R>;

interface PendingEntry<R> extends NodeEntry {
  readonly stored: Promise<R>;
}

export interface BuiltTree<R> {
  readonly summary: TreeSummary;
  readonly root: R;
}

export interface TreeBuilderOptions<R> {
  readonly layout: TreeLayout;
  /** 16 bytes; zero for a tree that belongs to no model. */
  readonly modelId: Uint8Array;
  readonly boundaryKey: Uint8Array;
  readonly ids: ContentIds;
  readonly store: StoreChunk<R>;
}

/**
 * Builds the search tree of one table from its rows in key order (FORMAT.md §5). The content id of its root depends on
 * the rows alone: not on how they were split into batches, nor on the engine they came from.
 */
export class TreeBuilder<R> {
  readonly #options: TreeBuilderOptions<R>;
  readonly #shape: KeyShape;
  readonly #leafCuts: CutPoints;
  readonly #levels: NodeLevel<R>[] = [];
  #leaf: Buffer;
  #leafBytes = 0;
  #leafRows = 0;
  #leafValueBytes = 0;
  #leafPieces: Promise<R>[] = [];
  #lastKey: Buffer | null = null;
  #leaves = 0;
  #firstLeaf: PendingEntry<R> | null = null;

  constructor(options: TreeBuilderOptions<R>) {
    this.#options = options;
    this.#shape = keyShape(options.layout);
    this.#leafCuts = new CutPoints(options.boundaryKey, options.layout.code, 0);
    this.#leaf = Buffer.allocUnsafe(options.layout.leafAim * 4);
  }

  /** @throws `format/malformed` when keys do not ascend */
  add(batch: TupleBatch): void {
    const { paddedBytes } = this.#shape;
    const words = this.#leafCuts.words(batch.keys, batch.count, paddedBytes);
    this.#refuseDisorder(batch);
    let start = 0;
    for (let row = 0; row < batch.count; row += 1) {
      const end = batch.ends[row]!;
      const before = this.#leafBytes;
      if (batch.hasLargeValue) this.#appendMoved(batch.bytes.subarray(start, end));
      else this.#append(batch.bytes, start, end);
      this.#leafValueBytes += end - start;
      if (cutsAfter(words[row]!, before, this.#leafBytes, this.#options.layout.leafAim))
        this.#endLeaf(this.#keyOf(batch, row));
      start = end;
    }
    if (batch.count > 0) this.#lastKey = this.#keyOf(batch, batch.count - 1);
  }

  /** Ends the tree; nothing may be added afterwards. */
  async finish(): Promise<BuiltTree<R>> {
    if (this.#leafRows > 0 || this.#leaves === 0) this.#endLeaf(this.#lastKey ?? Buffer.alloc(0));
    let top = this.#leaves === 1 ? this.#firstLeaf : null;
    let level = 0;
    for (; top === null; level += 1) top = this.#levels[level]!.finish();
    const { layout, modelId } = this.#options;
    const { contentId, rows, bytes } = top;
    return {
      summary: { code: layout.code, rowVersion: layout.rowVersion, level, modelId, contentId, rows, bytes },
      root: await top.stored,
    };
  }

  /** Rows are many, so keys are compared where they lie. */
  #refuseDisorder({ keys, count }: TupleBatch): void {
    const { paddedBytes, keyBytes } = this.#shape;
    let ascends = count === 0 || this.#lastKey === null || this.#lastKey.compare(keys, 0, keyBytes) < 0;
    for (let at = paddedBytes; ascends && at < count * paddedBytes; at += paddedBytes) {
      ascends = keys.compare(keys, at, at + keyBytes, at - paddedBytes, at - paddedBytes + keyBytes) < 0;
    }
    if (!ascends)
      throw new ValenceError('format/malformed', `the rows of ${this.#options.layout.name} do not come in key order`);
  }

  #keyOf(batch: TupleBatch, row: number): Buffer {
    const at = row * this.#shape.paddedBytes;
    return Buffer.from(batch.keys.subarray(at, at + this.#shape.keyBytes));
  }

  #append(source: Buffer, start: number, end: number): void {
    const after = this.#leafBytes + end - start;
    if (after > this.#leaf.length) this.#growLeaf(after);
    source.copy(this.#leaf, this.#leafBytes, start, end);
    this.#leafBytes = after;
    this.#leafRows += 1;
  }

  #growLeaf(bytes: number): void {
    const grown = Buffer.allocUnsafe(bytes * 2);
    this.#leaf.copy(grown, 0, 0, this.#leafBytes);
    this.#leaf = grown;
  }

  /** Appends a row of a batch in which some value is too long for a leaf. */
  #appendMoved(tuple: Buffer): void {
    const row = moveLargeValues(tuple, (piece) => {
      const label = this.#label(CHUNK_KIND.piece, 0);
      const content = Buffer.from(piece);
      const contentId = this.#options.ids.of(label, content);
      this.#leafPieces.push(settled(this.#options.store({ label, contentId, content, children: [] })));
      return contentId;
    });
    this.#append(view(row), 0, row.length);
  }

  #endLeaf(lastKey: Buffer): void {
    const content = Buffer.from(this.#leaf.subarray(0, this.#leafBytes));
    const label = this.#label(CHUNK_KIND.leaf, 0);
    const contentId = this.#options.ids.of(label, content);
    const stored = settled(this.#options.store({ label, contentId, content, children: this.#leafPieces }));
    const entry = { lastKey, contentId, rows: this.#leafRows, bytes: this.#leafValueBytes, stored };
    [this.#leafBytes, this.#leafRows, this.#leafValueBytes, this.#leafPieces] = [0, 0, 0, []];
    this.#leaves += 1;
    if (this.#leaves === 1) this.#firstLeaf = entry;
    this.#level(0).add(entry);
  }

  /** `index` 0 holds the entries of leaves, and so makes nodes of level 1. */
  #level(index: number): NodeLevel<R> {
    const existing = this.#levels[index];
    if (existing !== undefined) return existing;
    const level = index + 1;
    const created = new NodeLevel<R>({
      shape: this.#shape,
      cuts: new CutPoints(this.#options.boundaryKey, this.#options.layout.code, level),
      label: this.#label(CHUNK_KIND.node, level),
      ids: this.#options.ids,
      store: this.#options.store,
      rise: (entry) => this.#level(level).add(entry),
    });
    this.#levels.push(created);
    return created;
  }

  #label(kind: ChunkLabel['kind'], level: number): ChunkLabel {
    return { kind, tree: this.#options.layout.code, level, rowVersion: this.#options.layout.rowVersion };
  }
}

interface NodeLevelOptions<R> {
  readonly shape: KeyShape;
  readonly cuts: CutPoints;
  readonly label: ChunkLabel;
  readonly ids: ContentIds;
  readonly store: StoreChunk<R>;
  /** Takes each finished node one level up. */
  readonly rise: (entry: PendingEntry<R>) => void;
}

/** Gathers entries into nodes of one level. */
class NodeLevel<R> {
  readonly #options: NodeLevelOptions<R>;
  readonly #entryBytes: number;
  #entries: PendingEntry<R>[] = [];
  #size = 0;
  #nodes = 0;
  #first: PendingEntry<R> | null = null;

  constructor(options: NodeLevelOptions<R>) {
    this.#options = options;
    this.#entryBytes = nodeEntryBytes(options.shape.keyBytes);
  }

  add(entry: PendingEntry<R>): void {
    const { shape, cuts } = this.#options;
    const padded = Buffer.alloc(shape.paddedBytes);
    padded.set(entry.lastKey);
    const word = cuts.words(padded, 1, shape.paddedBytes)[0]!;
    const before = this.#size;
    this.#entries.push(entry);
    this.#size += this.#entryBytes;
    if (cutsAfter(word, before, this.#size, NODE_AIM)) this.#endNode();
  }

  /** Ends the last node; the node if it is the only one of its level, else null (the root is further up). */
  finish(): PendingEntry<R> | null {
    if (this.#entries.length > 0) this.#endNode();
    invariant(this.#nodes > 0, 'a level above several chunks is not empty');
    return this.#nodes === 1 ? this.#first : null;
  }

  #endNode(): void {
    const entries = this.#entries;
    const content = encodeNode(entries);
    const { label, ids, store, rise } = this.#options;
    const contentId = ids.of(label, content);
    const stored = settled(store({ label, contentId, content, children: entries.map((entry) => entry.stored) }));
    const node = {
      lastKey: entries[entries.length - 1]!.lastKey,
      contentId,
      rows: entries.reduce((sum, entry) => sum + entry.rows, 0),
      bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
      stored,
    };
    this.#entries = [];
    this.#size = 0;
    this.#nodes += 1;
    if (this.#nodes === 1) this.#first = node;
    rise(node);
  }
}

/** Its failure is met where it is awaited, further up; here it must not count as unhandled. */
function settled<R>(stored: Promise<R>): Promise<R> {
  stored.catch(() => {});
  return stored;
}
