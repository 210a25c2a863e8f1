import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { openValence, streamInput } from '../../src/index.ts';
import type { SnapshotRecord, Valence } from '../../src/index.ts';
import type { CliResult } from '../cli/run-cli.ts';
import { runCli } from '../cli/run-cli.ts';
import { copyFolder } from './copy-folder.ts';

/** A small vault in folders, and what tests of the whole corridor do with it. */

export const PASSPHRASE = 'zwölf Störche über dem Moor';
export const PLACES = ['d1', 'd2', 'd3', 'd4', 'd5'] as const;
/** Text that must never be seen outside the database. */
export const KNOWN_TEXT = 'the heron stands where the reeds are thinnest';

export interface VaultFolders {
  readonly root: string;
  readonly home: string;
  readonly masterKey: string;
  /** Folders of the five backends, in the order of their names. */
  readonly places: readonly string[];
  /** Three snapshots of the tier `main`, oldest first, each of another state. */
  readonly snapshots: readonly SnapshotRecord[];
  /** What `digest` said of each of these states. */
  readonly digests: readonly string[];
}

/**
 * A home with an embedded database, and a vault at 3 of 5 on five folders with three snapshots: the first stores a
 * stripe, the second only what fits an index segment, the third another stripe.
 */
export async function buildVault(root: string, tiers: readonly string[] = ['main']): Promise<VaultFolders> {
  const home = join(root, 'home');
  const snapshots: SnapshotRecord[] = [];
  const digests: string[] = [];
  await using valence = openValence({ home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
  await valence.init();
  await importLines(valence, knowledge());
  await valence.keys.init();
  await configure(valence, root, tiers);
  const take = async (): Promise<void> => {
    for await (const snapshot of valence.backup.run({})) if (snapshot.tier === 'main') snapshots.push(snapshot);
    digests.push((await valence.digest()).digest);
  };
  await take();
  await valence.belief.set(beliefNumber(5), { confidence: 0.125 });
  await take();
  await valence.belief.set(beliefNumber(1), { content: longText('second', 300_000) });
  await take();
  return { root, home, masterKey: join(home, 'master.key'), places: placesIn(root), snapshots, digests };
}

/** Home and places in another folder, as if they had always been there. */
export async function copyVault(vault: VaultFolders, root: string): Promise<VaultFolders> {
  await mkdir(root, { recursive: true });
  copyFolder(vault.home, join(root, 'home'));
  await copyPlaces(vault, root);
  const file = join(root, 'home', 'valence.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll(vault.root, root));
  const home = join(root, 'home');
  return { ...vault, root, home, masterKey: join(home, 'master.key'), places: placesIn(root) };
}

/** The places alone, of these names or all of them. */
export async function copyPlaces(
  vault: VaultFolders,
  root: string,
  names: readonly string[] = PLACES,
): Promise<string[]> {
  await mkdir(root, { recursive: true });
  await Promise.all(names.map((name) => cp(join(vault.root, name), join(root, name), { recursive: true })));
  return placesIn(root, names);
}

/** A command on the vault's home. */
export function onHome(vault: { readonly home: string }, ...argv: string[]): Promise<CliResult> {
  return runCli([...argv, '--home', vault.home, '--json'], { env: { VALENCE_PASSPHRASE: PASSPHRASE } });
}

/** A command on the vault's home that holds no master key and is told no passphrase, as a host that backs up. */
export function onHost(vault: { readonly home: string }, ...argv: string[]): Promise<CliResult> {
  return runCli([...argv, '--home', vault.home, '--json']);
}

export interface RestoreCall {
  readonly from: readonly string[];
  readonly to: string;
  readonly masterKey: string;
  readonly passphrase?: string | undefined;
  readonly more?: readonly string[] | undefined;
}

/** `backup restore` on a machine without a home. */
export function restoreFrom({
  from,
  to,
  masterKey,
  passphrase = PASSPHRASE,
  more = [],
}: RestoreCall): Promise<CliResult> {
  const locations = from.flatMap((place) => ['--from', place]);
  const argv = [
    'backup',
    'restore',
    ...locations,
    '--to',
    to,
    '--key-file',
    masterKey,
    '--home',
    `${masterKey}-no-home`,
    '--json',
  ];
  return runCli([...argv, ...more], { env: { VALENCE_PASSPHRASE: passphrase } });
}

/** Paths of all files below a folder, relative to it, in order. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.map((path) => relative(folder, path)).toSorted();
}

/** Every file below a folder with the digest of its bytes. */
export async function contentsOf(folder: string): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const name of await filesIn(folder)) {
    contents[name] = createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex');
  }
  return contents;
}

export function placesIn(root: string, names: readonly string[] = PLACES): string[] {
  return names.map((name) => join(root, name));
}

export function beliefNumber(number: number): string {
  return `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

/** Text that hardly compresses; the same for the same seed. */
export function longText(seed: string, length: number): string {
  const pieces: string[] = [];
  for (let i = 0; pieces.length * 88 < length; i += 1) {
    pieces.push(createHash('sha512').update(`${seed} ${i}`).digest('base64'));
  }
  return pieces.join('').slice(0, length);
}

export async function importLines(valence: Valence, lines: readonly unknown[]): Promise<void> {
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  await valence.import([streamInput('knowledge.jsonl', Readable.from([Buffer.from(text)]))]);
}

async function configure(valence: Valence, root: string, tiers: readonly string[]): Promise<void> {
  for (const name of PLACES) {
    await valence.backup.config({ kind: 'add-backend', name, type: 'directory', settings: { path: join(root, name) } });
  }
  for (const name of tiers) {
    const profile = { kind: 'erasure', k: 3, n: 5 } as const;
    await valence.backup.config({ kind: 'set-tier', name, backends: PLACES, profile });
  }
}

/** 150 beliefs and 200 edges: long, unicode and short text, sources, embeddings, and fields left out. */
function knowledge(): unknown[] {
  const beliefs = Array.from({ length: 150 }, (_, i) => belief(i + 1));
  const types = ['supports', 'contradicts', 'derives_from'];
  const edges = Array.from({ length: 200 }, (_, i) => ({
    source: beliefNumber((i % 150) + 1),
    target: beliefNumber(((i * 7 + 3 + Math.floor(i / 150)) % 150) + 1),
    type: types[i % 3],
    weight: (i % 11) / 10,
  }));
  const distinct = new Map(edges.map((edge) => [[edge.source, edge.target].toSorted().join() + edge.type, edge]));
  return [...beliefs, ...[...distinct.values()].filter((edge) => edge.source !== edge.target)];
}

function belief(number: number): unknown {
  const id = beliefNumber(number);
  if (number === 1) return { id, content: longText('first', 300_000) };
  if (number === 2) return { id, content: KNOWN_TEXT, confidence: 0.719, domains: ['birds', 'naïve'] };
  if (number === 3) return { id, content: '水は氷になる 🧊\n"\t\\\u0001', metadata: { why: null, list: [1, 'ä'] } };
  const content = `belief ${number}: ${longText(`belief ${number}`, number)}`;
  const embeddings = { small: Array.from({ length: 8 }, (_, i) => Math.sin(number * 8 + i)) };
  const provenance = { source_type: 'book', source_id: `isbn:${number % 12}` };
  if (number % 3 === 0) return { id, content, embeddings };
  return {
    id,
    content,
    confidence: (number % 100) / 100,
    provenance,
    ...(number % 5 === 0 ? { valid_until: '2030-01-01T00:00:00Z' } : {}),
  };
}
