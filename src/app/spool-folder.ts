import { mkdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { translated } from '../core/files.ts';
import type { SpoolFiles } from '../pipeline/spool.ts';

/** Sealed packs only, and worth nothing after the run: no fsync, and what a killed run left is removed first. */
export interface SpoolFolder extends AsyncDisposable {
  readonly folder: string;
  readonly files: SpoolFiles;
}

/** The home's lock is held, so no other process spools here. */
export async function openSpoolFolder(folder: string): Promise<SpoolFolder> {
  const clear = (): Promise<void> => translated('clear', folder, () => rm(folder, { recursive: true, force: true }));
  await clear();
  await translated('make folder', folder, () => mkdir(folder, { recursive: true, mode: 0o700 }));
  return { folder, files: spoolFiles, [Symbol.asyncDispose]: clear };
}

const spoolFiles: SpoolFiles = {
  write: (path, bytes) => translated('write', path, () => writeFile(path, bytes, { mode: 0o600, flag: 'wx' })),
  take: (path) =>
    translated('read', path, async () => {
      const bytes = await readFile(path);
      await unlink(path);
      return bytes;
    }),
  remove: (path) => translated('remove', path, () => rm(path, { force: true })),
};
