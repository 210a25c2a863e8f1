import { view } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';
import type { CatalogChunk } from '../core/ports.ts';
import type { Reference } from '../format/tree/chunk.ts';

const ID_BYTES = 32;
const ENTRY_BYTES = 3 * ID_BYTES;
const ENTRIES_PER_BLOCK = 4096;
const FIRST_SLOTS = 1024;

/**
 * Chunks in the order they were added, to be found by content id. A big snapshot has hundreds of thousands of them, so
 * each is 96 bytes in a block and a slot of a hash table, not an object: a seventh of what a Map of references takes.
 * Content ids are keyed digests, so their first four bytes serve as the hash.
 */
export class ChunkTable implements Iterable<CatalogChunk> {
  readonly #blocks: Buffer[] = [];
  #size = 0;
  /** One more than the place of an entry, 0 where free; a power of two, at most half full. */
  #slots = new Uint32Array(FIRST_SLOTS);

  /** How many chunks there are; their places are 0 to `size` − 1. */
  get size(): number {
    return this.#size;
  }

  /** Copies a chunk, whose content id must be new, and gives its place. */
  add(chunk: CatalogChunk): number {
    invariant(this.find(chunk.contentId) === null, 'a chunk is added to a table once');
    if (2 * (this.#size + 1) > this.#slots.length) this.#growSlots();
    const place = this.#size;
    if (place % ENTRIES_PER_BLOCK === 0) this.#blocks.push(Buffer.alloc(ENTRIES_PER_BLOCK * ENTRY_BYTES));
    this.#size += 1;
    const entry = this.#entry(place);
    entry.set(chunk.contentId, 0);
    entry.set(chunk.name, ID_BYTES);
    entry.set(chunk.key, 2 * ID_BYTES);
    this.#slots[this.#slotOf(entry)] = place + 1;
    return place;
  }

  /** The place of the chunk with this content, or null. */
  find(contentId: Uint8Array): number | null {
    const found = this.#slots[this.#slotOf(view(contentId))]!;
    return found === 0 ? null : found - 1;
  }

  /** Views, not copies. */
  at(place: number): CatalogChunk {
    const entry = this.#entry(place);
    return { contentId: entry.subarray(0, ID_BYTES), ...this.reference(place) };
  }

  /** Views, not copies. */
  reference(place: number): Reference {
    const entry = this.#entry(place);
    return { name: entry.subarray(ID_BYTES, 2 * ID_BYTES), key: entry.subarray(2 * ID_BYTES) };
  }

  *[Symbol.iterator](): Generator<CatalogChunk, void, undefined> {
    for (let place = 0; place < this.#size; place += 1) yield this.at(place);
  }

  #entry(place: number): Buffer {
    invariant(place < this.#size, 'a chunk lies in its table');
    const start = (place % ENTRIES_PER_BLOCK) * ENTRY_BYTES;
    return this.#blocks[Math.floor(place / ENTRIES_PER_BLOCK)]!.subarray(start, start + ENTRY_BYTES);
  }

  /** The slot that holds this content id, or the free one where it belongs. */
  #slotOf(contentId: Buffer): number {
    const mask = this.#slots.length - 1;
    let slot = contentId.readUInt32BE(0) & mask;
    for (
      let found = this.#slots[slot]!;
      found !== 0 && !this.#holds(found - 1, contentId);
      found = this.#slots[slot]!
    ) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #holds(place: number, contentId: Buffer): boolean {
    const block = this.#blocks[Math.floor(place / ENTRIES_PER_BLOCK)]!;
    const start = (place % ENTRIES_PER_BLOCK) * ENTRY_BYTES;
    return block.compare(contentId, 0, ID_BYTES, start, start + ID_BYTES) === 0;
  }

  #growSlots(): void {
    this.#slots = new Uint32Array(2 * this.#slots.length);
    for (let place = 0; place < this.#size; place += 1) this.#slots[this.#slotOf(this.#entry(place))] = place + 1;
  }
}
