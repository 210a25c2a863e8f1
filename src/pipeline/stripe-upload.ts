import type { IndexedStripe } from '../format/index/segment-body.ts';
import type { Placer } from './placer.ts';
import type { Spool } from './spool.ts';
import type { WaitingPack } from './tier-writer.ts';
import type { UploadedChunk } from './uploaded-packs.ts';

export interface StripeUploadOptions {
  readonly spool: Spool<WaitingPack>;
  readonly placer: Placer;
  /** Told of each stripe once all its shards are taken or given up, with what its chunks are. */
  readonly placed: (stripe: IndexedStripe, origins: readonly UploadedChunk[]) => Promise<void>;
}

/** Stripes being coded at once: one is in the coder while another is handed to the holders' queues. */
const STRIPES_AT_ONCE = 2;

/** Stripes that are placed and not told yet: more would be lost in a crash, if telling is slower than placing. */
const UNTOLD_MAX = 2;

/** Takes packs from the spool and places them, as fast as the fastest holders take their shards. */
export class StripeUpload {
  readonly #options: StripeUploadOptions;
  /** Stripes that have not been placed and told yet. */
  readonly #underWay = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;
  readonly #untold = new Set<Promise<void>>();

  constructor(options: StripeUploadOptions) {
    this.#options = options;
  }

  /** Until the spool is closed and everything is placed, or one cannot be. Settles when nothing is under way. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: STRIPES_AT_ONCE }, () => this.#codeOneByOne()));
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    if (this.#failure === null) return;
    await this.#options.placer.stop();
    await this.#options.placer.ended();
    throw this.#failure.error;
  }

  async #codeOneByOne(): Promise<void> {
    const { spool, placer } = this.#options;
    try {
      for (;;) {
        await placer.ready();
        while (this.#untold.size >= UNTOLD_MAX) await Promise.race(this.#untold);
        const next = await spool.take();
        if (next === null) return;
        const { placed } = await placer.begin(next.bytes, next.item.chunks);
        const told = this.#tell(placed, next.item.origins);
        this.#underWay.add(told);
        void told.then(() => this.#underWay.delete(told));
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  async #tell(placed: Promise<IndexedStripe>, origins: readonly UploadedChunk[]): Promise<void> {
    try {
      const stripe = await placed;
      const telling = this.#options.placed(stripe, origins);
      const settled = telling.catch(() => {}).finally(() => this.#untold.delete(settled));
      this.#untold.add(settled);
      await telling;
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#options.spool.fail(error);
  }
}
