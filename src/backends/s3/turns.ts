/** One act a name at a time, so that two puts of a name in this process cannot both find nothing there. */
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
