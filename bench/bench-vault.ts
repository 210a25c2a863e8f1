import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runCli } from '../test/cli/run-cli.ts';
import { PASSPHRASE } from './timed.ts';

/** A vault as it is measured: 3-of-5, onto five folders in the home unless other places are given. */

/** What `backup config --add-backend` is told of a place. */
export interface VaultPlace {
  readonly name: string;
  readonly settings: readonly string[];
}

const BACKENDS = ['d1', 'd2', 'd3', 'd4', 'd5'];

/** `env`: the secrets that the settings name. */
export async function makeVault(
  home: string,
  url: string,
  places: readonly VaultPlace[] = foldersIn(home),
  env: Secrets = {},
): Promise<void> {
  await unmeasured(['init', '--home', home, '--database', url], env);
  await unmeasured(['keys', 'init', '--home', home], env);
  for (const place of places) await addPlace(home, place, env);
  const names = places.map(({ name }) => name).join(',');
  await unmeasured(
    ['backup', 'config', '--home', home, '--tier', 'main', '--backends', names, '--erasure', '3/5'],
    env,
  );
}

export type Secrets = Readonly<Record<string, string>>;

export async function addPlace(home: string, { name, settings }: VaultPlace, env: Secrets): Promise<void> {
  await unmeasured(['backup', 'config', '--home', home, '--add-backend', name, ...settings], env);
}

/** A command in this process: what prepares need not pay for starting one. */
async function unmeasured(argv: readonly string[], env: Secrets): Promise<void> {
  const { exit, stderr } = await runCli(argv, { env: { ...env, VALENCE_PASSPHRASE: PASSPHRASE } });
  if (exit !== 0) throw new Error(`exit ${exit}: valence ${argv.join(' ')}: ${stderr}`);
}

function foldersIn(home: string): readonly VaultPlace[] {
  return BACKENDS.map((name) => ({ name, settings: ['--type', 'directory', '--path', join(home, name)] }));
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
