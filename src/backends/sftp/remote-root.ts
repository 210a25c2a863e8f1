import { posix } from 'node:path';
import { toHex } from '../../core/bytes.ts';
import { ValenceError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { makeFolder } from './remote-folders.ts';
import type { Session } from './session.ts';

/** How the name of the root's mark begins: no object is called so. */
const MARK_PREFIX = '.valence-root-';

/**
 * The folder of the server that holds the objects. SFTP tells nobody whether a folder is the one it was yesterday, so the
 * first put leaves a mark in it: an empty file with a name of its own. Where a disk is no longer mounted, or another
 * folder is in its place, that name is missing.
 */
export class RemoteRoot {
  readonly path: string;
  readonly #random: Random;
  #mark: string | null;
  #marking: Promise<void> | null = null;

  constructor(path: string, mark: string | null, random: Random) {
    this.path = path;
    this.#mark = mark;
    this.#random = random;
  }

  /** @throws `backend/unavailable` when the root is gone, or another folder is in its place */
  async check(session: Session): Promise<void> {
    const status = await session.status(this.#mark ?? this.path);
    if (status?.kind === (this.#mark === null ? 'folder' : 'file')) return;
    throw new ValenceError('backend/unavailable', `${this.path} is gone, or another folder is in its place`, {
      hint: 'see that the disk is mounted on the server, then run the command again',
      context: { path: this.path },
    });
  }

  /** Makes the mark unless there is one. */
  async leaveMark(session: Session): Promise<void> {
    if (this.#mark !== null) return;
    this.#marking ??= this.#makeMark(session).finally(() => (this.#marking = null));
    await this.#marking;
  }

  async #makeMark(session: Session): Promise<void> {
    const path = posix.join(this.path, MARK_PREFIX + toHex(this.#random.bytes(16)));
    await session.closeFile(await session.create(path));
    this.#mark = path;
  }
}

/**
 * Opens the folder, which a relative path takes from the login folder.
 * @throws `backend/unavailable` if it is missing and must exist, or is no folder
 */
export async function openRoot(
  session: Session,
  { folder, mustExist, random }: { readonly folder: string; readonly mustExist: boolean; readonly random: Random },
): Promise<RemoteRoot> {
  const path = posix.resolve(await session.realPath('.'), folder);
  if (!mustExist) await makeFolders(session, path);
  const status = await session.target(path);
  if (status?.kind !== 'folder') {
    throw new ValenceError('backend/unavailable', `${path} is ${status === null ? 'not there' : 'not a folder'}`, {
      hint: 'see that the disk is mounted on the server, or make the folder there',
      context: { path },
    });
  }
  const root = await session.realPath(path);
  return new RemoteRoot(root, await findMark(session, root), random);
}

async function findMark(session: Session, root: string): Promise<string | null> {
  const entries = (await session.entries(root)) ?? [];
  const marks = entries.map(({ name }) => name).filter((name) => name.startsWith(MARK_PREFIX));
  const [first] = marks.toSorted();
  return first === undefined ? null : posix.join(root, first);
}

async function makeFolders(session: Session, path: string): Promise<void> {
  if ((await session.target(path)) !== null) return;
  await makeFolders(session, posix.dirname(path));
  await makeFolder(session, path);
}
