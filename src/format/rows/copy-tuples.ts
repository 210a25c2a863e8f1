import { view } from '../../core/bytes.ts';
import { COPY_END, COPY_HEADER } from '../../core/copy-stream.ts';
import { ValenceError } from '../../core/errors.ts';
import { FIELD_BYTES_MAX } from '../../core/limits.ts';
import type { TreeLayout } from '../tables.ts';
import { keyShape, writeKey } from './row-key.ts';
import type { KeyShape } from './row-key.ts';

/** Reads PostgreSQL's binary COPY format: signature, flags, extension, tuples, trailer. FORMAT.md §5.1. */

const HEADER_BYTES = COPY_HEADER.length;

/** Whole tuples that lie end to end in `bytes`; valid until the next push. */
export interface TupleBatch {
  readonly bytes: Buffer;
  readonly count: number;
  /** Tuple i is bytes[ends[i - 1] ?? 0, ends[i]). */
  readonly ends: Uint32Array;
  /** The keys, `shape.paddedBytes` each. */
  readonly keys: Buffer;
  /** True when some field of some tuple is longer than a leaf may hold in line. */
  readonly hasLargeValue: boolean;
}

/** Splits one COPY stream, or several end to end, into batches of whole tuples. @throws `format/malformed` */
export class TupleReader {
  readonly #layout: TreeLayout;
  readonly #shape: KeyShape;
  readonly #inlineMax: number;
  readonly #fieldStarts: Int32Array;
  /** Bytes of an unfinished tuple, and how many it takes at least to go on: a long row is joined once, not at every push. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #neededBytes = 0;
  #inStream = false;

  constructor(layout: TreeLayout, inlineMax: number) {
    this.#layout = layout;
    this.#shape = keyShape(layout);
    this.#inlineMax = inlineMax;
    this.#fieldStarts = new Int32Array(layout.columns.length);
  }

  /** The whole tuples completed by these bytes. The bytes may be referred to until the next call. */
  *push(chunk: Uint8Array): Generator<TupleBatch, void, undefined> {
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < this.#neededBytes) {
      this.#pending.push(Buffer.from(chunk));
      return;
    }
    let bytes = this.#pending.length === 0 ? view(chunk) : Buffer.concat([...this.#pending, chunk]);
    for (;;) {
      const atHeader = !this.#inStream;
      if (atHeader && bytes.length < HEADER_BYTES) return this.#keep(bytes, HEADER_BYTES);
      const batch = this.#split(atHeader ? this.#skipHeader(bytes) : bytes);
      if (batch.count > 0) yield batch;
      if (this.#inStream) return this.#keep(batch.rest, batch.needed);
      if (batch.rest.length === 0) return this.#keep(batch.rest, 0);
      bytes = batch.rest;
    }
  }

  /** Refuses a stream that ended in the middle. */
  end(): void {
    if (this.#inStream || this.#pendingBytes > 0) {
      throw new ValenceError(
        'format/malformed',
        `the rows of ${this.#layout.name} end in the middle of the COPY stream`,
      );
    }
  }

  #keep(rest: Uint8Array, neededBytes: number): void {
    this.#pending = rest.length > 0 ? [Buffer.from(rest)] : [];
    this.#pendingBytes = rest.length;
    this.#neededBytes = neededBytes;
  }

  #skipHeader(bytes: Buffer): Buffer {
    if (!bytes.subarray(0, HEADER_BYTES).equals(COPY_HEADER)) {
      throw new ValenceError('format/malformed', 'not a PostgreSQL binary COPY stream');
    }
    this.#inStream = true;
    return bytes.subarray(HEADER_BYTES);
  }

  #split(bytes: Buffer): TupleBatch & { readonly rest: Buffer; readonly needed: number } {
    const capacity = Math.ceil(bytes.length / (2 + 4 * this.#layout.columns.length)) + 1;
    const ends = new Uint32Array(capacity);
    const keys = Buffer.alloc(capacity * this.#shape.paddedBytes);
    let [count, offset, needed, hasLargeValue] = [0, 0, 0, false];
    while (bytes.length - offset >= 2) {
      if (bytes.readUInt16BE(offset) === COPY_END) {
        this.#inStream = false;
        break;
      }
      const { end, largest } = this.#scan(bytes, offset);
      if (end > bytes.length) {
        needed = end - offset;
        break;
      }
      writeKey(this.#shape, { bytes, fieldStarts: this.#fieldStarts, into: keys, at: count * this.#shape.paddedBytes });
      offset = end;
      ends[count] = offset;
      count += 1;
      hasLargeValue ||= largest > this.#inlineMax;
    }
    return {
      bytes: bytes.subarray(0, offset),
      count,
      ends: ends.subarray(0, count),
      keys: keys.subarray(0, count * this.#shape.paddedBytes),
      hasLargeValue,
      rest: bytes.subarray(this.#inStream ? offset : offset + 2),
      needed,
    };
  }

  /** Walks the fields of the tuple at `offset`. An `end` beyond the bytes means that it takes at least that many. */
  #scan(bytes: Buffer, offset: number): { readonly end: number; readonly largest: number } {
    const fields = bytes.readUInt16BE(offset);
    if (fields !== this.#layout.columns.length) {
      const expected = this.#layout.columns.length;
      throw new ValenceError(
        'format/malformed',
        `a row of ${this.#layout.name} has ${fields} fields, ${expected} expected`,
      );
    }
    let at = offset + 2;
    let largest = 0;
    for (let field = 0; field < fields; field += 1) {
      if (bytes.length - at < 4) return { end: at + 4, largest };
      const length = bytes.readInt32BE(at);
      if (length < -1 || length > FIELD_BYTES_MAX) {
        throw new ValenceError('format/malformed', `a field of ${this.#layout.name} has ${length} bytes`);
      }
      this.#fieldStarts[field] = at;
      at += 4;
      if (length > 0) at += length;
      if (length > largest) largest = length;
    }
    return { end: at, largest };
  }
}
