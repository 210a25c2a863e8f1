import { join } from 'node:path';
import { ValenceError } from '../core/errors.ts';
import { SPOOL_DISK_BYTES, SPOOL_MEMORY_BYTES } from '../core/limits.ts';

/** Keeps what does not fit memory; sealed bytes only. */
export interface SpoolFiles {
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Reads a file and removes it. */
  take(path: string): Promise<Uint8Array>;
  /** Removes a file; none is no error. */
  remove(path: string): Promise<void>;
}

interface Waiting<T> {
  readonly item: T;
  readonly sizeBytes: number;
  readonly kept: { readonly bytes: Uint8Array } | { readonly file: string };
}

export interface SpoolOptions {
  readonly folder: string;
  readonly files: SpoolFiles;
  readonly memoryBytes?: number | undefined;
  readonly diskBytes?: number | undefined;
}

/** Several spools share a folder, which no other process uses. */
let filesNamed = 0;

/**
 * A bounded queue between sealing and uploading: first memory, then files, then the producer waits. So the database
 * transaction ends with the last row read unless the spool itself is full. One producer, which awaits each push before
 * the next; any number of consumers.
 */
export class Spool<T> {
  readonly #folder: string;
  readonly #files: SpoolFiles;
  readonly #memoryMax: number;
  readonly #diskMax: number;
  readonly #queue: Waiting<T>[] = [];
  #memory = 0;
  #disk = 0;
  #closed = false;
  #failure: { readonly error: unknown } | null = null;
  readonly #wake: (() => void)[] = [];
  /** File operations under way, which `discard` waits for. */
  readonly #busy = new Set<Promise<unknown>>();

  constructor(options: SpoolOptions) {
    this.#folder = options.folder;
    this.#files = options.files;
    this.#memoryMax = options.memoryBytes ?? SPOOL_MEMORY_BYTES;
    this.#diskMax = options.diskBytes ?? SPOOL_DISK_BYTES;
  }

  /** Resolves when the item is kept. Rejects with the consumer's error once that has failed. */
  async push(item: T, bytes: Uint8Array): Promise<void> {
    this.#throwIfFailed();
    while (!this.#fitsMemory(bytes.length) && this.#disk + bytes.length > this.#diskMax) {
      await this.#changed();
      this.#throwIfFailed();
    }
    if (this.#fitsMemory(bytes.length)) {
      this.#memory += bytes.length;
      this.#queue.push({ item, sizeBytes: bytes.length, kept: { bytes } });
    } else {
      await this.#tracked(this.#spill(item, bytes));
    }
    this.#notify();
  }

  /** The oldest item; null when the spool is closed and empty, or has failed. */
  async take(): Promise<{ readonly item: T; readonly bytes: Uint8Array } | null> {
    while (this.#failure === null) {
      const waiting = this.#queue.shift();
      if (waiting !== undefined) return { item: waiting.item, bytes: await this.#unspool(waiting) };
      if (this.#closed) return null;
      await this.#changed();
    }
    return null;
  }

  /** Nothing more will be pushed. */
  close(): void {
    this.#closed = true;
    this.#notify();
  }

  /** The consumer cannot go on; producers are told, and nothing is given out any more. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#notify();
  }

  /** Lets go of producers and consumers that still wait. Resolves when no file of this spool is left. */
  async discard(): Promise<void> {
    this.fail(new ValenceError('cancelled', 'the backup was stopped'));
    const files = this.#queue.splice(0).flatMap(({ kept }) => ('file' in kept ? [kept.file] : []));
    await Promise.allSettled([...this.#busy, ...files.map((file) => this.#files.remove(file))]);
  }

  async #unspool(waiting: Waiting<T>): Promise<Uint8Array> {
    const { kept, sizeBytes } = waiting;
    const bytes = 'bytes' in kept ? kept.bytes : await this.#tracked(this.#takeFile(kept.file));
    if ('bytes' in kept) this.#memory -= sizeBytes;
    else this.#disk -= sizeBytes;
    this.#notify();
    return bytes;
  }

  /** No file is left if writing fails, or if nobody wants it any more once it is written. */
  async #spill(item: T, bytes: Uint8Array): Promise<void> {
    const file = join(this.#folder, `${(filesNamed += 1)}.pack`);
    this.#disk += bytes.length;
    try {
      await this.#files.write(file, bytes);
      this.#throwIfFailed();
      this.#queue.push({ item, sizeBytes: bytes.length, kept: { file } });
    } catch (error) {
      this.#disk -= bytes.length;
      await this.#removeQuietly(file);
      throw error;
    }
  }

  async #takeFile(file: string): Promise<Uint8Array> {
    try {
      return await this.#files.take(file);
    } catch (error) {
      await this.#removeQuietly(file);
      throw error;
    }
  }

  /** What went wrong before is what the caller must hear of. */
  async #removeQuietly(file: string): Promise<void> {
    await this.#files.remove(file).catch(() => {});
  }

  /** An empty spool takes anything, so that one large item cannot wait for ever. */
  #fitsMemory(sizeBytes: number): boolean {
    return this.#memory === 0 || this.#memory + sizeBytes <= this.#memoryMax;
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  async #tracked<R>(operation: Promise<R>): Promise<R> {
    this.#busy.add(operation);
    try {
      return await operation;
    } finally {
      this.#busy.delete(operation);
    }
  }

  async #changed(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake.push(resolve);
    await promise;
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
