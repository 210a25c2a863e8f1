/** One act at a time for each key, in the order they were asked for. What is remembered goes with the last act. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, act: () => Promise<T>): Promise<T> {
    const earlier = this.#last.get(key);
    const turn = (async () => {
      await earlier?.catch(() => undefined);
      return act();
    })();
    this.#last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    }
  }
}
