import type { Random } from '../core/random.ts';
import { sealChunk } from '../format/sealing/sealed-chunk.ts';
import type { Compression, SealedChunk } from '../format/sealing/sealed-chunk.ts';
import type { ChunkLabel } from '../format/tree/content-id.ts';

/** Seals chunks; may do so elsewhere than in this thread. */
export interface Sealer {
  seal(label: ChunkLabel, plaintext: Uint8Array): Promise<SealedChunk>;
  /** Resolves when it can take more. */
  ready(): Promise<void>;
}

/** Of chunks of a tree and kind that hardly shrink (embeddings are close to noise, nodes are digests), one in this many is still tried. */
const TRY_ONE_IN = 16;
/** What counts as shrinking. */
const WORTHWHILE = 0.92;

/** Seals in this thread. */
export class DirectSealer implements Sealer {
  readonly #random: Random;
  readonly #policies = new Map<number, CompressionPolicy>();

  constructor(random: Random) {
    this.#random = random;
  }

  seal(label: ChunkLabel, plaintext: Uint8Array): Promise<SealedChunk> {
    return Promise.resolve(this.sealNow(label, plaintext));
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  sealNow(label: ChunkLabel, plaintext: Uint8Array): SealedChunk {
    const like = label.tree * 4 + label.kind;
    const policy = this.#policies.get(like) ?? new CompressionPolicy();
    this.#policies.set(like, policy);
    const compression = policy.next();
    const sealed = sealChunk(label.kind, plaintext, this.#random, compression);
    if (compression === 'try') policy.learn(sealed.sealed.length / plaintext.length);
    return sealed;
  }
}

/** Whether to spend time on compressing the chunks of one tree and kind, from how the last ones went. */
class CompressionPolicy {
  #skipping = false;
  #since = 0;

  next(): Compression {
    this.#since += 1;
    return this.#skipping && this.#since % TRY_ONE_IN !== 0 ? 'none' : 'try';
  }

  learn(ratio: number): void {
    this.#skipping = ratio > WORTHWHILE;
  }
}
