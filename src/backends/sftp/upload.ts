import { posix } from 'node:path';
import { ConnectionLost, StatusError } from './answers.ts';
import { asFull } from './full-disk.ts';
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
  const handle = await asFull(session, posix.dirname(temporary), body.length, () => session.create(temporary));
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
    return await asFull(session, posix.dirname(temporary), body.length, store);
  } finally {
    const removing = left ? session.remove(temporary) : Promise.resolve();
    const [, removed] = await Promise.allSettled([session.closeFile(handle), removing]);
    if (removed.status === 'rejected' && removed.reason instanceof ConnectionLost) onLeft();
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
