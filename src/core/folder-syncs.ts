/**
 * Merges requests to make the same folder durable: a request made while an fsync runs waits for the next one, and
 * shares it with every other request that waits. So fifty writers into one folder cost two fsyncs, not fifty.
 */
export class FolderSyncs {
  readonly #sync: (folder: string) => Promise<void>;
  readonly #running = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Promise<void>>();

  constructor(sync: (folder: string) => Promise<void>) {
    this.#sync = sync;
  }

  /** Resolves once an fsync that began after this call has ended; rejects as that fsync does. */
  request(folder: string): Promise<void> {
    const shared = this.#waiting.get(folder);
    if (shared !== undefined) return shared;
    const request = this.#after(folder);
    this.#waiting.set(folder, request);
    return request;
  }

  async #after(folder: string): Promise<void> {
    await this.#running.get(folder)?.catch(() => undefined);
    this.#waiting.delete(folder);
    const running = this.#sync(folder);
    this.#running.set(folder, running);
    try {
      await running;
    } finally {
      if (this.#running.get(folder) === running) this.#running.delete(folder);
    }
  }
}
