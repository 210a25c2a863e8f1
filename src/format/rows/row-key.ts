import { ValenceError } from '../../core/errors.ts';
import type { KeyPart, TreeLayout } from '../tables.ts';

/** A row's key: fixed length for a table, byte order equal to sort order. FORMAT.md §5.3. */

const PART_BYTES: Readonly<Record<KeyPart['kind'], number>> = { uuid: 16, int4: 4, text16: 16 };
const BLOCK_BYTES = 16;

export interface KeyShape {
  readonly keyBytes: number;
  /** `keyBytes` rounded up to whole AES blocks; the rest is zero. */
  readonly paddedBytes: number;
  readonly parts: readonly {
    readonly field: number;
    readonly offset: number;
    readonly bytes: number;
    readonly kind: KeyPart['kind'];
  }[];
}

export function keyShape(layout: TreeLayout): KeyShape {
  let offset = 0;
  const parts = layout.key.map((part) => {
    const at = { field: layout.columns.indexOf(part.column), offset, bytes: PART_BYTES[part.kind], kind: part.kind };
    offset += at.bytes;
    return at;
  });
  return { keyBytes: offset, paddedBytes: Math.ceil(offset / BLOCK_BYTES) * BLOCK_BYTES, parts };
}

export interface KeySlot {
  readonly bytes: Buffer;
  /** Where each field's length word stands in `bytes`. */
  readonly fieldStarts: Int32Array;
  /** Zeroed memory that takes the key. */
  readonly into: Buffer;
  readonly at: number;
}

/** Copies the key of one tuple. @throws `format/malformed` when a key field is null or of a wrong length */
export function writeKey(shape: KeyShape, slot: KeySlot): void {
  for (const part of shape.parts) {
    const start = slot.fieldStarts[part.field]!;
    const length = slot.bytes.readInt32BE(start);
    const fits = part.kind === 'text16' ? length > 0 && length <= part.bytes : length === part.bytes;
    if (!fits) throw new ValenceError('format/malformed', `a key field has ${length} bytes, ${part.bytes} expected`);
    slot.bytes.copy(slot.into, slot.at + part.offset, start + 4, start + 4 + length);
  }
}
