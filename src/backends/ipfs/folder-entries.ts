import type { ObjectName } from '../backend.ts';
import type { Cid } from './cid.ts';

export interface FolderEntry {
  readonly name: ObjectName;
  readonly cid: Cid;
  readonly signal: AbortSignal | undefined;
}

export interface FolderWriter {
  /** Gives content a name, in the node's memory. False: the name is taken. */
  readonly enter: (entry: FolderEntry) => Promise<boolean>;
  /** All that was entered survives the node's end. */
  readonly flush: () => Promise<void>;
  /** Whether the name leads to the content in what was flushed. */
  readonly isThere: (entry: FolderEntry) => Promise<boolean>;
  /** What to say of an entry that the node took and lost as often as it was made. */
  readonly lost: (entry: FolderEntry) => Error;
}

interface Waiting {
  readonly entry: FolderEntry;
  readonly resolve: (isNew: boolean) => void;
  readonly reject: (error: unknown) => void;
  tries: number;
}

const TRIES_MAX = 5;

/**
 * The entries of a folder of the node's file system, changed one after another: a node that makes several at once, or
 * flushes meanwhile, now and then forgets one that it has acknowledged. So each is also looked for once it is flushed, and
 * made again. Those that wait share a flush.
 */
export class FolderEntries {
  readonly #writer: FolderWriter;
  #waiting: Waiting[] = [];
  #last: Promise<void> = Promise.resolve();
  #isScheduled = false;

  constructor(writer: FolderWriter) {
    this.#writer = writer;
  }

  /** Resolves when the entry, or for `false` another one of the name, is durable. @throws as the writer does */
  enter(entry: FolderEntry): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#waiting.push({ entry, resolve, reject, tries: 0 });
    this.#schedule();
    return promise;
  }

  /** Makes another change, when no entry is being made. */
  async change(act: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#last = this.#last.then(() => this.#enterWaiting());
  }

  async #enterWaiting(): Promise<void> {
    this.#isScheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    const made: { readonly each: Waiting; readonly isNew: boolean }[] = [];
    for (const each of waiting) {
      try {
        each.entry.signal?.throwIfAborted();
        made.push({ each, isNew: await this.#writer.enter(each.entry) });
      } catch (error) {
        each.reject(error);
      }
    }
    try {
      if (made.length > 0) await this.#writer.flush();
    } catch (error) {
      for (const { each } of made) each.reject(error);
      return;
    }
    for (const { each, isNew } of made) await this.#settle(each, isNew);
  }

  async #settle(each: Waiting, isNew: boolean): Promise<void> {
    try {
      // A name that is taken may be so by an earlier try of its own.
      if (await this.#writer.isThere(each.entry)) return each.resolve(isNew || each.tries > 0);
      if (!isNew) return each.resolve(false);
    } catch (error) {
      return each.reject(error);
    }
    each.tries += 1;
    if (each.tries === TRIES_MAX) return each.reject(this.#writer.lost(each.entry));
    this.#waiting.push(each);
    this.#schedule();
  }
}
