import type { Writable } from 'node:stream';
import { printable } from './printable.ts';

/** A result of a command: one JSON object with a `type`. */
export interface JsonResult {
  readonly type: string;
}

/**
 * Standard output. Results only: as JSON, one object a line, or as text for people. Writing waits for the reader, so that
 * memory stays bounded however much is printed. A reader that goes away (`| head`) is no error: the rest is dropped.
 */
export class Output {
  readonly json: boolean;
  readonly #stream: Writable;
  readonly #before: () => void;
  #closed = false;
  #failure: Error | null = null;

  /** `before` runs ahead of each write, e.g. to clear a progress line on the same terminal. */
  constructor(stream: Writable, json: boolean, before: () => void = () => {}) {
    this.json = json;
    this.#stream = stream;
    this.#before = before;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') this.#failure = error;
      this.#closed = true;
    });
  }

  /** True once nobody reads any more, so that long listings can stop. */
  get closed(): boolean {
    return this.#closed;
  }

  /** One result; `text` is not asked for in JSON mode. Several lines are one string with line feeds, no last one. */
  async result<T extends JsonResult>(value: T, text: () => string): Promise<void> {
    await this.raw(this.json ? JSON.stringify(value) : printable(text()));
  }

  /** Words around the results, for people only: nothing in JSON mode. */
  async note(text: string): Promise<void> {
    if (!this.json) await this.raw(printable(text));
  }

  /** A line that is already in its final form, e.g. an exported JSON line, in either mode. */
  async raw(line: string): Promise<void> {
    this.#check();
    if (this.#closed) return;
    this.#before();
    if (!this.#stream.write(`${line}\n`)) await this.#drained();
  }

  /** Resolves when all that was written has been handed over. */
  async flush(): Promise<void> {
    if (!this.#closed) {
      await new Promise<void>((resolve) => {
        this.#stream.write('', () => resolve());
      });
    }
    this.#check();
  }

  /** A full disk behind a redirection is an error like any other; a reader that left is not. */
  #check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #drained(): Promise<void> {
    const stream = this.#stream;
    return new Promise((resolve) => {
      const settle = (): void => {
        stream.off('drain', settle);
        stream.off('close', settle);
        stream.off('error', settle);
        resolve();
      };
      stream.on('drain', settle);
      stream.on('close', settle);
      stream.on('error', settle);
    });
  }
}
