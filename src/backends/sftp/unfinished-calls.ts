const WAIT_MS = 5000;

/** Calls whose caller left at an abort, and which are still ending: closing files, removing what they wrote. */
export class UnfinishedCalls {
  readonly #calls = new Set<Promise<unknown>>();

  /** As `call` settles, or with the signal's reason as soon as it is aborted. */
  async untilAborted<T>(call: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (signal === undefined) return call;
    const settled = new AbortController();
    const aborted = new Promise<never>((_, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { signal: settled.signal });
    });
    const tracked = call.catch(() => undefined).finally(() => this.#calls.delete(tracked));
    this.#calls.add(tracked);
    try {
      return await Promise.race([call, aborted]);
    } finally {
      settled.abort();
    }
  }

  /** Resolves once all of them have ended, or after five seconds: a server that is gone answers none. */
  async settled(): Promise<void> {
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, WAIT_MS);
    await Promise.race([Promise.all(this.#calls), timeout.promise]);
    clearTimeout(timer);
  }
}
