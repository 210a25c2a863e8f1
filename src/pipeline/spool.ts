import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { SPOOL_DISK_BYTES, SPOOL_MEMORY_BYTES } from '../core/limits.ts';

/** Keeps what does not fit memory; sealed bytes only. */
export interface SpoolFiles {
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Reads a file and removes it. */
  take(path: string): Promise<Uint8Array>;
}

interface Waiting<T> {
  readonly item: T;
  readonly sizeBytes: number;
  /** Null once the bytes are in a file. */
  readonly bytes: Uint8Array | null;
  readonly file: string | null;
}

export interface SpoolOptions {
  readonly folder: string;
  readonly files: SpoolFiles;
  readonly memoryBytes?: number | undefined;
  readonly diskBytes?: number | undefined;
}

/**
 * A bounded queue between sealing and uploading: first memory, then files, then the producer waits. So the database
 * transaction ends with the last row read unless the spool itself is full.
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

  constructor(options: SpoolOptions) {
    this.#folder = options.folder;
    this.#files = options.files;
    this.#memoryMax = options.memoryBytes ?? SPOOL_MEMORY_BYTES;
    this.#diskMax = options.diskBytes ?? SPOOL_DISK_BYTES;
  }

  /** Resolves when the item is kept. Rejects with the consumer's error once that has failed. */
  async push(item: T, bytes: Uint8Array): Promise<void> {
    while (!this.#fitsMemory(bytes.length) && this.#disk + bytes.length > this.#diskMax) {
      this.#throwIfFailed();
      await this.#changed();
    }
    this.#throwIfFailed();
    if (this.#fitsMemory(bytes.length)) {
      this.#memory += bytes.length;
      this.#queue.push({ item, sizeBytes: bytes.length, bytes, file: null });
    } else {
      const file = join(this.#folder, `${randomUUID()}.pack`);
      this.#disk += bytes.length;
      await this.#files.write(file, bytes);
      this.#queue.push({ item, sizeBytes: bytes.length, bytes: null, file });
    }
    this.#notify();
  }

  /** The oldest item, or null when the spool is closed and empty. */
  async take(): Promise<{ readonly item: T; readonly bytes: Uint8Array } | null> {
    while (this.#queue.length === 0) {
      if (this.#closed || this.#failure !== null) return null;
      await this.#changed();
    }
    const waiting = this.#queue.shift()!;
    const bytes = waiting.bytes ?? (await this.#files.take(waiting.file!));
    if (waiting.file === null) this.#memory -= waiting.sizeBytes;
    else this.#disk -= waiting.sizeBytes;
    this.#notify();
    return { item: waiting.item, bytes };
  }

  /** Nothing more will be pushed. */
  close(): void {
    this.#closed = true;
    this.#notify();
  }

  /** The consumer cannot go on; producers are told. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#notify();
  }

  /** An empty spool takes anything, so that one large item cannot wait for ever. */
  #fitsMemory(sizeBytes: number): boolean {
    return this.#memory === 0 || this.#memory + sizeBytes <= this.#memoryMax;
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.error;
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
