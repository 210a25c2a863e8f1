import { join, resolve } from 'node:path';
import { equalBytes } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import { ValenceError, invariant, isValenceError } from '../../core/errors.ts';
import type { FileStatus, FileSystem, OpenFile } from '../../core/file-system.ts';
import { isSystemError, systemFiles } from '../../core/file-system.ts';
import * as files from '../../core/files.ts';
import { FolderSyncs } from '../../core/folder-syncs.ts';
import type { Backend, BackendTraits, CallOptions, GetOptions, ObjectInfo, ObjectName } from '../backend.ts';
import { LEFTOVER_AGE_MS } from '../leftovers.ts';
import { named } from './named-errors.ts';
import { checkObjectName, checkPrefix, isObjectName } from '../object-name.ts';
import { OBJECT_BYTES_MAX, checkRange, rangeWithin } from '../object-range.ts';
import { Turns } from '../turns.ts';
import { DirectoryFolders, parentOf } from './directory-folders.ts';
import { checkMounted } from './mount-point.ts';

export interface DirectoryOptions {
  /** The folder that holds the objects; a relative one is taken from the working folder. */
  readonly root: string;
  /** How errors call this backend. */
  readonly name: string;
  /** Refuse a missing root, which may be a disk that is not mounted, instead of making it. */
  readonly mustExist: boolean;
  /**
   * The root or a folder above it that must be a mounted file system of its own, so that a share which is not mounted is
   * told from its empty mount point.
   */
  readonly mountPoint?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly files?: FileSystem | undefined;
}

/**
 * A folder as a backend: the object `shards/ab/xyz` is the file of that path under the root. Symbolic links under the
 * root are never followed; files whose path is no object name are passed over.
 * @throws `backend/unavailable` if the root is missing and must exist, or cannot be made, or if nothing is mounted at the
 * mount point
 */
export async function openDirectory(options: DirectoryOptions): Promise<DirectoryBackend> {
  const location = resolve(options.root);
  const disk = options.files ?? systemFiles;
  return named(options.name, 'open', async () => {
    if (options.mountPoint !== undefined) await checkMounted(disk, resolve(options.mountPoint), location);
    if (!options.mustExist) await files.makeFolderDurably(location, { files: disk });
    const { root, status } = await files.translated('open', location, async () => {
      const path = await disk.realPath(location);
      return { root: path, status: await disk.status(path) };
    });
    if (status.kind !== 'folder') throw new ValenceError('backend/unavailable', `${location} is not a folder`);
    return new DirectoryBackend({ ...options, location, root, status, disk });
  });
}

interface OpenedRoot {
  readonly name: string;
  readonly location: string;
  readonly root: string;
  readonly status: FileStatus;
  readonly disk: FileSystem;
  readonly clock?: Clock | undefined;
}

const MIB = 1024 * 1024;
/** Twice the threads Node gives to files, so that one fsync's wait is another's work. */
const CALLS_AT_ONCE = 8;

const STATUS_AT_ONCE = 64;

/** See `openDirectory`. Objects become visible by a hard link from a temporary file in the root, made durable first. */
export class DirectoryBackend implements Backend {
  readonly location: string;
  readonly #name: string;
  readonly #root: string;
  readonly #disk: FileSystem;
  readonly #clock: Clock;
  readonly #syncs: FolderSyncs;
  readonly #folders: DirectoryFolders;
  readonly #turns = new Turns();
  #sweep: Promise<void> | undefined;
  #hardLinks = true;

  constructor({ name, location, root, status, disk, clock }: OpenedRoot) {
    this.location = location;
    this.#name = name;
    this.#root = root;
    this.#disk = disk;
    this.#clock = clock ?? systemClock;
    this.#syncs = new FolderSyncs((folder) => files.syncFolder(folder, { files: disk }));
    this.#folders = new DirectoryFolders(disk, root, status.identity, this.#syncs);
  }

  /** `conditionalPut` turns false when the first `put` finds a file system without hard links (FAT, some shares). */
  get traits(): BackendTraits {
    return {
      maxObjectBytes: OBJECT_BYTES_MAX,
      rangeReads: true,
      conditionalPut: this.#hardLinks,
      objectLock: false,
      maxConcurrency: CALLS_AT_ONCE,
    };
  }

  async put(name: ObjectName, body: Uint8Array, { signal }: CallOptions = {}): Promise<void> {
    checkObjectName(name);
    invariant(body.length <= OBJECT_BYTES_MAX, `object of ${body.length} bytes is above the backend's maximum`);
    await this.#turns.take(name, signal, () => this.#call('put', name, signal, () => this.#store(name, body, signal)));
  }

  async get(name: ObjectName, { range, signal }: GetOptions = {}): Promise<Uint8Array> {
    checkObjectName(name);
    checkRange(range);
    return this.#call('get', name, signal, async () => {
      const bytes = await this.#withObject(name, (file, status) => readRange(file, status.sizeBytes, range));
      signal?.throwIfAborted();
      if (bytes === null) throw new ValenceError('backend/not-found', `no object ${name}`);
      return bytes;
    });
  }

  async stat(name: ObjectName, { signal }: CallOptions = {}): Promise<ObjectInfo | null> {
    checkObjectName(name);
    return this.#call('stat', name, signal, async () => {
      const reachable = await this.#folders.reachable(parentOf(name));
      const status = reachable ? await files.statusOrNull(this.#disk, this.#path(name)) : null;
      if (status?.kind === 'file') return { name, sizeBytes: status.sizeBytes };
      await this.#folders.checkRoot();
      return null;
    });
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix);
    const folder = prefix.slice(0, -1);
    const start = await this.#call('list', prefix, signal, async () => {
      await this.#folders.checkRoot();
      return this.#folders.reachable(folder);
    });
    if (start) yield* this.#walk(folder, signal);
  }

  async delete(name: ObjectName, { signal }: CallOptions = {}): Promise<void> {
    checkObjectName(name);
    await this.#call('delete', name, signal, async () => {
      await this.#folders.checkRoot();
      if (!(await this.#folders.reachable(parentOf(name)))) return;
      const status = await files.statusOrNull(this.#disk, this.#path(name));
      if (status?.kind === 'file') await files.removeDurably(this.#path(name), { files: this.#disk });
    });
  }

  /** Bytes that may still be written to the root's file system. @throws `backend/unavailable` */
  async freeBytes(): Promise<number> {
    return this.#call('measure', '', undefined, () => this.#disk.freeBytes(this.#root));
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #store(name: ObjectName, body: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    await this.#folders.checkRoot();
    await (this.#sweep ??= this.#removeLeftovers());
    await this.#folders.ensure(parentOf(name));
    if (!(await this.#keepsEqual(name, body))) await this.#publish(name, body, signal);
  }

  async #publish(name: ObjectName, body: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    try {
      const publishedBy = await files.writeFileDurably(this.#path(name), body, {
        files: this.#disk,
        exclusive: true,
        temporaryFolder: this.#root,
        sync: (folder) => this.#syncs.request(folder),
        signal,
      });
      this.#hardLinks = publishedBy === 'link';
    } catch (error) {
      if (!isValenceError(error, 'backend/already-exists')) {
        if (isValenceError(error) && error.context['systemCode'] === 'ENOENT') this.#folders.forget();
        throw error;
      }
      if (!(await this.#keepsEqual(name, body))) throw error;
    }
  }

  /**
   * Whether the object is there with this content; then also makes sure of it, since whoever wrote it may have been
   * stopped before the last fsync. @throws `backend/already-exists` if its content is another
   */
  async #keepsEqual(name: ObjectName, body: Uint8Array): Promise<boolean> {
    const equal = await this.#withObject(name, async (file, status) => {
      if (status.sizeBytes !== body.length || !(await hasContent(file, body))) return false;
      await file.sync();
      return true;
    });
    if (equal === null) return false;
    if (!equal) {
      throw new ValenceError('backend/already-exists', `object ${name} exists with other content`, {
        hint: 'the names of objects are never used again; check that no other vault is kept there',
      });
    }
    await this.#syncs.request(join(this.#root, parentOf(name)));
    return true;
  }

  /** `null`: no such object (a folder or a link of that name is none). */
  async #withObject<T>(name: ObjectName, use: (file: OpenFile, status: FileStatus) => Promise<T>): Promise<T | null> {
    let opened: OpenFile | null = null;
    try {
      if (await this.#folders.reachable(parentOf(name))) opened = await this.#disk.open(this.#path(name));
    } catch (error) {
      if (!isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) throw error;
    }
    if (opened === null) {
      await this.#folders.checkRoot();
      return null;
    }
    return files.withFile(Promise.resolve(opened), async (file) => {
      const status = await file.status();
      return status.kind === 'file' ? use(file, status) : null;
    });
  }

  async *#walk(folder: string, signal: AbortSignal | undefined): AsyncIterable<ObjectInfo> {
    const at = folder === '' ? '' : `${folder}/`;
    const entries = await this.#call('list', at, signal, () => this.#entries(folder));
    const names = entries.map((entry) => ({ kind: entry.kind, name: at + entry.name }));
    const objects = names.filter(({ kind, name }) => kind === 'file' && isObjectName(name));
    for (let start = 0; start < objects.length; start += STATUS_AT_ONCE) {
      const some = objects.slice(start, start + STATUS_AT_ONCE);
      const found = await this.#call('list', at, signal, () => Promise.all(some.map(({ name }) => this.#info(name))));
      yield* found.filter((info) => info !== null);
    }
    for (const { kind, name } of names) {
      if (kind === 'folder' && isObjectName(name)) yield* this.#walk(name, signal);
    }
  }

  /** A folder that vanished since its parent was read holds nothing. */
  async #entries(folder: string): ReturnType<FileSystem['entries']> {
    try {
      return await this.#disk.entries(join(this.#root, folder));
    } catch (error) {
      if (folder === '' || !isSystemError(error, 'ENOENT')) throw error;
      await this.#folders.checkRoot();
      return [];
    }
  }

  /** `null`: removed since its folder was read. */
  async #info(name: ObjectName): Promise<ObjectInfo | null> {
    const status = await files.statusOrNull(this.#disk, this.#path(name));
    return status?.kind === 'file' ? { name, sizeBytes: status.sizeBytes } : null;
  }

  /** Housekeeping that must not keep anyone from writing, so its failures are dropped. */
  async #removeLeftovers(): Promise<void> {
    const entries = await this.#disk.entries(this.#root).catch(() => []);
    for (const { name, kind } of entries) {
      if (kind !== 'file' || !name.startsWith(files.TEMPORARY_PREFIX)) continue;
      const path = join(this.#root, name);
      const status = await this.#disk.status(path).catch(() => null);
      if (status === null || status.modifiedAt > this.#clock.now() - LEFTOVER_AGE_MS) continue;
      await this.#disk.remove(path).catch(() => undefined);
    }
  }

  #path(name: ObjectName): string {
    return join(this.#root, name);
  }

  #call<T>(operation: string, object: string, signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
    return named(this.#name, operation, () => {
      signal?.throwIfAborted();
      return files.translated(operation, join(this.#root, object), act);
    });
  }
}

async function readRange(file: OpenFile, sizeBytes: number, range: GetOptions['range']): Promise<Uint8Array> {
  const { offset, length } = rangeWithin(range, sizeBytes);
  return files.readExactly(file, offset, length);
}

async function hasContent(file: OpenFile, body: Uint8Array): Promise<boolean> {
  for (let start = 0; start < body.length; start += MIB) {
    const expected = body.subarray(start, start + MIB);
    if (!equalBytes(await files.readExactly(file, start, expected.length), expected)) return false;
  }
  return true;
}
