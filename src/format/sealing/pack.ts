import { invariant } from '../../core/errors.ts';
import { PACK_CHUNKS_MAX } from '../../core/limits.ts';
import type { SealedChunk } from './sealed-chunk.ts';

/** Sealed chunks end to end; the index alone says where each begins. FORMAT.md §6.2. */

export interface PackedChunk {
  readonly name: Uint8Array;
  readonly length: number;
}

export interface Pack {
  readonly bytes: Uint8Array;
  /** In the order in which they lie. */
  readonly chunks: readonly PackedChunk[];
}

/** Fills packs of at most `capacity` bytes and `PACK_CHUNKS_MAX` chunks. */
export class PackBuilder {
  readonly #capacity: number;
  #chunks: SealedChunk[] = [];
  #bytes = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Adds a chunk; the pack that it no longer fitted, if any. */
  add(chunk: SealedChunk): Pack | null {
    invariant(chunk.sealed.length <= this.#capacity, 'a sealed chunk fits a pack');
    const fits = this.#bytes + chunk.sealed.length <= this.#capacity && this.#chunks.length < PACK_CHUNKS_MAX;
    const full = fits ? null : this.take();
    this.#chunks.push(chunk);
    this.#bytes += chunk.sealed.length;
    return full;
  }

  /** What has gathered so far, or null when nothing has. */
  take(): Pack | null {
    if (this.#chunks.length === 0) return null;
    const pack = {
      bytes: Buffer.concat(this.#chunks.map((chunk) => chunk.sealed)),
      chunks: this.#chunks.map((chunk) => ({ name: chunk.name, length: chunk.sealed.length })),
    };
    this.#chunks = [];
    this.#bytes = 0;
    return pack;
  }
}
