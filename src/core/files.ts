import { basename, dirname, join } from 'node:path';
import { toHex } from './bytes.ts';
import { ValenceError } from './errors.ts';
import type { FileStatus, FileSystem, OpenFile } from './file-system.ts';
import { isSystemError, systemFiles } from './file-system.ts';
import { systemRandom } from './random.ts';

/**
 * Files that are absent or whole, whatever stops the process or the power. Every function here rejects with
 * `backend/full` (no space, quota) or `backend/unavailable` (anything else the operating system says), with the
 * operation and the path in message and context.
 */

/** How the name of every unfinished file begins; readers pass over such files. */
export const TEMPORARY_PREFIX = '.tmp-';

export interface FileOptions {
  readonly files?: FileSystem | undefined;
}

export interface WriteOptions extends FileOptions {
  /** Permissions of the new file, before the umask. 0o644 unless given. */
  readonly mode?: number | undefined;
  /** Refuse an existing file instead of replacing it. */
  readonly exclusive?: boolean | undefined;
  /** Where the temporary file is made; the folder of `path` unless given. Must be on the same file system. */
  readonly temporaryFolder?: string | undefined;
  /** How the folder of `path` is made durable, for callers who merge such calls. */
  readonly sync?: ((folder: string) => Promise<void>) | undefined;
  /** Honoured until the file has its name; afterwards the write completes. */
  readonly signal?: AbortSignal | undefined;
}

/** `link`: no other process could have taken the name meanwhile. `rename`: that was only checked beforehand. */
export type PublishedBy = 'link' | 'rename';

/**
 * Writes a whole file: temporary file, fsync, rename (exclusive: hard link), fsync of the folder. Once it resolves the
 * file survives a power cut; whenever it stops, `path` is as before or whole.
 *
 * Where the file system has no hard links, `exclusive` only looks first, then renames.
 * @throws `backend/already-exists` if `exclusive` and anything has that name
 */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array,
  options: WriteOptions = {},
): Promise<PublishedBy> {
  const files = options.files ?? systemFiles;
  const sync = options.sync ?? ((folder: string) => syncFolder(folder, { files }));
  const folder = options.temporaryFolder ?? dirname(path);
  const temporary = join(folder, TEMPORARY_PREFIX + toHex(systemRandom.bytes(12)));
  return translated('write', path, async () => {
    let left = true;
    try {
      await writeTemporary(files, temporary, bytes, options);
      options.signal?.throwIfAborted();
      const publishedBy = options.exclusive ? await publishExclusively(files, temporary, path) : 'rename';
      if (publishedBy === 'rename') await files.rename(temporary, path);
      left = publishedBy === 'link';
      await sync(dirname(path));
      return publishedBy;
    } finally {
      if (left) await removeQuietly(files, temporary);
    }
  });
}

/** The whole content. `null`: no such file. */
export async function readWholeFile(path: string, options: FileOptions = {}): Promise<Uint8Array | null> {
  const files = options.files ?? systemFiles;
  return translated('read', path, async () => {
    try {
      return await withFile(files.open(path), async (file) => readExactly(file, 0, (await file.status()).sizeBytes));
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return null;
      throw error;
    }
  });
}

/** `length` bytes from `position`. @throws `backend/unavailable` if the file ends before. */
export async function readExactly(file: OpenFile, position: number, length: number): Promise<Uint8Array> {
  const target = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length;) {
    const count = await file.read(target.subarray(done), position + done);
    if (count === 0) throw new ValenceError('backend/unavailable', 'file became shorter while it was read');
    done += count;
  }
  return target;
}

/** Makes the names in a folder durable; a file system that cannot do so for folders is let pass. */
export async function syncFolder(path: string, options: FileOptions = {}): Promise<void> {
  await translated('sync', path, () => syncNames(options.files ?? systemFiles, path));
}

const SYNCS_AT_ONCE = 8;

/** Makes every file and folder under `path` durable. Links are not followed; what vanishes meanwhile is passed over. */
export async function syncTree(path: string, options: FileOptions = {}): Promise<void> {
  const files = options.files ?? systemFiles;
  await translated('sync', path, async () => {
    const entries = await files.entries(path);
    const contents = entries.filter((entry) => entry.kind === 'file').map((entry) => join(path, entry.name));
    for (let start = 0; start < contents.length; start += SYNCS_AT_ONCE) {
      await Promise.all(contents.slice(start, start + SYNCS_AT_ONCE).map((file) => syncFile(files, file)));
    }
    for (const entry of entries) {
      if (entry.kind === 'folder') await syncTree(join(path, entry.name), options);
    }
    await syncNames(files, path);
  });
}

/**
 * Makes the folder and every missing parent, and makes the names of all of them durable, also of those that were there:
 * a process that was stopped may have made them a moment ago. Parents that we may not read were made by others.
 */
export async function makeFolderDurably(path: string, options: FileOptions & { mode?: number } = {}): Promise<void> {
  const files = options.files ?? systemFiles;
  await translated('make folder', path, async () => {
    await makeFolders(files, path, options.mode ?? 0o755);
    for (let child = path; dirname(child) !== child; child = dirname(child)) {
      await syncReadable(files, dirname(child));
    }
  });
}

/** Removes a file so that it does not come back after a power cut. Resolves if it is absent. */
export async function removeDurably(path: string, options: FileOptions = {}): Promise<void> {
  const files = options.files ?? systemFiles;
  await translated('remove', path, async () => {
    try {
      await files.remove(path);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error;
    }
    await syncNames(files, dirname(path));
  });
}

/** Runs `act` and turns an error of the operating system into ours. Other errors pass unchanged. */
export async function translated<T>(operation: string, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw isSystemError(error) ? fileError(error, operation, path) : error;
  }
}

/** Closes the file whatever happens; an error of `use` is the one that is heard. */
export async function withFile<T>(opening: Promise<OpenFile>, use: (file: OpenFile) => Promise<T>): Promise<T> {
  const file = await opening;
  let result: T;
  try {
    result = await use(file);
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
  await file.close();
  return result;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  EIO: 'the device reports an input/output error',
  ESTALE: 'the share changed on its server',
  ENOTCONN: 'the share is not connected',
  EHOSTDOWN: 'the server of the share is down',
  ETIMEDOUT: 'the server of the share does not answer',
};

/** The same call would fail again, so nobody need try (backends/backend-error.ts). */
const LASTING: readonly string[] = ['EACCES', 'EPERM', 'EROFS'];

function fileError(error: NodeJS.ErrnoException, operation: string, path: string): ValenceError {
  const systemCode = error.code ?? 'unknown';
  const full = systemCode === 'ENOSPC' || systemCode === 'EDQUOT';
  const reason = REASONS[systemCode] ?? systemCode;
  return new ValenceError(full ? 'backend/full' : 'backend/unavailable', `cannot ${operation} ${path}: ${reason}`, {
    hint: full ? 'free some space there, then run the command again' : 'see that the path is there and writable',
    context: { operation, path, systemCode, ...(LASTING.includes(systemCode) ? { transient: false } : {}) },
    cause: error,
  });
}

async function writeTemporary(
  files: FileSystem,
  path: string,
  bytes: Uint8Array,
  { mode, signal }: WriteOptions,
): Promise<void> {
  signal?.throwIfAborted();
  await withFile(files.create(path, mode ?? 0o644), async (file) => {
    for (let done = 0; done < bytes.length;) {
      done += await file.write(done === 0 ? bytes : bytes.subarray(done), done);
      signal?.throwIfAborted();
    }
    await file.sync();
  });
}

const NO_HARD_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

async function publishExclusively(files: FileSystem, temporary: string, path: string): Promise<PublishedBy> {
  try {
    await files.link(temporary, path);
    return 'link';
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) throw taken(path);
    if (!isSystemError(error, ...NO_HARD_LINKS)) throw error;
  }
  if ((await statusOrNull(files, path)) !== null) throw taken(path);
  return 'rename';
}

function taken(path: string): ValenceError {
  return new ValenceError('backend/already-exists', `${basename(path)} exists already`, { context: { path } });
}

/** `null`: nothing has that name. */
export async function statusOrNull(files: FileSystem, path: string): Promise<FileStatus | null> {
  try {
    return await files.status(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

/** The failure that led here is what the caller must hear of, so this one's is dropped. */
async function removeQuietly(files: FileSystem, path: string): Promise<void> {
  await files.remove(path).catch(() => undefined);
}

async function syncFile(files: FileSystem, path: string): Promise<void> {
  try {
    await withFile(files.open(path), (file) => file.sync());
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
}

/** Some network file systems, and Windows, refuse fsync on a folder; there the rename itself is all there is. */
async function syncNames(files: FileSystem, path: string): Promise<void> {
  try {
    await files.syncFolder(path);
  } catch (error) {
    const unsupported = isSystemError(error, 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EISDIR');
    if (!unsupported && !(process.platform === 'win32' && isSystemError(error, 'EACCES'))) throw error;
  }
}

async function syncReadable(files: FileSystem, path: string): Promise<void> {
  try {
    await syncNames(files, path);
  } catch (error) {
    if (!isSystemError(error, 'EACCES', 'EPERM')) throw error;
  }
}

async function makeFolders(files: FileSystem, path: string, mode: number): Promise<void> {
  try {
    await files.makeFolder(path, mode);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return requireFolder(files, path);
    if (!isSystemError(error, 'ENOENT') || dirname(path) === path) throw error;
    await makeFolders(files, dirname(path), mode);
    await makeLastFolder(files, path, mode);
  }
}

/** Another process may make it first. */
async function makeLastFolder(files: FileSystem, path: string, mode: number): Promise<void> {
  try {
    await files.makeFolder(path, mode);
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
    await requireFolder(files, path);
  }
}

async function requireFolder(files: FileSystem, path: string): Promise<void> {
  const { kind } = await files.status(await files.realPath(path));
  if (kind === 'folder') return;
  throw new ValenceError('backend/unavailable', `cannot make folder ${path}: something else has that name`, {
    context: { operation: 'make folder', path },
  });
}
