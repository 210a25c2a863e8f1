/** Keeps the values used last, at most `limit` of them, for values that can be made again from their key. */
export class BoundedCache<V> {
  readonly #limit: number;
  /** In order of last use: a Map iterates in the order of insertion. */
  readonly #values = new Map<string, V>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The kept value, or the one that `make` returns, which is then kept in place of the one unused for longest. */
  get(key: string, make: () => V): V {
    const value = this.#values.get(key) ?? make();
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#limit) {
      for (const oldest of this.#values.keys()) {
        this.#values.delete(oldest);
        break;
      }
    }
    return value;
  }
}
