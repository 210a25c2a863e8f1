import { dirname, join } from 'node:path';
import type { FileSystem } from '../../core/file-system.ts';
import { isSystemError, systemFiles } from '../../core/file-system.ts';
import * as files from '../../core/files.ts';
import type { ObjectName } from '../backend.ts';
import { isObjectName } from '../object-name.ts';

interface KeptFile {
  readonly name: ObjectName;
  readonly sizeBytes: number;
  readonly modifiedAt: number;
}

/** Identity and keys of a place: small, and nothing works without them. */
export const isNeeded = (name: ObjectName): boolean => name === 'valence.json' || name.startsWith('keys/');

/**
 * Copies of objects in a folder of this host, each in a file of the object's name, absent or whole. Above `maxBytes` the
 * oldest go, but never `valence.json` and keys. Errors are those of core/files.ts.
 */
export class KeptObjects {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #disk: FileSystem;
  #last: Promise<void> = Promise.resolve();

  constructor(folder: string, maxBytes: number, disk: FileSystem = systemFiles) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#disk = disk;
  }

  /** Replaces an older copy. */
  keep(name: ObjectName, body: Uint8Array): Promise<void> {
    return this.#oneByOne(async () => {
      await files.makeFolderDurably(dirname(this.#path(name)), { files: this.#disk, mode: 0o700 });
      await files.writeFileDurably(this.#path(name), body, { files: this.#disk, mode: 0o600 });
      await this.#makeRoom(name);
    });
  }

  /** `null`: not kept. */
  async read(name: ObjectName): Promise<Uint8Array | null> {
    // A name may be the folder of others.
    const status = await files.translated('read', this.#path(name), () =>
      files.statusOrNull(this.#disk, this.#path(name)),
    );
    return status?.kind === 'file' ? files.readWholeFile(this.#path(name), { files: this.#disk }) : null;
  }

  forget(name: ObjectName): Promise<void> {
    return this.#oneByOne(async () => {
      if ((await this.read(name)) !== null) await files.removeDurably(this.#path(name), { files: this.#disk });
    });
  }

  /** Two at once would count each other's files. */
  #oneByOne(act: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #makeRoom(newest: ObjectName): Promise<void> {
    const kept = await files.translated('list', this.#folder, () => this.#files(''));
    let bytes = kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const oldestFirst = kept.toSorted((a, b) => a.modifiedAt - b.modifiedAt || (a.name < b.name ? -1 : 1));
    for (const { name, sizeBytes } of oldestFirst) {
      if (bytes <= this.#maxBytes) return;
      if (isNeeded(name) || name === newest) continue;
      await files.removeDurably(this.#path(name), { files: this.#disk });
      bytes -= sizeBytes;
    }
  }

  async #files(folder: string): Promise<KeptFile[]> {
    const found: KeptFile[] = [];
    for (const entry of await this.#disk.entries(join(this.#folder, folder))) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (!isObjectName(name)) continue;
      if (entry.kind === 'folder') found.push(...(await this.#files(name)));
      if (entry.kind === 'file') found.push(...(await this.#file(name)));
    }
    return found;
  }

  async #file(name: ObjectName): Promise<KeptFile[]> {
    try {
      const { sizeBytes, modifiedAt } = await this.#disk.status(this.#path(name));
      return [{ name, sizeBytes, modifiedAt }];
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return [];
      throw error;
    }
  }

  #path(name: ObjectName): string {
    return join(this.#folder, name);
  }
}
