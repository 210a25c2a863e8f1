import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { valence } from './timed.ts';

/** A vault as it is measured: 3-of-5 onto five folders, which lie in the home. */

const BACKENDS = ['d1', 'd2', 'd3', 'd4', 'd5'];

export async function makeVault(home: string, url: string): Promise<void> {
  await valence(['init', '--home', home, '--database', url]);
  await valence(['keys', 'init', '--home', home]);
  const config = ['backup', 'config', '--home', home];
  for (const name of BACKENDS)
    await valence([...config, '--add-backend', name, '--type', 'directory', '--path', join(home, name)]);
  await valence([...config, '--tier', 'main', '--backends', BACKENDS.join(','), '--erasure', '3/5']);
}

export function foldersOf(home: string): readonly string[] {
  return BACKENDS.map((name) => join(home, name));
}

export interface Contents {
  readonly objects: number;
  /** As the files are long, not what a disk takes for them. */
  readonly bytes: number;
}

/** Every file below these folders; one that is not there is empty. */
export async function contentsOf(folders: readonly string[]): Promise<Contents> {
  let objects = 0;
  let bytes = 0;
  for (const folder of folders.filter((path) => existsSync(path))) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    objects += files.length;
    for (const file of files) bytes += (await stat(join(file.parentPath, file.name))).size;
  }
  return { objects, bytes };
}

export function grownSince(before: Contents, now: Contents): Contents {
  return { objects: now.objects - before.objects, bytes: now.bytes - before.bytes };
}
