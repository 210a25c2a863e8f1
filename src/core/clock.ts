/** The only source of time; tests pass a fake one. Never used to order snapshots (DESIGN D10). */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Time that only passes, to measure and to wait by; tests pass a fake one. It knows no date. */
export interface Timer {
  /** Milliseconds since some moment of its own; never goes back, whatever is done to the clock. */
  elapsed(): number;
  /** Calls `act` once, in `delayMs` or a little later, unless what it returns is called before. */
  after(delayMs: number, act: () => void): () => void;
}

/** Longer delays would make setTimeout fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export const systemTimer: Timer = {
  elapsed: () => performance.now(),
  after(delayMs, act) {
    const timeout = setTimeout(act, Math.min(delayMs, DELAY_MS_MAX));
    return () => clearTimeout(timeout);
  },
};

/** Resolves in `delayMs`; rejects with `signal.reason` as soon as that is aborted. */
export function sleep(timer: Timer, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = (): void => {
      callOff();
      reject(signal?.reason as Error);
    };
    const callOff = timer.after(delayMs, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    signal?.addEventListener('abort', stop, { once: true });
  });
}
