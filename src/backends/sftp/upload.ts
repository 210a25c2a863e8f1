import { posix } from 'node:path';
import { StatusError, STATUS, fullError, hasStatus } from './answers.ts';
import type { Session } from './session.ts';
import { writeBody } from './transfer.ts';

/**
 * `link`: the server itself refuses a name that is taken. `rename`: that was looked at beforehand. `taken`: something has
 * the name.
 */
export type Publishing = 'link' | 'rename' | 'taken';

export interface Upload {
  /** In the root, so that no folder of objects ever shows it. */
  readonly temporary: string;
  readonly path: string;
  readonly body: Uint8Array;
  readonly signal: AbortSignal | undefined;
  /** Told if the temporary file may still be there: the connection ended before it could be removed. */
  readonly onLeft: () => void;
}

/**
 * Makes an object visible whole or not at all: a temporary file, fsync, then its name. SFTP cannot fsync folders; an
 * fsync of the file after it has its name makes file systems with a journal (ext4, XFS, Btrfs) write the name too.
 */
export async function upload(session: Session, { temporary, path, body, signal, onLeft }: Upload): Promise<Publishing> {
  const handle = await asFull(session, { temporary, body }, session.create(temporary));
  let left = true;
  const store = async (): Promise<Publishing> => {
    await writeBody(session, handle, body, signal);
    await session.sync(handle);
    signal?.throwIfAborted();
    const publishing = await publish(session, temporary, path);
    left = publishing !== 'rename';
    if (publishing !== 'taken') await session.sync(handle);
    return publishing;
  };
  try {
    return await asFull(session, { temporary, body }, store());
  } finally {
    const removing = left ? session.remove(temporary) : Promise.resolve();
    const [, removed] = await Promise.allSettled([session.closeFile(handle), removing]);
    if (removed.status === 'rejected') onLeft();
  }
}

async function publish(session: Session, temporary: string, path: string): Promise<Publishing> {
  try {
    if (await session.link(temporary, path)) return 'link';
  } catch (error) {
    // Taken, or a file system without hard links: the code is the same.
    if (!(error instanceof StatusError)) throw error;
  }
  if ((await session.status(path)) !== null) return 'taken';
  try {
    await session.rename(temporary, path);
    return 'rename';
  } catch (error) {
    if (error instanceof StatusError && (await session.status(path)) !== null) return 'taken';
    throw error;
  }
}

/** A full disk is a mere failure to OpenSSH, so it is asked for its free space while the temporary file is still there. */
async function asFull<T>(
  session: Session,
  { temporary, body }: Pick<Upload, 'temporary' | 'body'>,
  act: Promise<T>,
): Promise<T> {
  try {
    return await act;
  } catch (error) {
    if (!hasStatus(error, STATUS.failure)) throw error;
    const free = await session.freeBytes(posix.dirname(temporary)).catch(() => null);
    throw free !== null && free <= body.length ? fullError(error) : error;
  }
}
