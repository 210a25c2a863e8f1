import type { Clock, Timer } from '../../src/core/clock.ts';

interface Delayed {
  readonly at: number;
  readonly act: () => void;
}

/** Enough for a file or a socket to answer. */
const IDLE_TURNS_MAX = 100_000;

/** Time that passes only when a test says so. What it wakes is let run before more time passes. */
export class FakeTimer implements Timer, Clock {
  readonly #startedAt: number;
  readonly #delayed = new Set<Delayed>();
  #elapsed = 0;

  constructor(startedAt = 1_700_000_000_000) {
    this.#startedAt = startedAt;
  }

  /** How many wait. */
  get pending(): number {
    return this.#delayed.size;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  now(): number {
    return this.#startedAt + this.#elapsed;
  }

  after(delayMs: number, act: () => void): () => void {
    const delayed = { at: this.#elapsed + Math.max(0, delayMs), act };
    this.#delayed.add(delayed);
    return () => void this.#delayed.delete(delayed);
  }

  /** Lets this much time pass. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#elapsed + milliseconds;
    await turn();
    while (this.#fireNext(end)) await turn();
    this.#elapsed = end;
    await turn();
  }

  /** What the promise gives, with as much time as that takes. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => (isSettled = true));
    settled.catch(() => undefined);
    let idleTurns = 0;
    for (await turn(); !isSettled && idleTurns < IDLE_TURNS_MAX; await turn()) {
      idleTurns = this.#fireNext(Infinity) ? 0 : idleTurns + 1;
    }
    if (!isSettled) throw new Error('nothing is left to wait for, and the promise has not settled');
    return settled;
  }

  #fireNext(end: number): boolean {
    const [next] = [...this.#delayed].toSorted((a, b) => a.at - b.at);
    if (next === undefined || next.at > end) return false;
    this.#delayed.delete(next);
    this.#elapsed = Math.max(this.#elapsed, next.at);
    next.act();
    return true;
  }
}

/** Ends when everything that could go on has. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
