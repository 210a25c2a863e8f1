import type { FileStatus, FileSystem, FolderEntry, OpenFile } from '../../src/core/file-system.ts';
import { systemFiles } from '../../src/core/file-system.ts';

export type FileOperation = keyof FileSystem | 'read' | 'write' | 'sync' | 'close' | 'fileStatus';

export interface FileCall {
  /** From 0, in the order the calls were made. */
  readonly index: number;
  readonly operation: FileOperation;
  readonly path: string;
}

/** `crash`: the process is gone, so no later call has any effect either. Otherwise the operating system's error code. */
export type Fault = 'crash' | 'ENOSPC' | 'EDQUOT' | 'EROFS' | 'EACCES' | 'EPERM' | 'ENOTSUP' | 'EINVAL' | ShareFault;

/** What the operating system says of a network share, or of a disk, that is away. */
export type ShareFault = 'EIO' | 'ESTALE' | 'ENOTCONN' | 'EHOSTDOWN' | 'ETIMEDOUT';

/** What a killed process "throws": nothing that ours may catch and translate. */
export class Crash extends Error {}

/**
 * Another file system with every call recorded and any of them failing. A call that fails does nothing, except that a
 * failing write first writes half of its bytes.
 */
export class FaultyFiles implements FileSystem {
  readonly calls: FileCall[] = [];
  readonly #inner: FileSystem;
  readonly #decide: (call: FileCall) => Fault | null;
  #crashed = false;

  constructor(decide: (call: FileCall) => Fault | null = () => null, inner: FileSystem = systemFiles) {
    this.#decide = decide;
    this.#inner = inner;
  }

  open(path: string): Promise<OpenFile> {
    return this.#run('open', path, async () => this.#wrap(path, await this.#inner.open(path)));
  }

  create(path: string, mode: number): Promise<OpenFile> {
    return this.#run('create', path, async () => this.#wrap(path, await this.#inner.create(path, mode)));
  }

  link(existing: string, path: string): Promise<void> {
    return this.#run('link', path, () => this.#inner.link(existing, path));
  }

  rename(from: string, path: string): Promise<void> {
    return this.#run('rename', path, () => this.#inner.rename(from, path));
  }

  remove(path: string): Promise<void> {
    return this.#run('remove', path, () => this.#inner.remove(path));
  }

  makeFolder(path: string, mode: number): Promise<void> {
    return this.#run('makeFolder', path, () => this.#inner.makeFolder(path, mode));
  }

  syncFolder(path: string): Promise<void> {
    return this.#run('syncFolder', path, () => this.#inner.syncFolder(path));
  }

  status(path: string): Promise<FileStatus> {
    return this.#run('status', path, () => this.#inner.status(path));
  }

  realPath(path: string): Promise<string> {
    return this.#run('realPath', path, () => this.#inner.realPath(path));
  }

  entries(path: string): Promise<readonly FolderEntry[]> {
    return this.#run('entries', path, () => this.#inner.entries(path));
  }

  freeBytes(path: string): Promise<number> {
    return this.#run('freeBytes', path, () => this.#inner.freeBytes(path));
  }

  #wrap(path: string, file: OpenFile): OpenFile {
    return {
      status: () => this.#run('fileStatus', path, () => file.status()),
      read: (target, position) => this.#run('read', path, () => file.read(target, position)),
      write: (bytes, position) => {
        const half = bytes.subarray(0, bytes.length >> 1);
        return this.#run(
          'write',
          path,
          () => file.write(bytes, position),
          () => file.write(half, position),
        );
      },
      sync: () => this.#run('sync', path, () => file.sync()),
      // A descriptor is given back even by a process that dies.
      close: () =>
        this.#run(
          'close',
          path,
          () => file.close(),
          () => file.close(),
        ),
    };
  }

  async #run<T>(
    operation: FileOperation,
    path: string,
    act: () => Promise<T>,
    onFault: () => Promise<unknown> = async () => undefined,
  ): Promise<T> {
    if (this.#crashed) {
      if (operation === 'close') await onFault();
      throw new Crash('crashed');
    }
    const call = { index: this.calls.length, operation, path };
    this.calls.push(call);
    const fault = this.#decide(call);
    if (fault === null) return act();
    this.#crashed = fault === 'crash';
    await onFault();
    if (fault === 'crash') throw new Crash(`crashed at call ${call.index}, ${operation} ${path}`);
    throw Object.assign(new Error(`${fault}: ${operation} ${path}`), { code: fault, syscall: operation, path });
  }
}
