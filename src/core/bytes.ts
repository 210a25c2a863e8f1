import { timingSafeEqual } from 'node:crypto';
import { ValenceError } from './errors.ts';

/** All integers in our formats are unsigned and big-endian unless FORMAT.md says otherwise. */

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

export function toHex(bytes: Uint8Array): string {
  return view(bytes).toString('hex');
}

/** Parses lower-case hexadecimal of exactly `length` bytes. @throws `format/malformed` */
export function fromHex(text: string, length: number): Uint8Array {
  if (text.length !== length * 2 || !/^[0-9a-f]*$/.test(text)) {
    throw new ValenceError('format/malformed', `expected ${length} bytes of lower-case hexadecimal`);
  }
  return Buffer.from(text, 'hex');
}

export function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

/** Strict UTF-8. @throws `format/malformed` */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ValenceError('format/malformed', 'text is not valid UTF-8', { cause });
  }
}

/** A Buffer over the same memory, without a copy. */
export function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Appends fields to a growing buffer; the only way our codecs write. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#length = this.#buffer.writeUInt8(value, this.#length);
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16BE(value, this.#length);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32BE(value, this.#length);
    return this;
  }

  /** At most 2^53 − 1. */
  u64(value: number): this {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigUInt64BE(BigInt(value), this.#length);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** A 32-bit length, then the bytes. */
  sized(value: Uint8Array): this {
    return this.u32(value.length).bytes(value);
  }

  /** The bytes written so far; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Reads fields in order and refuses to read past the end. Every method throws `format/malformed`. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #offset = 0;

  /** `what` names the structure in errors, e.g. "index segment". */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = view(bytes);
    this.#what = what;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#take(1).readUInt8();
  }

  u16(): number {
    return this.#take(2).readUInt16BE();
  }

  u32(): number {
    return this.#take(4).readUInt32BE();
  }

  u64(): number {
    const value = this.#take(8).readBigUInt64BE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail('integer above 2^53 - 1');
    return Number(value);
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    return this.#take(length);
  }

  /** A 32-bit length of at most `max`, then the bytes. */
  sized(max: number): Uint8Array {
    const length = this.u32();
    if (length > max) this.fail(`field of ${length} bytes, at most ${max} allowed`);
    return this.#take(length);
  }

  /** Refuses trailing bytes. */
  end(): void {
    if (this.remaining !== 0) this.fail(`${this.remaining} bytes after the end`);
  }

  fail(reason: string): never {
    throw new ValenceError('format/malformed', `malformed ${this.#what}: ${reason}`);
  }

  #take(length: number): Buffer {
    if (length > this.remaining) this.fail('truncated');
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }
}
