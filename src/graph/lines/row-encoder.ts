import { utf8 } from '../../core/bytes.ts';
import { uuidBytes } from '../../core/ids.ts';
import type { ColumnType } from '../../format/rows/column-types.ts';

/** A value of a column: text of a UUID, text or JSON; microseconds since 2000 for a timestamp. */
export type ColumnValue = string | number | bigint | readonly string[] | readonly number[] | null;

const TEXT_OID = 25;
const JSONB_VERSION = 1;

/**
 * Appends rows as tuples of Postgres binary COPY (PostgreSQL manual, COPY, "Binary Format"; each value as the type's
 * receive function reads it).
 */
export class RowEncoder {
  readonly #kinds: readonly ColumnType[];
  #buffer: Buffer = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  constructor(kinds: readonly ColumnType[]) {
    this.#kinds = kinds;
  }

  /** Bytes of the rows appended since the last `take`. */
  get length(): number {
    return this.#length;
  }

  /** One value a column, in the order of the kinds. */
  append(values: readonly ColumnValue[]): void {
    this.#u16(values.length);
    for (const [index, kind] of this.#kinds.entries()) {
      const value = values[index] ?? null;
      if (value === null) this.#i32(-1);
      else this.#field(kind, value);
    }
  }

  /** A copy of the tuples appended so far, without header and trailer; the encoder starts again. */
  take(): Uint8Array {
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
    return bytes;
  }

  #field(kind: ColumnType, value: Exclude<ColumnValue, null>): void {
    switch (kind) {
      case 'uuid':
        return this.#sized(uuidBytes(value as string));
      case 'int4':
        this.#i32(4);
        return this.#i32(value as number);
      case 'real':
        this.#i32(4);
        return this.#f32(value as number);
      case 'text':
        return this.#sized(utf8(value as string));
      case 'jsonb':
        return this.#jsonb(value as string);
      case 'text[]':
        return this.#textArray(value as readonly string[]);
      case 'timestamptz':
        this.#i32(8);
        return this.#i64(value as bigint);
      case 'vector':
        return this.#vector(value as readonly number[]);
    }
  }

  #jsonb(text: string): void {
    const bytes = utf8(text);
    this.#i32(bytes.length + 1);
    this.#reserve(1);
    this.#length = this.#buffer.writeUInt8(JSONB_VERSION, this.#length);
    this.#bytes(bytes);
  }

  #textArray(items: readonly string[]): void {
    const encoded = items.map((item) => utf8(item));
    const header = encoded.length === 0 ? [0, 0, TEXT_OID] : [1, 0, TEXT_OID, encoded.length, 1];
    this.#i32(encoded.reduce((sum, item) => sum + 4 + item.length, header.length * 4));
    for (const word of header) this.#i32(word);
    for (const item of encoded) this.#sized(item);
  }

  // pgvector's vector_recv: int16 dimensions, int16 unused, then float4 each.
  #vector(numbers: readonly number[]): void {
    this.#i32(4 + numbers.length * 4);
    this.#u16(numbers.length);
    this.#u16(0);
    for (const number of numbers) this.#f32(number);
  }

  #sized(bytes: Uint8Array): void {
    this.#i32(bytes.length);
    this.#bytes(bytes);
  }

  #bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #u16(value: number): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16BE(value, this.#length);
  }

  #i32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32BE(value, this.#length);
  }

  #i64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigInt64BE(value, this.#length);
  }

  #f32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeFloatBE(value, this.#length);
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
