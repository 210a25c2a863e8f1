import { systemRandom } from '../core/random.ts';
import type { SealedChunk } from '../format/sealing/sealed-chunk.ts';
import type { ChunkLabel } from '../format/tree/content-id.ts';
import { DirectSealer } from './sealer.ts';
import type { Sealer } from './sealer.ts';
import { WorkerThread } from './worker-thread.ts';

/** Chunks end to end, to be sealed each for itself. */
export interface SealingBatch {
  readonly labels: readonly ChunkLabel[];
  readonly lengths: readonly number[];
  readonly plaintexts: Uint8Array<ArrayBuffer>;
}

export interface SealedBatch {
  readonly sealed: Uint8Array<ArrayBuffer>;
  readonly lengths: readonly number[];
  /** Name and key of each, 64 bytes. */
  readonly references: Uint8Array<ArrayBuffer>;
}

/** A message between threads costs as much as sealing a small chunk, so several go together. */
const BATCH_BYTES = 256 * 1024;
/** A batch that is not full leaves after this long, since its parent may be waiting for it. */
const BATCH_WAIT_MS = 2;
/** Plaintext under way; above it the reader waits. */
const UNDER_WAY_BYTES_MAX = 8 * 1024 * 1024;

interface Pending {
  readonly label: ChunkLabel;
  readonly plaintext: Uint8Array;
  readonly resolve: (chunk: SealedChunk) => void;
  readonly reject: (error: unknown) => void;
}

/** What is sealed before a thread is begun, which costs about as much as sealing so much. Small changes need none. */
const DIRECT_BYTES = 4 * 1024 * 1024;

/** Seals in a thread of its own, beside the one that reads rows, when there is enough to seal. */
export class ThreadedSealer implements Sealer, AsyncDisposable {
  readonly #direct = new DirectSealer(systemRandom);
  #directBytes = 0;
  readonly #thread = new WorkerThread<SealingBatch, SealedBatch>('seal-worker');
  #pending: Pending[] = [];
  #pendingBytes = 0;
  #underWayBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  readonly #wake: (() => void)[] = [];

  seal(label: ChunkLabel, plaintext: Uint8Array): Promise<SealedChunk> {
    if (this.#directBytes < DIRECT_BYTES) {
      this.#directBytes += plaintext.length;
      return this.#direct.seal(label, plaintext);
    }
    const { promise, resolve, reject } = Promise.withResolvers<SealedChunk>();
    this.#pending.push({ label, plaintext, resolve, reject });
    this.#pendingBytes += plaintext.length;
    this.#underWayBytes += plaintext.length;
    if (this.#pendingBytes >= BATCH_BYTES) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), BATCH_WAIT_MS);
    return promise;
  }

  async ready(): Promise<void> {
    while (this.#underWayBytes > UNDER_WAY_BYTES_MAX) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake.push(resolve);
      await promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#thread[Symbol.asyncDispose]();
  }

  #send(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const chunks = this.#pending;
    const plaintexts = new Uint8Array(this.#pendingBytes);
    [this.#pending, this.#pendingBytes] = [[], 0];
    let offset = 0;
    for (const { plaintext } of chunks) {
      plaintexts.set(plaintext, offset);
      offset += plaintext.length;
    }
    const batch = {
      labels: chunks.map(({ label }) => label),
      lengths: chunks.map(({ plaintext }) => plaintext.length),
      plaintexts,
    };
    this.#thread
      .ask(batch, [plaintexts.buffer])
      .then((sealed) => handOut(chunks, sealed))
      .catch((error: unknown) => {
        for (const { reject } of chunks) reject(error);
      })
      .finally(() => this.#done(offset));
  }

  #done(bytes: number): void {
    this.#underWayBytes -= bytes;
    for (const wake of this.#wake.splice(0)) wake();
  }
}

function handOut(chunks: readonly Pending[], { sealed, lengths, references }: SealedBatch): void {
  let offset = 0;
  for (const [i, { resolve }] of chunks.entries()) {
    const end = offset + lengths[i]!;
    // Names and keys outlive the batch in the catalog's list; a view would keep the whole batch alive.
    const name = references.slice(i * 64, i * 64 + 32);
    const key = references.slice(i * 64 + 32, i * 64 + 64);
    resolve({ name, key, sealed: sealed.subarray(offset, end) });
    offset = end;
  }
}
