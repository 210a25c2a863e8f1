import { join, posix } from 'node:path';
import { ValenceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { isSystemError } from '../../core/file-system.ts';
import { statusOrNull } from '../../core/files.ts';
import type { FolderSyncs } from '../../core/folder-syncs.ts';

/**
 * The folders of one directory backend, named relative to its root (`''` is the root). It remembers which are real
 * folders, never symbolic links, and which are already durable, so that most objects cost no further call.
 */
export class DirectoryFolders {
  readonly #files: FileSystem;
  readonly #root: string;
  readonly #identity: string;
  readonly #syncs: FolderSyncs;
  readonly #real = new Set<string>(['']);
  readonly #durable = new Set<string>(['']);
  /** A folder is surveyed when every folder found in it has been made durable. */
  readonly #surveys = new Map<string, Promise<void>>();

  /** `identity` is that of the root when the backend was opened. */
  constructor(files: FileSystem, root: string, identity: string, syncs: FolderSyncs) {
    this.#files = files;
    this.#root = root;
    this.#identity = identity;
    this.#syncs = syncs;
  }

  /**
   * Refuses to go on when the root is no longer the folder that was opened: an unmounted disk leaves an empty folder
   * behind, and what is written there is lost when the disk comes back. @throws `backend/unavailable`
   */
  async checkRoot(): Promise<void> {
    const status = await statusOrNull(this.#files, this.#root);
    if (status?.identity === this.#identity) return;
    throw new ValenceError('backend/unavailable', `${this.#root} is gone, or another file system is in its place`, {
      hint: 'mount the disk again, then run the command again',
      context: { path: this.#root },
    });
  }

  /** Whether the folder is there, with no symbolic link on the way. */
  async reachable(folder: string): Promise<boolean> {
    if (this.#real.has(folder)) return true;
    if (!(await this.reachable(parentOf(folder)))) return false;
    const status = await statusOrNull(this.#files, join(this.#root, folder));
    if (status?.kind !== 'folder') return false;
    this.#real.add(folder);
    return true;
  }

  /** Makes the folder if need be. When it resolves, the folder survives a power cut. */
  async ensure(folder: string): Promise<void> {
    if (this.#durable.has(folder)) return;
    const parent = parentOf(folder);
    await this.ensure(parent);
    await this.#survey(parent);
    if (!this.#durable.has(folder)) await this.#make(folder, parent);
  }

  /** Drops what is remembered, after a folder vanished under us. */
  forget(): void {
    this.#surveys.clear();
    for (const folders of [this.#real, this.#durable]) {
      folders.clear();
      folders.add('');
    }
  }

  /** A folder that a killed process left behind may not be durable yet; one fsync of the parent settles all of them. */
  #survey(parent: string): Promise<void> {
    let survey = this.#surveys.get(parent);
    if (survey === undefined) {
      survey = this.#findFolders(parent);
      this.#surveys.set(parent, survey);
      survey.catch(() => this.#surveys.delete(parent));
    }
    return survey;
  }

  async #findFolders(parent: string): Promise<void> {
    const entries = await this.#files.entries(join(this.#root, parent));
    const folders = entries.filter((entry) => entry.kind === 'folder');
    if (folders.length === 0) return;
    await this.#syncs.request(join(this.#root, parent));
    for (const { name } of folders) this.#remember(posix.join(parent, name));
  }

  async #make(folder: string, parent: string): Promise<void> {
    const path = join(this.#root, folder);
    try {
      await this.#files.makeFolder(path, 0o755);
      this.#surveys.set(folder, Promise.resolve());
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
      if ((await this.#files.status(path)).kind !== 'folder') throw notFolder(path);
    }
    await this.#syncs.request(join(this.#root, parent));
    this.#remember(folder);
  }

  #remember(folder: string): void {
    this.#real.add(folder);
    this.#durable.add(folder);
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
