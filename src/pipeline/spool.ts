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
  /** The disk is this spool's own, or shared with others. */
  readonly disk?: number | SpoolRoom | undefined;
}

/** Disk space that several spools share. */
export class SpoolRoom {
  #free: number;
  readonly #wake: (() => void)[] = [];

  constructor(sizeBytes: number = SPOOL_DISK_BYTES) {
    this.#free = sizeBytes;
  }

  /** False: there is not so much. */
  take(sizeBytes: number): boolean {
    if (sizeBytes > this.#free) return false;
    this.#free -= sizeBytes;
    return true;
  }

  give(sizeBytes: number): void {
    this.#free += sizeBytes;
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Called once, when something has been given back. */
  whenGiven(wake: () => void): void {
    this.#wake.push(wake);
  }
}

/** Several spools share a folder, which no other process uses. */
let filesNamed = 0;

/**
 * A bounded queue between sealing and uploading: first memory, then files, then the producer waits. So the database
 * transaction ends with the last row read unless the spool itself is full. Any number of producers and consumers; items keep
 * the order of pushes that were awaited one after another.
 */
export class Spool<T> {
  readonly #folder: string;
  readonly #files: SpoolFiles;
  readonly #memoryMax: number;
  readonly #room: SpoolRoom;
  readonly #queue: Waiting<T>[] = [];
  #memory = 0;
  #closed = false;
  #failure: { readonly error: unknown } | null = null;
  readonly #wake: (() => void)[] = [];
  /** File operations under way, which `discard` waits for. */
  readonly #busy = new Set<Promise<unknown>>();

  constructor(options: SpoolOptions) {
    this.#folder = options.folder;
    this.#files = options.files;
    this.#memoryMax = options.memoryBytes ?? SPOOL_MEMORY_BYTES;
    this.#room = options.disk instanceof SpoolRoom ? options.disk : new SpoolRoom(options.disk);
  }

  /** Items that wait. */
  get size(): number {
    return this.#queue.length;
  }

  /** Resolves when the item is kept. Rejects with the consumer's error once that has failed. */
  async push(item: T, bytes: Uint8Array): Promise<void> {
    const sizeBytes = bytes.length;
    for (;;) {
      this.#throwIfFailed();
      if (this.#fitsMemory(sizeBytes)) {
        this.#memory += sizeBytes;
        this.#queue.push({ item, sizeBytes, kept: { bytes } });
        break;
      }
      if (this.#room.take(sizeBytes)) {
        await this.#tracked(this.#spill(item, bytes));
        break;
      }
      await this.#changed((wake) => this.#room.whenGiven(wake));
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
    const spilled = this.#queue
      .splice(0)
      .flatMap(({ kept, sizeBytes }) => ('file' in kept ? [{ ...kept, sizeBytes }] : []));
    await Promise.allSettled([...this.#busy, ...spilled.map(({ file }) => this.#files.remove(file))]);
    for (const { sizeBytes } of spilled) this.#room.give(sizeBytes);
  }

  async #unspool(waiting: Waiting<T>): Promise<Uint8Array> {
    const { kept, sizeBytes } = waiting;
    const bytes = 'bytes' in kept ? kept.bytes : await this.#tracked(this.#takeFile(kept.file));
    if ('bytes' in kept) this.#memory -= sizeBytes;
    else this.#room.give(sizeBytes);
    this.#notify();
    return bytes;
  }

  /** No file is left if writing fails, or if nobody wants it any more once it is written. */
  async #spill(item: T, bytes: Uint8Array): Promise<void> {
    const file = join(this.#folder, `${(filesNamed += 1)}.pack`);
    try {
      await this.#files.write(file, bytes);
      this.#throwIfFailed();
      this.#queue.push({ item, sizeBytes: bytes.length, kept: { file } });
    } catch (error) {
      await this.#removeQuietly(file);
      this.#room.give(bytes.length);
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

  async #changed(orElse: (wake: () => void) => void = () => {}): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake.push(resolve);
    orElse(resolve);
    await promise;
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
