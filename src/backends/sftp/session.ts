import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Client, FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2';
import type { FileKind } from '../../core/file-system.ts';
import { ConnectionLost, STATUS, StatusError, hasStatus, orNull } from './answers.ts';

export interface RemoteStatus {
  readonly kind: FileKind;
  readonly sizeBytes: number;
  /** Milliseconds since 1970, by the server's clock. */
  readonly modifiedAt: number;
}

export interface RemoteEntry {
  readonly name: string;
  /** `null`: the server lists names only. */
  readonly status: RemoteStatus | null;
}

/** An open file of the server. */
export type Handle = Buffer;

export interface OpenClient {
  readonly client: Client;
  readonly socket: Socket;
  readonly lastError: () => Error | null;
}

type Done<T> = (error?: Error | null, value?: T) => void;

/**
 * The requests of SFTP over one connection. Each rejects with `StatusError` if the server refuses it, and with
 * `ConnectionLost` if the connection ends first: ssh2 drops what is asked of a closed channel without a word, so what
 * is unanswered is remembered here.
 */
export class Session {
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #sftp: SFTPWrapper;
  readonly #lastError: () => Error | null;
  readonly #unanswered = new Set<(error: Error) => void>();
  #lost: ConnectionLost | null = null;

  /** `lastError` is the last that the client reported, if any. */
  constructor({ client, socket, lastError }: OpenClient, sftp: SFTPWrapper) {
    this.#client = client;
    this.#socket = socket;
    this.#sftp = sftp;
    this.#lastError = lastError;
    const lose = (reason?: Error): void => {
      if (this.#lost !== null) return;
      this.#lost = new ConnectionLost((lastError() ?? reason)?.message ?? 'the server closed it');
      for (const reject of this.#unanswered) reject(this.#lost);
      this.#unanswered.clear();
      socket.destroy();
    };
    socket.once('close', () => lose());
    // The channel alone can end too, when the server's SFTP process dies. An `error` nobody listens to ends the process.
    sftp
      .on('error', lose)
      .once('end', () => lose())
      .once('close', () => lose());
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** Ends the connection; resolves once it is closed, by force if the server takes longer than `waitMs` to agree. */
  async close(waitMs: number): Promise<void> {
    if (this.#socket.closed) return;
    const closed = once(this.#socket, 'close');
    this.#client.end();
    // Once it has ended, the client's own `destroy` does nothing.
    const timer = setTimeout(() => this.#socket.destroy(), waitMs);
    await closed;
    clearTimeout(timer);
  }

  /** The absolute path with links resolved. */
  realPath(path: string): Promise<string> {
    return this.#ask((sftp, done) => sftp.realpath(path, done));
  }

  /** Follows links. `null`: absent. */
  async target(path: string): Promise<RemoteStatus | null> {
    const stats = await orNull(this.#ask<Stats>((sftp, done) => sftp.stat(path, done)));
    return stats && statusOf(stats);
  }

  /** Never follows a link as last segment. `null`: absent. */
  async status(path: string): Promise<RemoteStatus | null> {
    const stats = await orNull(this.#ask<Stats>((sftp, done) => sftp.lstat(path, done)));
    return stats && statusOf(stats);
  }

  /** `null`: no such folder. */
  async entries(folder: string): Promise<readonly RemoteEntry[] | null> {
    const found = await orNull(this.#ask<FileEntryWithStats[]>((sftp, done) => sftp.readdir(folder, done)));
    return found && found.map(entryOf);
  }

  /** A new empty file for writing; refused if anything has that name. */
  create(path: string): Promise<Handle> {
    return this.#ask((sftp, done) => sftp.open(path, 'wx', 0o644, done));
  }

  /** For reading. */
  open(path: string): Promise<Handle> {
    return this.#ask((sftp, done) => sftp.open(path, 'r', done));
  }

  closeFile(handle: Handle): Promise<void> {
    return this.#ask((sftp, done) => sftp.close(handle, done));
  }

  /** Writes all of `bytes`. */
  write(handle: Handle, bytes: Buffer, position: number): Promise<void> {
    return this.#ask((sftp, done) => sftp.write(handle, bytes, 0, bytes.length, position, done));
  }

  /** How many bytes were read; 0 at the end. */
  read(handle: Handle, target: Buffer, position: number): Promise<number> {
    return this.#ask((sftp, done) => sftp.read(handle, target, 0, target.length, position, done));
  }

  /** Makes the file durable, where the server can. */
  async sync(handle: Handle): Promise<void> {
    await ifOffered(this.#ask((sftp, done) => sftp.ext_openssh_fsync(handle, (error) => done(error))));
  }

  /** A second name for a file, refused if taken. `false`: the server cannot. */
  async link(existing: string, path: string): Promise<boolean> {
    return ifOffered(this.#ask((sftp, done) => sftp.ext_openssh_hardlink(existing, path, done)));
  }

  /** The protocol's own, which does not replace: most servers refuse if `path` is taken, some do not. */
  rename(from: string, path: string): Promise<void> {
    return this.#ask((sftp, done) => sftp.rename(from, path, done));
  }

  /** Resolves if it is absent. */
  async remove(path: string): Promise<void> {
    await orNull(this.#ask((sftp, done) => sftp.unlink(path, done)));
  }

  makeFolder(path: string): Promise<void> {
    return this.#ask((sftp, done) => sftp.mkdir(path, { mode: 0o755 }, done));
  }

  /** What an ordinary user may still write on the file system of `path`. `null`: the server does not say. */
  async freeBytes(path: string): Promise<number | null> {
    let free: number | null = null;
    await ifOffered(
      this.#ask((sftp, done) => {
        sftp.ext_openssh_statvfs(path, (error, space: SpaceReport | undefined) => {
          if (space !== undefined)
            free = space.f_favail === 0 && space.f_files > 0 ? 0 : space.f_bavail * space.f_frsize;
          done(error);
        });
      }),
    );
    return free;
  }

  #ask<T>(send: (sftp: SFTPWrapper, done: Done<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#lost !== null) {
        reject(this.#lost);
        return;
      }
      this.#unanswered.add(reject);
      const done: Done<T> = (error, value) => {
        this.#unanswered.delete(reject);
        if (error) reject(answerOf(error, this.#lastError() ?? error));
        else resolve(value as T);
      };
      try {
        send(this.#sftp, done);
      } catch (error) {
        done(error as Error);
      }
    });
  }
}

/** What `statvfs@openssh.com` answers, in fragments and inodes. */
interface SpaceReport {
  readonly f_frsize: number;
  readonly f_bavail: number;
  readonly f_files: number;
  readonly f_favail: number;
}

/** ssh2 throws these words when the server did not announce an extension. */
const NOT_OFFERED = 'Server does not support this extended request';

/** Whether the server did it, or cannot. */
async function ifOffered(answer: Promise<void>): Promise<boolean> {
  try {
    await answer;
    return true;
  } catch (error) {
    if (hasStatus(error, STATUS.unsupported)) return false;
    throw error;
  }
}

/** ssh2 gives the server's refusals a numeric code. Its other errors of a request are about a connection that ends. */
function answerOf(error: Error, reason: Error): Error {
  if (error.message === NOT_OFFERED) return new StatusError(STATUS.unsupported, error.message);
  if (error instanceof TypeError || error instanceof RangeError) return error;
  const isStatus = 'code' in error && typeof error.code === 'number';
  return isStatus ? new StatusError(error.code as number, error.message) : new ConnectionLost(reason.message);
}

function statusOf(stats: Stats): RemoteStatus {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other';
  return { kind, sizeBytes: stats.size, modifiedAt: stats.mtime * 1000 };
}

/** Servers may leave attributes out of a listing. */
function entryOf({ filename, attrs }: FileEntryWithStats): RemoteEntry {
  const { mode, size, mtime } = attrs as Partial<Stats>;
  const isWhole = mode !== undefined && size !== undefined && mtime !== undefined;
  return { name: filename, status: isWhole ? statusOf(attrs) : null };
}
