/** The order of bytes in this machine's words: ids are compared four bytes at a time, as they lie. */
const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/**
 * Finds the number of an id: open addressing with linear probing (Knuth, volume 3, §6.4) over the ids as they stand, at
 * most half full, so some two looks each.
 */
export class IdNumbers {
  readonly #words: Uint32Array;
  /** A number, or -1. */
  readonly #slots: Int32Array;

  /** `ids`: 16 bytes each, from the beginning of a buffer. */
  constructor(ids: Uint8Array) {
    this.#words = new Uint32Array(ids.buffer, ids.byteOffset, ids.length / 4);
    const count = ids.length / 16;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * count + 1))).fill(-1);
    const view = new DataView(ids.buffer, ids.byteOffset, ids.length);
    for (let number = 0; number < count; number += 1) this.#slots[this.#slotOf(view, number * 16)] = number;
  }

  /** The number of the id at this place, or -1. */
  find(bytes: DataView, at: number): number {
    return this.#slots[this.#slotOf(bytes, at)]!;
  }

  /** The slot that holds the id, or the free one where it would be. */
  #slotOf(bytes: DataView, at: number): number {
    const a = bytes.getUint32(at, LITTLE_ENDIAN);
    const b = bytes.getUint32(at + 4, LITTLE_ENDIAN);
    const c = bytes.getUint32(at + 8, LITTLE_ENDIAN);
    const d = bytes.getUint32(at + 12, LITTLE_ENDIAN);
    const [words, slots] = [this.#words, this.#slots];
    const last = slots.length - 1;
    let slot = mixed(a, b, c, d) & last;
    for (;;) {
      const number = slots[slot]!;
      if (number === -1) return slot;
      const word = number * 4;
      if (words[word] === a && words[word + 1] === b && words[word + 2] === c && words[word + 3] === d) return slot;
      slot = (slot + 1) & last;
    }
  }
}

/** All four words count: of UUIDs of one moment the first ones are equal, of hand-made ones the last may be all there is. */
function mixed(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 15) ^ c, 0xc2b2ae3d);
  hash = Math.imul(hash ^ (hash >>> 13) ^ d, 0x27d4eb2f);
  return hash ^ (hash >>> 16);
}
