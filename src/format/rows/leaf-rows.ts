import { ByteReader, view } from '../../core/bytes.ts';
import { FIELD_BYTES_MAX, VALUE_PIECE_BYTES } from '../../core/limits.ts';
import type { TreeLayout } from '../tables.ts';
import { keyShape, writeKey } from './row-key.ts';

/** The rows of a leaf with their keys. FORMAT.md §5.3, §5.8. */

const NULL = -1;
const MOVED = -2;
const CONTENT_ID_BYTES = 32;

export interface LeafRow {
  readonly key: Uint8Array;
  /** As it lies in the leaf: in place of a large value stand the ids of its pieces. */
  readonly row: Uint8Array;
  /** How many of the leaf's references are pieces of this row; those of the rows before it come first. */
  readonly pieces: number;
}

/** In the order in which they lie. @throws `format/malformed` */
export function* leafRows(content: Uint8Array, layout: TreeLayout): Generator<LeafRow, void, undefined> {
  const bytes = view(content);
  const reader = new ByteReader(content, 'leaf');
  const shape = keyShape(layout);
  const fieldStarts = new Int32Array(layout.columns.length);
  while (reader.remaining > 0) {
    const start = reader.offset;
    if (reader.u16() !== layout.columns.length) reader.fail('wrong number of fields');
    let pieces = 0;
    for (let field = 0; field < fieldStarts.length; field += 1) {
      fieldStarts[field] = reader.offset;
      pieces += skipField(reader);
    }
    const key = Buffer.alloc(shape.keyBytes);
    writeKey(shape, { bytes, fieldStarts, into: key, at: 0 });
    yield { key, row: bytes.subarray(start, reader.offset), pieces };
  }
}

/** How many pieces it has. */
function skipField(reader: ByteReader): number {
  const length = reader.u32() | 0;
  if (length >= 0) reader.bytes(length);
  if (length >= NULL) return 0;
  if (length !== MOVED) reader.fail(`field of length ${length}`);
  const total = reader.u32();
  if (total > FIELD_BYTES_MAX) reader.fail(`moved field of ${total} bytes`);
  const pieces = Math.ceil(total / VALUE_PIECE_BYTES);
  reader.bytes(pieces * CONTENT_ID_BYTES);
  return pieces;
}
