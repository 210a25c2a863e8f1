import type { Timer } from '../../core/clock.ts';
import { invariant } from '../../core/errors.ts';

interface Waiter {
  readonly amount: number;
  readonly enter: () => void;
}

/** What has not been used for a while may be caught up with at once, up to this. */
const BURST_SECONDS = 1;
/** Far below a byte, and above what adding up fractions loses. */
const ROUNDING = 1e-6;

/**
 * Lets so much pass a second, first come first served. What is larger than a second's worth passes when the bucket is
 * full and is paid for afterwards: those behind it wait until that is done.
 */
export class TokenBucket {
  readonly #timer: Timer;
  readonly #waiting = new Set<Waiter>();
  #rate: number | null;
  #level: number;
  #settledAt: number;
  #callOff: () => void = () => {};

  /** `rate`: above 0, a second; `null`: no limit. */
  constructor(timer: Timer, rate: number | null) {
    this.#timer = timer;
    this.#settledAt = timer.elapsed();
    this.#rate = checkedRate(rate);
    this.#level = (rate ?? 0) * BURST_SECONDS;
  }

  get rate(): number | null {
    return this.#rate;
  }

  /** Holds at once, for those who wait too. */
  set rate(rate: number | null) {
    this.#settle();
    if (this.#rate === null) this.#level = (rate ?? 0) * BURST_SECONDS;
    this.#rate = checkedRate(rate);
    this.#serve();
  }

  /** Resolves when `amount` may pass. Aborted, it rejects with `signal.reason`, and takes nothing. */
  async take(amount: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#rate === null) return;
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        this.#waiting.delete(waiter);
        this.#serve();
        reject(signal?.reason as Error);
      };
      const enter = (): void => {
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const waiter: Waiter = { amount, enter };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', stop, { once: true });
      this.#serve();
    });
  }

  /** Corrects what was taken: `amount` did not pass after all, or so much more (below 0) did. */
  giveBack(amount: number): void {
    if (this.#rate === null) return;
    this.#level += amount;
    this.#serve();
  }

  #settle(): void {
    const now = this.#timer.elapsed();
    const rate = this.#rate ?? 0;
    this.#level = Math.min(rate * BURST_SECONDS, this.#level + ((now - this.#settledAt) / 1000) * rate);
    this.#settledAt = now;
  }

  #serve(): void {
    this.#callOff();
    this.#settle();
    for (const waiter of this.#waiting) {
      const missing = this.#missing(waiter.amount);
      if (missing > ROUNDING) {
        const delayMs = Math.max(1, Math.ceil((missing / (this.#rate ?? 1)) * 1000));
        this.#callOff = this.#timer.after(delayMs, () => this.#serve());
        return;
      }
      this.#waiting.delete(waiter);
      if (this.#rate !== null) this.#level -= waiter.amount;
      waiter.enter();
    }
  }

  #missing(amount: number): number {
    return this.#rate === null ? 0 : Math.min(amount, this.#rate * BURST_SECONDS) - this.#level;
  }
}

function checkedRate(rate: number | null): number | null {
  invariant(rate === null || (Number.isFinite(rate) && rate > 0), `not a rate: ${rate}`);
  return rate;
}
