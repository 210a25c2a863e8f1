import type { Spool } from './spool.ts';

export interface HolderQueueOptions<T> {
  /** What waits for the holder. */
  readonly spool: Spool<T>;
  /** How many may be on their way to it at once. */
  readonly atOnce: number;
  /** Brings one to the holder, or elsewhere. Where it rejects, the run has failed. */
  readonly deliver: (item: T, bytes: Uint8Array) => Promise<void>;
  /** Nothing waits any more: the holder could take another. */
  readonly emptied: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * What one holder has not taken yet. Each has a queue of its own, in bounded memory and then on disk, so that a slow one
 * keeps nothing from the others; it delivers in order, several at a time.
 */
export class HolderQueue<T> {
  readonly #options: HolderQueueOptions<T>;
  readonly #workers: readonly Promise<void>[];

  constructor(options: HolderQueueOptions<T>) {
    this.#options = options;
    this.#workers = Array.from({ length: options.atOnce }, () => this.#work());
  }

  get isEmpty(): boolean {
    return this.#options.spool.size === 0;
  }

  /** Resolves when the item is kept, which where memory and disk are full waits for the holder. @throws once stopped */
  push(item: T, bytes: Uint8Array): Promise<void> {
    return this.#options.spool.push(item, bytes);
  }

  /** Nothing more is taken in or begun. */
  fail(error: unknown): void {
    this.#options.spool.fail(error);
  }

  /** After `fail`. Resolves when what waited on disk is removed. */
  stop(): Promise<void> {
    return this.#options.spool.discard();
  }

  /** After `fail`: resolves when nothing is on its way any more. */
  async ended(): Promise<void> {
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    const { spool, deliver, emptied, failed } = this.#options;
    try {
      for (let next = await spool.take(); next !== null; next = await spool.take()) {
        if (this.isEmpty) emptied();
        await deliver(next.item, next.bytes);
      }
    } catch (error) {
      failed(error);
    }
  }
}
