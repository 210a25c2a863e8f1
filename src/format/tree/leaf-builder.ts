import { view } from '../../core/bytes.ts';
import { ValenceError } from '../../core/errors.ts';
import type { TupleBatch } from '../rows/copy-tuples.ts';
import { moveLargeValues } from '../rows/large-value.ts';
import { keyShape } from '../rows/row-key.ts';
import type { KeyShape } from '../rows/row-key.ts';
import type { TreeLayout } from '../tables.ts';
import { CHUNK_KIND } from './content-id.ts';
import type { ChunkLabel, ContentIds } from './content-id.ts';
import { CutPoints, cutsAfter } from './cut.ts';
import { settled } from './tree-chunk.ts';
import type { StoreChunk, TreeEntry } from './tree-chunk.ts';

export interface LeafBuilderOptions<R> {
  readonly layout: TreeLayout;
  readonly boundaryKey: Uint8Array;
  readonly ids: ContentIds;
  readonly store: StoreChunk<R>;
  /** Takes each finished leaf, in key order. */
  readonly rise: (entry: TreeEntry<R>) => void;
}

const NO_KEY = Buffer.alloc(0);

/** Gathers rows in key order into leaves. FORMAT.md §5.6, §5.8. */
export class LeafBuilder<R> {
  readonly #options: LeafBuilderOptions<R>;
  readonly #shape: KeyShape;
  readonly #cuts: CutPoints;
  #leaf: Buffer;
  #leafBytes = 0;
  #leafRows = 0;
  #leafValueBytes = 0;
  #leafPieces: Promise<R>[] = [];
  #lastKey: Buffer | null = null;

  constructor(options: LeafBuilderOptions<R>) {
    this.#options = options;
    this.#shape = keyShape(options.layout);
    this.#cuts = new CutPoints(options.boundaryKey, options.layout.code, 0);
    this.#leaf = Buffer.allocUnsafe(options.layout.leafAim * 4);
  }

  /** Whether the last row ended a leaf, so that what follows does not depend on what came before. */
  get isAtCut(): boolean {
    return this.#leafRows === 0;
  }

  /** @throws `format/malformed` when keys do not ascend */
  add(batch: TupleBatch): void {
    const { paddedBytes } = this.#shape;
    const words = this.#cuts.words(batch.keys, batch.count, paddedBytes);
    this.#refuseDisorder(batch);
    let start = 0;
    for (let row = 0; row < batch.count; row += 1) {
      const end = batch.ends[row]!;
      const before = this.#leafBytes;
      if (batch.hasLargeValue) this.#appendMoved(batch.bytes.subarray(start, end));
      else this.#append(batch.bytes, start, end);
      this.#leafValueBytes += end - start;
      if (cutsAfter(words[row]!, before, this.#leafBytes, this.#options.layout.leafAim))
        this.#end(this.#keyOf(batch, row));
      start = end;
    }
    if (batch.count > 0) this.#lastKey = this.#keyOf(batch, batch.count - 1);
  }

  /** The last row has been added. */
  flush(): void {
    if (!this.isAtCut) this.#end(this.#lastKey!);
  }

  /** The one leaf of a tree without rows. */
  addEmptyLeaf(): void {
    this.#end(NO_KEY);
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
      const label = this.#label(CHUNK_KIND.piece);
      const content = Buffer.from(piece);
      const contentId = this.#options.ids.of(label, content);
      const chunk = { label, contentId, content, lastKey: NO_KEY, rows: 0, bytes: 0, children: [] };
      this.#leafPieces.push(settled(this.#options.store(chunk)));
      return contentId;
    });
    this.#append(view(row), 0, row.length);
  }

  #end(lastKey: Buffer): void {
    const content = Buffer.from(this.#leaf.subarray(0, this.#leafBytes));
    const label = this.#label(CHUNK_KIND.leaf);
    const contentId = this.#options.ids.of(label, content);
    const leaf = { lastKey, contentId, rows: this.#leafRows, bytes: this.#leafValueBytes };
    const stored = settled(this.#options.store({ ...leaf, label, content, children: this.#leafPieces }));
    [this.#leafBytes, this.#leafRows, this.#leafValueBytes, this.#leafPieces] = [0, 0, 0, []];
    this.#options.rise({ ...leaf, stored });
  }

  #label(kind: ChunkLabel['kind']): ChunkLabel {
    return { kind, tree: this.#options.layout.code, level: 0, rowVersion: this.#options.layout.rowVersion };
  }
}
