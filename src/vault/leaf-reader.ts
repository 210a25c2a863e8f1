import { toHex } from '../core/bytes.ts';
import { inlineLargeValues, readLeafRow } from '../format/rows/large-value.ts';
import { leafRows } from '../format/rows/leaf-rows.ts';
import type { LeafRow } from '../format/rows/leaf-rows.ts';
import type { TreeLayout } from '../format/tables.ts';
import type { Reference } from '../format/tree/chunk.ts';
import { CHUNK_KIND } from '../format/tree/content-id.ts';
import { malformed } from './chunk-reader.ts';
import type { Child, ChunkReader } from './chunk-reader.ts';

/** A row of a table. */
export interface TreeRow {
  readonly key: Uint8Array;
  /** As a tuple of binary COPY, large values in place. */
  readonly tuple: Uint8Array;
}

type IsWanted = (key: Uint8Array) => boolean;

/** Gives single rows out of leaves. */
export class LeafReader {
  readonly #chunks: ChunkReader;

  constructor(chunks: ChunkReader) {
    this.#chunks = chunks;
  }

  /** The wanted rows of a leaf, in key order; of large values only theirs are read. @throws `integrity/*`, `format/malformed` */
  async rows(leaf: Child, layout: TreeLayout, isWanted: IsWanted = () => true): Promise<TreeRow[]> {
    const { content, references } = await this.#chunks.open(leaf);
    const rows: TreeRow[] = [];
    let piecesSeen = 0;
    for (const found of leafRows(content, layout)) {
      const own = references.slice(piecesSeen, piecesSeen + found.pieces);
      piecesSeen += found.pieces;
      if (own.length !== found.pieces) break;
      if (isWanted(found.key)) rows.push({ key: found.key, tuple: await this.#tuple(found, own, leaf, layout) });
    }
    if (piecesSeen !== references.length) throw malformed('a leaf does not have one reference a piece');
    return rows;
  }

  /** The wanted keys of a leaf, ascending. @throws `integrity/*`, `format/malformed` */
  async keys(leaf: Child, layout: TreeLayout, isWanted: IsWanted = () => true): Promise<Uint8Array[]> {
    const { content } = await this.#chunks.open(leaf);
    const keys: Uint8Array[] = [];
    for (const { key } of leafRows(content, layout)) if (isWanted(key)) keys.push(key);
    return keys;
  }

  async #tuple(found: LeafRow, references: readonly Reference[], leaf: Child, layout: TreeLayout): Promise<Uint8Array> {
    if (found.pieces === 0) return found.row;
    const fields = readLeafRow(found.row, layout.columns.length);
    const contentIds = fields.flatMap((field) => (field.kind === 'moved' ? field.pieceIds : []));
    const pieces = new Map<string, Uint8Array>();
    for (const [i, contentId] of contentIds.entries()) {
      const label = { ...leaf.label, kind: CHUNK_KIND.piece };
      const piece = await this.#chunks.open({ label, contentId, reference: references[i]! });
      pieces.set(toHex(contentId), piece.content);
    }
    return inlineLargeValues(fields, (id) => pieces.get(toHex(id))!);
  }
}
