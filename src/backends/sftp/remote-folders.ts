import { posix } from 'node:path';
import { ValenceError } from '../../core/errors.ts';
import type { ObjectName } from '../backend.ts';
import { StatusError } from './answers.ts';
import type { RemoteStatus, Session } from './session.ts';

/**
 * The folders below the root, named relative to it (`''` is the root). It remembers which are real folders, never links,
 * so that most objects cost no further request.
 */
export class RemoteFolders {
  readonly #root: string;
  readonly #real = new Set<string>(['']);
  readonly #making = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  path(name: string): string {
    return posix.join(this.#root, name);
  }

  /** Of the object's file, or of whatever has its name. `null`: absent, or a link is on the way. */
  async status(session: Session, name: ObjectName): Promise<RemoteStatus | null> {
    return (await this.reachable(session, parentOf(name))) ? session.status(this.path(name)) : null;
  }

  /** Whether the folder is there, with no link on the way. */
  async reachable(session: Session, folder: string): Promise<boolean> {
    if (this.#real.has(folder)) return true;
    if (!(await this.reachable(session, parentOf(folder)))) return false;
    const status = await session.status(this.path(folder));
    if (status?.kind !== 'folder') return false;
    this.#real.add(folder);
    return true;
  }

  /** Makes the folder, and those above it below the root, if need be. */
  async ensure(session: Session, folder: string): Promise<void> {
    if (this.#real.has(folder)) return;
    let making = this.#making.get(folder);
    if (making === undefined) {
      making = this.#make(session, folder).finally(() => this.#making.delete(folder));
      this.#making.set(folder, making);
    }
    await making;
  }

  /** Drops what is remembered, after a folder vanished under us. */
  forget(): void {
    this.#real.clear();
    this.#real.add('');
  }

  async #make(session: Session, folder: string): Promise<void> {
    await this.ensure(session, parentOf(folder));
    await makeFolder(session, this.path(folder));
    this.#real.add(folder);
  }
}

/** Makes a folder unless it is there. A server refuses one that exists with a code that says nothing. */
export async function makeFolder(session: Session, path: string): Promise<void> {
  try {
    await session.makeFolder(path);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const status = await session.status(path);
    if (status === null) throw error;
    if (status.kind !== 'folder') throw notFolder(path);
  }
}

/** The folder of a relative path; `''` for those directly under the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

function notFolder(path: string): ValenceError {
  return new ValenceError('backend/unavailable', `${path} is not a folder`, {
    hint: 'links are not followed; put a real folder there',
    context: { path },
  });
}
