import type { ObjectName } from './backend.ts';

/**
 * One put of a name at a time in this process: the second finds the first one's object and has nothing to write. Where
 * a store cannot refuse to replace an object by itself, this is what keeps two puts of one process apart.
 */
export class PutTurns {
  readonly #last = new Map<ObjectName, Promise<void>>();

  /** Runs `put` once every earlier put of the name has settled, however it did. */
  async take(name: ObjectName, put: () => Promise<void>): Promise<void> {
    const turn = after(this.#last.get(name), put);
    this.#last.set(name, turn);
    try {
      await turn;
    } finally {
      if (this.#last.get(name) === turn) this.#last.delete(name);
    }
  }
}

async function after(earlier: Promise<void> | undefined, put: () => Promise<void>): Promise<void> {
  await earlier?.catch(() => undefined);
  await put();
}
