import { view } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';

/** Ascending keys of one length, each once, end to end in one buffer: ids by the million cost no objects. */
export class KeySet {
  readonly keyBytes: number;
  readonly size: number;
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer, keyBytes: number) {
    this.#bytes = bytes;
    this.keyBytes = keyBytes;
    this.size = bytes.length / keyBytes;
  }

  /** Keys in any order, some perhaps several times. */
  static of(keys: Iterable<Uint8Array>, keyBytes: number): KeySet {
    const collector = new KeyCollector(keyBytes);
    for (const key of keys) collector.add(key);
    return collector.finish();
  }

  /** `bytes` are keys that ascend strictly; they are kept. */
  static ofSorted(bytes: Buffer, keyBytes: number): KeySet {
    return new KeySet(bytes, keyBytes);
  }

  /** A view. */
  at(index: number): Uint8Array {
    return this.#bytes.subarray(index * this.keyBytes, (index + 1) * this.keyBytes);
  }

  *[Symbol.iterator](): Generator<Uint8Array, void, undefined> {
    for (let i = 0; i < this.size; i += 1) yield this.at(i);
  }

  /** Whether the bytes of `within` at `offset` are one of the keys. */
  has(within: Uint8Array, offset = 0): boolean {
    const index = this.indexFrom(within, offset);
    return index < this.size && this.compare(index, within, offset) === 0;
  }

  /** How many keys are less than the bytes of `within` at `offset`. */
  indexFrom(within: Uint8Array, offset = 0): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare(middle, within, offset) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** How the key at `index` compares with the bytes of `within` at `offset`. */
  compare(index: number, within: Uint8Array, offset = 0): number {
    const start = index * this.keyBytes;
    return this.#bytes.compare(within, offset, offset + this.keyBytes, start, start + this.keyBytes);
  }

  union(other: KeySet): KeySet {
    if (other.size === 0) return this;
    const { keyBytes } = this;
    const merged = Buffer.allocUnsafe((this.size + other.size) * keyBytes);
    let [at, i, j] = [0, 0, 0];
    while (i < this.size || j < other.size) {
      const order = i === this.size ? 1 : j === other.size ? -1 : this.compare(i, other.at(j));
      merged.set(order <= 0 ? this.at(i) : other.at(j), at);
      at += keyBytes;
      if (order <= 0) i += 1;
      if (order >= 0) j += 1;
    }
    return new KeySet(merged.subarray(0, at), keyBytes);
  }

  minus(other: KeySet): KeySet {
    const left = Buffer.allocUnsafe(this.size * this.keyBytes);
    let at = 0;
    for (const key of this) {
      if (other.has(key)) continue;
      left.set(key, at);
      at += this.keyBytes;
    }
    return new KeySet(left.subarray(0, at), this.keyBytes);
  }
}

const FIRST_ROOM = 64;

/** Gathers keys for a `KeySet`. */
export class KeyCollector {
  readonly #keyBytes: number;
  #bytes: Buffer;
  #size = 0;

  constructor(keyBytes: number) {
    this.#keyBytes = keyBytes;
    this.#bytes = Buffer.allocUnsafe(FIRST_ROOM * keyBytes);
  }

  /** Takes the bytes of `within` at `offset`. */
  add(within: Uint8Array, offset = 0): void {
    invariant(within.length - offset >= this.#keyBytes, 'a key is shorter than its like');
    if (this.#size * this.#keyBytes === this.#bytes.length) this.#grow();
    view(within).copy(this.#bytes, this.#size * this.#keyBytes, offset, offset + this.#keyBytes);
    this.#size += 1;
  }

  /** Nothing may be added afterwards. */
  finish(): KeySet {
    const width = this.#keyBytes;
    const bytes = this.#bytes;
    const compare = (i: number, j: number): number =>
      bytes.compare(bytes, j * width, (j + 1) * width, i * width, (i + 1) * width);
    const order = Uint32Array.from({ length: this.#size }, (_, i) => i).sort(compare);
    const sorted = Buffer.allocUnsafe(this.#size * width);
    let at = 0;
    let last = -1;
    for (const i of order) {
      if (last !== -1 && compare(i, last) === 0) continue;
      bytes.copy(sorted, at, i * width, (i + 1) * width);
      at += width;
      last = i;
    }
    return KeySet.ofSorted(sorted.subarray(0, at), width);
  }

  /** Where much of it is repeated, sorting makes room; else it doubles. */
  #grow(): void {
    const distinct = this.finish();
    const grown = Buffer.allocUnsafe(Math.max(distinct.size * 2, FIRST_ROOM) * this.#keyBytes);
    for (let i = 0; i < distinct.size; i += 1) grown.set(distinct.at(i), i * this.#keyBytes);
    this.#bytes = grown;
    this.#size = distinct.size;
  }
}
