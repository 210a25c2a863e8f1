import { equalBytes } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';
import { readLeafRow } from '../format/rows/large-value.ts';
import type { LeafField } from '../format/rows/large-value.ts';
import { leafRows } from '../format/rows/leaf-rows.ts';
import type { LeafRow } from '../format/rows/leaf-rows.ts';
import type { TreeLayout } from '../format/tables.ts';
import type { Chunk } from '../format/tree/chunk.ts';
import { CHUNK_KIND } from '../format/tree/content-id.ts';
import { malformed } from './chunk-reader.ts';
import type { ChunkReader } from './chunk-reader.ts';

/** Rows as leaves hold them: what stands in the leaf is at hand, large values are read when they are asked for. */

/** What opens the chunks of one snapshot. */
export type Chunks = Pick<ChunkReader, 'open' | 'children'>;

/** Where a row was found. */
interface Leaf {
  readonly chunk: Chunk;
  readonly columns: number;
  readonly chunks: Chunks;
}

export class StoredRow {
  readonly key: Uint8Array;
  /** Large values by the content ids of their pieces. */
  readonly #stored: Uint8Array;
  readonly #leaf: Leaf;
  /** Index of its first piece among the references of the leaf. */
  readonly #firstPiece: number;
  #parsed: readonly LeafField[] | null = null;

  constructor({ key, row }: LeafRow, leaf: Leaf, firstPiece: number) {
    this.key = key;
    this.#stored = row;
    this.#leaf = leaf;
    this.#firstPiece = firstPiece;
  }

  /** Bytes of a column by its number in the layout; null for SQL NULL. @throws `integrity/*`, `format/malformed` */
  async field(column: number): Promise<Uint8Array | null> {
    const field = this.#field(column);
    if (field.kind === 'inline') return field.value;
    const pieces: Uint8Array[] = [];
    for (const index of field.pieceIds.keys()) pieces.push(await this.#piece(column, index));
    const value = Buffer.concat(pieces);
    if (value.length !== field.length) throw malformed('the pieces of a large value have a wrong length');
    return value;
  }

  /** The same, but of a large value only its first piece. */
  async beginning(column: number): Promise<Uint8Array | null> {
    const field = this.#field(column);
    return field.kind === 'inline' ? field.value : this.#piece(column, 0);
  }

  /**
   * Whether a column says the same in another row of the table. `sameIds`: content ids of both were made with one key, so
   * that large values need not be read.
   */
  async hasSameField(column: number, other: StoredRow, sameIds: boolean): Promise<boolean> {
    const [a, b] = [this.#field(column), other.#field(column)];
    if (a.kind === 'inline' && b.kind === 'inline') return equalValues(a.value, b.value);
    if (a.kind === 'inline' || b.kind === 'inline' || a.length !== b.length) return false;
    if (sameIds) return a.pieceIds.every((id, index) => equalBytes(id, b.pieceIds[index]!));
    for (const index of a.pieceIds.keys()) {
      if (!equalBytes(await this.#piece(column, index), await other.#piece(column, index))) return false;
    }
    return true;
  }

  /** Whether every column says the same. */
  async isSame(other: StoredRow, sameIds: boolean): Promise<boolean> {
    if (equalBytes(this.#stored, other.#stored)) return true;
    if (sameIds) return false;
    for (let column = 0; column < this.#leaf.columns; column += 1) {
      if (!(await this.hasSameField(column, other, sameIds))) return false;
    }
    return true;
  }

  #field(column: number): LeafField {
    return (this.#parsed ??= readLeafRow(this.#stored, this.#leaf.columns))[column]!;
  }

  async #piece(column: number, index: number): Promise<Uint8Array> {
    const field = this.#field(column);
    invariant(field.kind === 'moved', 'only a value that was moved out has pieces');
    let at = this.#firstPiece + index;
    for (let before = 0; before < column; before += 1) at += pieceCount(this.#field(before));
    const { chunk, chunks } = this.#leaf;
    const label = { ...chunk.label, kind: CHUNK_KIND.piece };
    return (await chunks.open({ label, contentId: field.pieceIds[index]!, reference: chunk.references[at]! })).content;
  }
}

/** The rows of a leaf, in order. Refuses keys that do not ascend. @throws `format/malformed` */
export function rowsOfLeaf(chunk: Chunk, layout: TreeLayout, chunks: Chunks): StoredRow[] {
  const leaf = { chunk, columns: layout.columns.length, chunks };
  const rows: StoredRow[] = [];
  let firstPiece = 0;
  for (const row of leafRows(chunk.content, layout)) {
    const last = rows.at(-1);
    if (last !== undefined && Buffer.compare(last.key, row.key) >= 0) throw malformed('keys of a leaf do not ascend');
    rows.push(new StoredRow(row, leaf, firstPiece));
    firstPiece += row.pieces;
  }
  if (firstPiece !== chunk.references.length) throw malformed('a leaf does not have one reference a piece');
  return rows;
}

function pieceCount(field: LeafField): number {
  return field.kind === 'moved' ? field.pieceIds.length : 0;
}

function equalValues(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b);
}
