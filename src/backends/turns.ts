/**
 * One act a name at a time, in the order they were asked for: the second put of a name finds the first one's object and has
 * nothing to write. Where a store cannot refuse to replace an object, this is what keeps two puts of one process apart.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Waits for those before it, whatever became of them; an aborted signal ends the waiting. */
  async take<T>(name: string, signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const mine = settled(before).then(() => {
      signal?.throwIfAborted();
      return act();
    });
    this.#last.set(name, mine);
    const forget = (): void => {
      if (this.#last.get(name) === mine) this.#last.delete(name);
    };
    mine.then(forget, forget);
    return untilAborted(mine, settled(before), signal);
  }
}

async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => undefined);
}

/** `promise`, unless the signal is aborted before `start` settles. */
async function untilAborted<T>(promise: Promise<T>, start: Promise<void>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([start, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
  return promise;
}
