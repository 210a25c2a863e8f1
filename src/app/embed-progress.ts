import type { AppContext } from './context.ts';

/** A rate that changed with each batch could not be read. */
const RATE_AFTER_MS = 2000;

/** Reports how far an embedding has come, how fast it goes, and how long it will take. */
export class EmbedProgress {
  readonly #context: AppContext;
  readonly #model: string;
  readonly #total: number;
  readonly #startedAt: number;
  #ratedAt: number;
  #rate = '';

  constructor(context: AppContext, model: string, total: number) {
    this.#context = context;
    this.#model = model;
    this.#total = total;
    this.#startedAt = context.clock.now();
    this.#ratedAt = this.#startedAt;
  }

  report(done: number): void {
    const now = this.#context.clock.now();
    if (now - this.#ratedAt >= RATE_AFTER_MS) {
      this.#ratedAt = now;
      this.#rate = rateOf(done, this.#total - done, (now - this.#startedAt) / 1000);
    }
    // Beliefs may be added meanwhile.
    const total = Math.max(this.#total, done);
    this.#context.progress({ stage: `embedding with ${this.#model}${this.#rate}`, done, total, unit: 'rows' });
  }
}

function rateOf(done: number, left: number, seconds: number): string {
  const rate = done / seconds;
  if (!(rate > 0)) return '';
  const minutes = Math.ceil(Math.max(left, 0) / rate / 60);
  return `, ${rate < 10 ? rate.toFixed(1) : Math.round(rate)} a second, ${minutes} min left`;
}
