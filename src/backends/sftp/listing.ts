import { posix } from 'node:path';
import type { ObjectInfo } from '../backend.ts';
import { isObjectName } from '../object-name.ts';
import type { RemoteEntry, RemoteStatus, Session } from './session.ts';

/** A folder costs some four requests one after the other, and a vault has 256 folders of shards. */
const FOLDERS_AT_ONCE = 8;

interface Listing {
  readonly objects: readonly ObjectInfo[];
  readonly folders: readonly string[];
}

/**
 * The objects in a folder and all below it, a folder at a time; `folder` is relative to the root and `''` is the root.
 * Links are not followed, what is no object name is passed over, and so is a folder that vanishes meanwhile.
 */
export async function* listObjects(
  session: Session,
  root: string,
  folder: string,
): AsyncGenerator<readonly ObjectInfo[], void> {
  const waiting = [folder];
  const reading: Promise<Listing>[] = [];
  for (;;) {
    for (let next; reading.length < FOLDERS_AT_ONCE && (next = waiting.pop()) !== undefined;) {
      const listing = readFolder(session, root, next);
      // Heard when its turn comes, which is never where the reader leaves early.
      listing.catch(() => undefined);
      reading.push(listing);
    }
    const listing = await reading.shift();
    if (listing === undefined) return;
    waiting.push(...listing.folders);
    yield listing.objects;
  }
}

async function readFolder(session: Session, root: string, folder: string): Promise<Listing> {
  const entries = (await session.entries(posix.join(root, folder))) ?? [];
  const objects: ObjectInfo[] = [];
  const folders: string[] = [];
  for (const entry of entries) {
    const name = posix.join(folder, entry.name);
    if (!isObjectName(name)) continue;
    const status = await statusOf(session, posix.join(root, name), entry);
    if (status?.kind === 'file') objects.push({ name, sizeBytes: status.sizeBytes });
    if (status?.kind === 'folder') folders.push(name);
  }
  return { objects, folders };
}

/** Asked for one by one only where a server lists names alone. */
async function statusOf(session: Session, path: string, { status }: RemoteEntry): Promise<RemoteStatus | null> {
  return status ?? session.status(path);
}
