import { invariant } from '../core/errors.ts';

export const DIGEST_BYTES = 32;
const RECORDS_PER_BLOCK = 4096;
const FIRST_SLOTS = 1024;

/**
 * Records of one length that begin with a digest, in the order they were added, to be found by it. A big snapshot has
 * hundreds of thousands of chunks, so each is its bytes in a block and 5 to 11 bytes in a hash table, not an object.
 * Names of chunks and content ids are digests, so their first four bytes serve as the hash.
 */
export class DigestTable {
  readonly #recordBytes: number;
  readonly #blocks: Buffer[] = [];
  #size = 0;
  /** One more than the place of a record, 0 where free; a power of two, at most three quarters full. */
  #slots = new Uint32Array(FIRST_SLOTS);

  /** `recordBytes`: length of a record, the 32 bytes of its digest included. */
  constructor(recordBytes: number = DIGEST_BYTES) {
    invariant(recordBytes >= DIGEST_BYTES, 'a record holds its digest');
    this.#recordBytes = recordBytes;
  }

  /** How many records there are; their places are 0 to `size` − 1. */
  get size(): number {
    return this.#size;
  }

  /** The place of the record of this digest, or null. */
  find(digest: Uint8Array): number | null {
    const found = this.#slots[this.#slotOf(digest)]!;
    return found === 0 ? null : found - 1;
  }

  /** The place of the record of this digest; where there was none, one with zeros after a copy of the digest. */
  add(digest: Uint8Array): number {
    invariant(digest.length === DIGEST_BYTES, 'a digest has 32 bytes');
    const slot = this.#slotOf(digest);
    const found = this.#slots[slot]!;
    if (found !== 0) return found - 1;
    const place = this.#size;
    if (place % RECORDS_PER_BLOCK === 0) this.#blocks.push(Buffer.alloc(RECORDS_PER_BLOCK * this.#recordBytes));
    this.#size += 1;
    this.record(place).set(digest, 0);
    this.#slots[slot] = place + 1;
    if (4 * this.#size > 3 * this.#slots.length) this.#growSlots();
    return place;
  }

  /** A view, not a copy; what follows the digest may be written. */
  record(place: number): Buffer {
    const start = this.#startOf(place);
    return this.#blockOf(place).subarray(start, start + this.#recordBytes);
  }

  /** A view, not a copy. */
  digest(place: number): Buffer {
    const start = this.#startOf(place);
    return this.#blockOf(place).subarray(start, start + DIGEST_BYTES);
  }

  #blockOf(place: number): Buffer {
    invariant(place < this.#size, 'a record lies in its table');
    return this.#blocks[Math.floor(place / RECORDS_PER_BLOCK)]!;
  }

  #startOf(place: number): number {
    return (place % RECORDS_PER_BLOCK) * this.#recordBytes;
  }

  /** The slot that holds this digest, or the free one where it belongs. */
  #slotOf(digest: Uint8Array): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(digest, 0) & mask;
    for (let found = this.#slots[slot]!; found !== 0; found = this.#slots[slot]!) {
      if (this.#holds(found - 1, digest)) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Byte by byte: nearly every other digest differs in the first one. */
  #holds(place: number, digest: Uint8Array): boolean {
    const block = this.#blockOf(place);
    const start = this.#startOf(place);
    for (let i = 0; i < DIGEST_BYTES; i += 1) if (block[start + i] !== digest[i]) return false;
    return true;
  }

  /** All digests differ, so the free slots are found without comparing any. */
  #growSlots(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let place = 0; place < this.#size; place += 1) {
      let slot = hashOf(this.#blockOf(place), this.#startOf(place)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = place + 1;
    }
    this.#slots = slots;
  }
}

function hashOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
