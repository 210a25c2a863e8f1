import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Stops this very process with SIGKILL at a named operation on a file, or at a stage of the work, whoever carries it out: our own
 * code, or the embedded database. For programs that a test starts; the program under test knows nothing of it.
 */

/** Names of what is done to files: Node's own, `write` and `sync` of opened files, `writeSync` of the database's. */
export type KillOperation = 'link' | 'rename' | 'unlink' | 'write' | 'sync' | 'writeSync' | 'stage';

export interface KillPoint {
  readonly operation: KillOperation;
  /** What is in the path (of `link` and `rename` the new one), or the stage's name. */
  readonly about: string;
  /** Which of the operations that fit; from 1. */
  readonly number: number;
  /** `half`: of a write, the first half is done. */
  readonly when: 'before' | 'half' | 'after';
  /** Counted only from the first operation `link` on that fits this path. */
  readonly since?: string | undefined;
}

type Paths = readonly unknown[];

export class KillSwitch {
  /** Objects that were linked to their names in places since it was made. */
  readonly linked: string[] = [];
  #point: KillPoint | null = null;
  #left = 0;
  #begun = true;

  constructor() {
    this.#patchPromises();
    this.#patchSync();
    syncBuiltinESMExports();
  }

  /** From now on. */
  arm(point: KillPoint): void {
    [this.#point, this.#left, this.#begun] = [point, point.number, point.since === undefined];
  }

  /** To be told of every stage, as a `ProgressSink`. */
  readonly progress = ({ stage }: { readonly stage: string }): void => {
    if (this.#isNow('stage', stage)) this.#kill();
  };

  #isNow(operation: KillOperation, about: string): boolean {
    const point = this.#point;
    if (point === null || !this.#begun || point.operation !== operation || !about.includes(point.about)) return false;
    this.#left -= 1;
    return this.#left === 0;
  }

  #linkedTo(path: string): void {
    this.linked.push(path);
    if (this.#point?.since !== undefined && path.includes(this.#point.since)) this.#begun = true;
  }

  #kill(): never {
    process.kill(process.pid, 'SIGKILL');
    throw new Error('a killed process goes on');
  }

  async #around<T>(operation: KillOperation, path: string, act: () => Promise<T>, half?: () => Promise<T>): Promise<T> {
    const isNow = this.#isNow(operation, path);
    const when = this.#point?.when;
    if (isNow && when === 'before') this.#kill();
    if (isNow && when === 'half') {
      await (half ?? act)();
      this.#kill();
    }
    const result = await act().catch((error: unknown) => {
      // What failed does not count.
      if (isNow) this.#left = 1;
      throw error;
    });
    if (isNow) this.#kill();
    if (operation === 'link') this.#linkedTo(path);
    return result;
  }

  #patchPromises(): void {
    const real = { ...fs.promises };
    const patched = fs.promises as { -readonly [K in 'link' | 'rename' | 'unlink' | 'open']: (typeof fs.promises)[K] };
    patched.link = (from, to) => this.#around('link', String(to), () => real.link(from, to));
    patched.rename = (from, to) => this.#around('rename', String(to), () => real.rename(from, to));
    patched.unlink = (path) => this.#around('unlink', String(path), () => real.unlink(path));
    patched.open = async (...call: Parameters<typeof real.open>) =>
      this.#opened(await real.open(...call), String(call[0]));
  }

  #opened(handle: fs.promises.FileHandle, path: string): fs.promises.FileHandle {
    const write = handle.write.bind(handle) as (bytes: Uint8Array, ...rest: Paths) => Promise<unknown>;
    const sync = handle.sync.bind(handle);
    const written = (bytes: Uint8Array, offset: number, length: number, position: number): Promise<unknown> =>
      this.#around(
        'write',
        path,
        () => write(bytes, offset, length, position),
        () => write(bytes, offset, length >> 1, position),
      );
    return Object.assign(handle, { write: written, sync: () => this.#around('sync', path, sync) });
  }

  #patchSync(): void {
    const paths = new Map<number, string>();
    const real = { openSync: fs.openSync, writeSync: fs.writeSync };
    fs.openSync = (...call) => {
      const descriptor = real.openSync(...call);
      paths.set(descriptor, String(call[0]));
      return descriptor;
    };
    const writeSync = (...call: Parameters<typeof fs.writeSync>): number => {
      const isNow = this.#isNow('writeSync', paths.get(call[0]) ?? '');
      if (isNow && this.#point?.when === 'before') this.#kill();
      const written = real.writeSync(...call);
      if (isNow) this.#kill();
      return written;
    };
    fs.writeSync = writeSync as typeof fs.writeSync;
  }
}
