import { constants, promises as fs } from 'node:fs';

/**
 * The calls by which Valence touches a disk. Nothing here is durable, atomic or translated by itself: files.ts builds
 * those promises out of these calls, and tests put another implementation in their place to fail, tear or record any
 * one of them. Errors are the operating system's (`code` is `ENOENT`, `ENOSPC`, …).
 */
export interface FileSystem {
  /** For reading. A symbolic link as last segment fails with `ELOOP`. */
  open(path: string): Promise<OpenFile>;
  /** A new empty file for writing; `EEXIST` if anything has that name. */
  create(path: string, mode: number): Promise<OpenFile>;
  /** A second name for a file, refused with `EEXIST` if taken. */
  link(existing: string, path: string): Promise<void>;
  /** Replaces `path` atomically if it is a file. */
  rename(from: string, path: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** One level. */
  makeFolder(path: string, mode: number): Promise<void>;
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Never follows a link. */
  status(path: string): Promise<FileStatus>;
  /** The path with every link resolved. */
  realPath(path: string): Promise<string>;
  /** Names and kinds, without `.` and `..`, in no promised order. */
  entries(path: string): Promise<readonly FolderEntry[]>;
  /** What an ordinary user may still write on the file system of `path`. */
  freeBytes(path: string): Promise<number>;
}

export interface OpenFile {
  status(): Promise<FileStatus>;
  /** May read less than asked; 0 at the end. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** May write less than given. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  /** Makes the content durable, not the name. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export type FileKind = 'file' | 'folder' | 'other';

export interface FolderEntry {
  readonly name: string;
  readonly kind: FileKind;
}

export interface FileStatus {
  readonly kind: FileKind;
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** Equal for two paths exactly if they are the same file or folder. */
  readonly identity: string;
  /** Equal for two paths exactly if they are on the same file system. */
  readonly device: string;
}

/** True for an error of the operating system with one of the given codes. */
export function isSystemError(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return codes.length === 0 ? 'syscall' in error : codes.includes(error.code);
}

/** Without O_NONBLOCK, opening a named pipe would wait for a writer for ever. Windows knows neither flag. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** The disk itself. */
export const systemFiles: FileSystem = {
  async open(path) {
    return new SystemFile(await fs.open(path, READ_FLAGS));
  },
  async create(path, mode) {
    return new SystemFile(await fs.open(path, 'wx', mode));
  },
  link: (existing, path) => fs.link(existing, path),
  rename: (from, path) => fs.rename(from, path),
  remove: (path) => fs.unlink(path),
  makeFolder: (path, mode) => fs.mkdir(path, { mode }).then(() => undefined),
  async syncFolder(path) {
    const folder = await fs.open(path, constants.O_RDONLY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  async status(path) {
    return statusOf(await fs.lstat(path, { bigint: true }));
  },
  realPath: (path) => fs.realpath(path),
  async entries(path) {
    const found = await fs.readdir(path, { withFileTypes: true });
    return found.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  },
  async freeBytes(path) {
    const { bavail, bsize } = await fs.statfs(path, { bigint: true });
    return Number(bavail * bsize);
  },
};

class SystemFile implements OpenFile {
  readonly #handle: fs.FileHandle;

  constructor(handle: fs.FileHandle) {
    this.#handle = handle;
  }

  async status(): Promise<FileStatus> {
    return statusOf(await this.#handle.stat({ bigint: true }));
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.read(target, 0, target.length, position)).bytesRead;
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.write(bytes, 0, bytes.length, position)).bytesWritten;
  }

  sync(): Promise<void> {
    return this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

interface KindFlags {
  isFile(): boolean;
  isDirectory(): boolean;
}

function kindOf(entry: KindFlags): FileKind {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'folder' : 'other';
}

interface SystemStatus extends KindFlags {
  readonly size: bigint;
  readonly mtimeMs: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
}

function statusOf(stat: SystemStatus): FileStatus {
  return {
    kind: kindOf(stat),
    sizeBytes: Number(stat.size),
    modifiedAt: Number(stat.mtimeMs),
    identity: `${stat.dev}:${stat.ino}`,
    device: String(stat.dev),
  };
}
