import { ByteReader, ByteWriter, view } from '../../core/bytes.ts';
import { ValenceError } from '../../core/errors.ts';
import { FIELD_BYTES_MAX, INLINE_VALUE_BYTES_MAX, VALUE_PIECE_BYTES } from '../../core/limits.ts';

/**
 * A field too long for a leaf is cut into pieces, each a chunk of its own, and the row keeps their content ids:
 * length word −2, total length, then one content id a piece. FORMAT.md §5.8.
 */

const MOVED = -2;
const MOVED_WORD = Buffer.from('fffffffe', 'hex');
const CONTENT_ID_BYTES = 32;

/** The row with its long fields moved out. `store` takes each piece in order and gives its content id. */
export function moveLargeValues(tuple: Uint8Array, store: (piece: Uint8Array) => Uint8Array): Uint8Array {
  const source = view(tuple);
  const writer = new ByteWriter(INLINE_VALUE_BYTES_MAX);
  const fields = source.readUInt16BE(0);
  writer.u16(fields);
  let at = 2;
  for (let field = 0; field < fields; field += 1) {
    const length = source.readInt32BE(at);
    const value = source.subarray(at + 4, at + 4 + Math.max(length, 0));
    if (length > INLINE_VALUE_BYTES_MAX) writePieces(writer, value, store);
    else writer.bytes(source.subarray(at, at + 4)).bytes(value);
    at += 4 + value.length;
  }
  return writer.finish();
}

function writePieces(writer: ByteWriter, value: Uint8Array, store: (piece: Uint8Array) => Uint8Array): void {
  writer.u32(MOVED >>> 0).u32(value.length);
  for (let offset = 0; offset < value.length; offset += VALUE_PIECE_BYTES) {
    writer.bytes(store(value.subarray(offset, offset + VALUE_PIECE_BYTES)));
  }
}

/** One field of a leaf's row: `value` in line, null for SQL NULL, or the pieces of a moved one. */
export type LeafField =
  | { readonly kind: 'inline'; readonly value: Uint8Array | null }
  | { readonly kind: 'moved'; readonly length: number; readonly pieceIds: readonly Uint8Array[] };

/** False when no field can have been moved out: the length word −2 stands nowhere. A quick look before an exact one. */
export function mayHoldMovedValue(content: Uint8Array): boolean {
  return view(content).includes(MOVED_WORD);
}

/** Where each row of a leaf ends. @throws `format/malformed` */
export function rowEnds(content: Uint8Array, columns: number): number[] {
  const reader = new ByteReader(content, 'leaf');
  const ends: number[] = [];
  while (reader.remaining > 0) {
    skipRow(reader, columns);
    ends.push(reader.offset);
  }
  return ends;
}

/** The fields of one row of a leaf. @throws `format/malformed` */
export function readLeafRow(row: Uint8Array, columns: number): LeafField[] {
  const reader = new ByteReader(row, 'leaf row');
  if (reader.u16() !== columns) reader.fail('wrong number of fields');
  const fields: LeafField[] = [];
  for (let field = 0; field < columns; field += 1) fields.push(readField(reader));
  reader.end();
  return fields;
}

function readField(reader: ByteReader): LeafField {
  const length = reader.u32() | 0;
  if (length === -1) return { kind: 'inline', value: null };
  if (length >= 0) return { kind: 'inline', value: reader.bytes(length) };
  if (length !== MOVED) reader.fail(`field of length ${length}`);
  const total = reader.u32();
  if (total <= INLINE_VALUE_BYTES_MAX || total > FIELD_BYTES_MAX) reader.fail(`moved field of ${total} bytes`);
  const pieceIds: Uint8Array[] = [];
  for (let offset = 0; offset < total; offset += VALUE_PIECE_BYTES) pieceIds.push(reader.bytes(CONTENT_ID_BYTES));
  return { kind: 'moved', length: total, pieceIds };
}

function skipRow(reader: ByteReader, columns: number): void {
  if (reader.u16() !== columns) reader.fail('wrong number of fields');
  for (let field = 0; field < columns; field += 1) {
    const length = reader.u32() | 0;
    if (length >= 0) reader.bytes(length);
    else if (length === MOVED) reader.bytes(Math.ceil(reader.u32() / VALUE_PIECE_BYTES) * CONTENT_ID_BYTES);
    else if (length !== -1) reader.fail(`field of length ${length}`);
  }
}

/** The original row from its leaf form; `pieces` gives each piece's bytes by content id. */
export function inlineLargeValues(
  fields: readonly LeafField[],
  pieces: (contentId: Uint8Array) => Uint8Array,
): Uint8Array {
  const writer = new ByteWriter(INLINE_VALUE_BYTES_MAX * 2).u16(fields.length);
  for (const field of fields) {
    if (field.kind === 'inline') {
      if (field.value === null) writer.u32(0xffffffff);
      else writer.sized(field.value);
      continue;
    }
    const value = Buffer.concat(field.pieceIds.map((id) => pieces(id)));
    if (value.length !== field.length)
      throw new ValenceError('format/malformed', 'the pieces of a large value have a wrong length');
    writer.sized(value);
  }
  return writer.finish();
}
