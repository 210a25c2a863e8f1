import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyFolder } from '../support/copy-folder.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { jsonLines, runCli } from '../cli/run-cli.ts';

/**
 * A real knowledge base through everything: the slice that the project carries, or the whole of WordNet from a folder with
 * beliefs.jsonl.gz and edges.jsonl.gz that VALENCE_WORDNET names.
 */

const DATA = process.env['VALENCE_WORDNET'] ?? join(import.meta.dirname, '..', '..', 'examples', 'wordnet');
const env = { VALENCE_PASSPHRASE: 'any two of five' };
const PLACES = ['d1', 'd2', 'd3', 'd4', 'd5'];
const PAIRS = PLACES.flatMap((a, i) => PLACES.slice(i + 1).map((b) => [a, b] as const));

async function valence(...argv: string[]): Promise<Record<string, unknown>[]> {
  const { exit, stdout, stderr } = await runCli([...argv, '--json'], { env });
  if (exit !== 0) throw new Error(`exit ${exit}: valence ${argv.join(' ')}: ${stderr}`);
  return jsonLines(stdout);
}

describe.each(['embedded', 'postgres'] as const)('WordNet on the %s engine', (engine) => {
  let folder: TemporaryFolder;
  let home: string;
  let digest: unknown;
  const opened: AsyncDisposable[] = [];

  async function server(): Promise<string> {
    const database = await freshDatabase();
    opened.push(database);
    return database.url;
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    home = join(folder.path, 'home');
    const database = engine === 'postgres' ? ['--database', await server()] : [];
    await valence('init', '--home', home, ...database);
    await valence('import', join(DATA, 'beliefs.jsonl.gz'), join(DATA, 'edges.jsonl.gz'), '--home', home);
    await valence('keys', 'init', '--home', home);
    for (const place of PLACES) {
      await valence(
        'backup',
        'config',
        '--home',
        home,
        '--add-backend',
        place,
        '--type',
        'directory',
        '--path',
        join(folder.path, place),
      );
    }
    await valence(
      'backup',
      'config',
      '--home',
      home,
      '--tier',
      'main',
      '--backends',
      PLACES.join(','),
      '--erasure',
      '3/5',
    );
    const [snapshot] = await valence('backup', 'run', '--home', home);
    if (snapshot?.['survives'] !== 2) throw new Error('the snapshot does not survive the loss of two places');
    [{ digest }] = (await valence('digest', '--home', home)) as [{ digest: unknown }];
  }, 1_200_000);

  afterAll(async () => {
    for (const resource of opened) await resource[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test.for(PAIRS)('without %s and %s everything comes back on a server', async ([a, b]) => {
    const to = await server();
    const elsewhere = await newHardware(a, b);
    const events = await valence('backup', 'restore', ...elsewhere, '--to', to);
    expect(events.map((event) => event['type'])).toEqual(['plan', 'queryable', 'restored']);
    const [restored] = await valence('digest', '--database', to, '--home', join(folder.path, 'none'));
    expect(restored!['digest']).toBe(digest);
  });

  test('without two places everything comes back as a home with its own database', async () => {
    const to = join(folder.path, 'restored');
    await valence('backup', 'restore', ...(await newHardware('d2', 'd5')), '--to', to);
    const [restored] = await valence('digest', '--home', to);
    expect(restored!['digest']).toBe(digest);
  });

  /** Only three places and the master key, as on a machine that has never seen this vault. */
  async function newHardware(...lost: string[]): Promise<string[]> {
    const machine = join(folder.path, `without-${lost.join('-')}`);
    await rm(machine, { recursive: true, force: true });
    await mkdir(machine);
    const left = PLACES.filter((place) => !lost.includes(place));
    for (const place of left) copyFolder(join(folder.path, place), join(machine, place));
    await cp(join(home, 'master.key'), join(machine, 'master.key'));
    const from = left.flatMap((place) => ['--from', join(machine, place)]);
    return ['--home', join(machine, 'none'), '--key-file', join(machine, 'master.key'), ...from];
  }
});
