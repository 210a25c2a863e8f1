import type { FileStatus, FileSystem, FolderEntry, OpenFile } from '../../src/core/file-system.ts';
import { systemFiles } from '../../src/core/file-system.ts';

/** What was done to a disk, with all it takes to do it again. `file` numbers the files that were opened for writing. */
export type FileAction =
  | { readonly kind: 'create'; readonly path: string; readonly mode: number; readonly file: number }
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly file: number;
      readonly at: number;
      readonly bytes: Buffer;
    }
  | { readonly kind: 'sync'; readonly path: string; readonly file: number }
  | { readonly kind: 'link' | 'rename'; readonly from: string; readonly path: string }
  | { readonly kind: 'remove' | 'syncFolder'; readonly path: string }
  | { readonly kind: 'makeFolder'; readonly path: string; readonly mode: number }
  /** Nothing of the disk: where the program was when the actions before it had been done. */
  | { readonly kind: 'mark'; readonly name: string };

/**
 * Another file system with everything that changes it recorded, in the order in which it was done; what fails is not
 * recorded, and neither is what only looks. Anything an action waited for stands before it.
 */
export class RecordingFiles implements FileSystem {
  readonly actions: FileAction[] = [];
  readonly #inner: FileSystem;
  #opened = 0;

  constructor(inner: FileSystem = systemFiles) {
    this.#inner = inner;
  }

  mark(name: string): void {
    this.actions.push({ kind: 'mark', name });
  }

  /** For reading; whoever syncs through it makes durable what others wrote, so that is recorded too. */
  async open(path: string): Promise<OpenFile> {
    const inner = await this.#inner.open(path);
    return {
      ...readerOf(inner),
      write: (bytes, at) => inner.write(bytes, at),
      sync: () => this.#syncByPath(path, inner),
    };
  }

  async create(path: string, mode: number): Promise<OpenFile> {
    const inner = await this.#inner.create(path, mode);
    const file = this.#opened++;
    this.actions.push({ kind: 'create', path, mode, file });
    return {
      ...readerOf(inner),
      write: async (bytes, at) => {
        const written = await inner.write(bytes, at);
        this.actions.push({ kind: 'write', path, file, at, bytes: Buffer.from(bytes.subarray(0, written)) });
        return written;
      },
      sync: async () => {
        await inner.sync();
        this.actions.push({ kind: 'sync', path, file });
      },
    };
  }

  async link(from: string, path: string): Promise<void> {
    await this.#inner.link(from, path);
    this.actions.push({ kind: 'link', from, path });
  }

  async rename(from: string, path: string): Promise<void> {
    await this.#inner.rename(from, path);
    this.actions.push({ kind: 'rename', from, path });
  }

  async remove(path: string): Promise<void> {
    await this.#inner.remove(path);
    this.actions.push({ kind: 'remove', path });
  }

  async makeFolder(path: string, mode: number): Promise<void> {
    await this.#inner.makeFolder(path, mode);
    this.actions.push({ kind: 'makeFolder', path, mode });
  }

  async syncFolder(path: string): Promise<void> {
    await this.#inner.syncFolder(path);
    this.actions.push({ kind: 'syncFolder', path });
  }

  status(path: string): Promise<FileStatus> {
    return this.#inner.status(path);
  }

  realPath(path: string): Promise<string> {
    return this.#inner.realPath(path);
  }

  entries(path: string): Promise<readonly FolderEntry[]> {
    return this.#inner.entries(path);
  }

  freeBytes(path: string): Promise<number> {
    return this.#inner.freeBytes(path);
  }

  async #syncByPath(path: string, inner: OpenFile): Promise<void> {
    await inner.sync();
    this.actions.push({ kind: 'sync', path, file: -1 });
  }
}

function readerOf(inner: OpenFile): Pick<OpenFile, 'status' | 'read' | 'close'> {
  return {
    status: () => inner.status(),
    read: (target, position) => inner.read(target, position),
    close: () => inner.close(),
  };
}

/** Does recorded actions again, one by one, to another disk that began in the same state. */
export class Replay {
  readonly #files: FileSystem;
  readonly #opened = new Map<number, OpenFile>();

  constructor(files: FileSystem) {
    this.#files = files;
  }

  /** `part`: how much of a write is done; all of it unless given. */
  async apply(action: FileAction, part = 1): Promise<void> {
    switch (action.kind) {
      case 'mark':
        return;
      case 'create':
        this.#opened.set(action.file, await this.#files.create(action.path, action.mode));
        return;
      case 'write':
        return this.#write(action, Math.floor(action.bytes.length * part));
      case 'sync':
        return this.#sync(action);
      case 'link':
        return this.#files.link(action.from, action.path);
      case 'rename':
        return this.#files.rename(action.from, action.path);
      case 'remove':
        return this.#files.remove(action.path);
      case 'makeFolder':
        return this.#files.makeFolder(action.path, action.mode);
      case 'syncFolder':
        return this.#files.syncFolder(action.path);
    }
  }

  /** Gives the descriptors back that a real disk lent. */
  async close(): Promise<void> {
    for (const file of this.#opened.values()) await file.close();
    this.#opened.clear();
  }

  async #write({ file, at, bytes }: Extract<FileAction, { kind: 'write' }>, length: number): Promise<void> {
    for (let done = 0; done < length;) {
      done += await this.#opened.get(file)!.write(bytes.subarray(done, length), at + done);
    }
  }

  async #sync({ path, file }: Extract<FileAction, { kind: 'sync' }>): Promise<void> {
    const known = this.#opened.get(file);
    if (known !== undefined) return known.sync();
    const opened = await this.#files.open(path);
    await opened.sync();
    await opened.close();
  }
}
