import { invariant } from '../../core/errors.ts';

interface Waiter {
  readonly enter: () => void;
}

/** At most so many at once, first come first served. */
export class Slots {
  readonly max: number;
  readonly #waiting = new Set<Waiter>();
  #taken = 0;

  /** `max`: a whole number from 1. */
  constructor(max: number) {
    invariant(Number.isSafeInteger(max) && max >= 1, `not a number of slots: ${max}`);
    this.max = max;
  }

  /** Runs `act` in a slot of its own. @throws `signal.reason` if aborted while it waits for one */
  async run<T>(signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await act();
    } finally {
      this.#leave();
    }
  }

  async #take(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#taken < this.max) {
      this.#taken += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        this.#waiting.delete(waiter);
        reject(signal?.reason as Error);
      };
      const enter = (): void => {
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const waiter: Waiter = { enter };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** The slot passes to the one who has waited longest, so that nobody who comes later gets in between. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#taken -= 1;
      return;
    }
    this.#waiting.delete(next);
    next.enter();
  }
}
