/**
 * `npm run bench [-- --beliefs N]`: what a full backup and a restore cost beside the tools people use today, all in one
 * run on one PostgreSQL 17, and the erasure kernel beside the npm codec. One JSON line a figure; docs/benchmarks.md.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTestDatabase, startPostgres } from '../test/support/postgres.ts';
import { DIMENSIONS, EDGES_A_BELIEF, fillDatabase } from './dataset.ts';
import { shell, valence } from './timed.ts';
import type { Timed } from './timed.ts';

const TABLES = [
  'beliefs',
  'belief_versions',
  'sources',
  'belief_sources',
  'belief_edges',
  'models',
  'belief_embeddings',
];
/** As a user's server is: durable, with some memory. */
const SERVER_SETTINGS = ['shared_buffers=512MB', 'max_wal_size=4GB', 'max_connections=50'];
const BACKENDS = ['d1', 'd2', 'd3', 'd4', 'd5'];

const { values } = parseArgs({
  options: { beliefs: { type: 'string', default: '100000' }, rounds: { type: 'string', default: '3' } },
});
const beliefs = Number(values.beliefs);
const rounds = Number(values.rounds);
if (!Number.isInteger(beliefs) || beliefs < 1 || !Number.isInteger(rounds) || rounds < 1)
  throw new Error('--beliefs and --rounds take whole numbers');

await shell('npm run --silent build');
await using server = await startPostgres(SERVER_SETTINGS);
const work = await mkdtemp(join(tmpdir(), 'valence-bench-'));
try {
  await measure();
  await import('./kernel.ts');
} finally {
  await rm(work, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  await using source = await createTestDatabase(server.url);
  const { url } = source;
  const home = join(work, 'home');
  await valence(['init', '--home', home, '--database', url]);
  await fillDatabase(url, beliefs);
  print({ name: 'data', beliefs, dimensions: DIMENSIONS, edges: beliefs * EDGES_A_BELIEF });
  const hasRestic = await shell('command -v restic').then(
    () => true,
    () => false,
  );
  const times = new Map<string, Timed[]>();
  const record = async (name: string, run: () => Promise<Timed>): Promise<void> => {
    times.set(name, [...(times.get(name) ?? []), await run()]);
  };
  const copies = TABLES.map((table) => `-c "COPY (SELECT * FROM valence.${table}) TO STDOUT (FORMAT binary)"`).join(
    ' ',
  );
  for (let round = 0; round < rounds; round += 1) {
    await record('copy', () => shell(`psql -q '${url}' ${copies} > /dev/null`));
    await record('pg_dump', () => shell(`pg_dump -Fc -Z0 '${url}' > ${work}/dump`));
    if (hasRestic) await record('pg_dump | restic', () => restic(url, round));
    await record('valence backup run', () => backUp(url, round));
    if (hasRestic) await record('restic dump | pg_restore', () => intoEmpty((to) => resticRestore(to, round)));
    await record('pg_restore', () => intoEmpty((to) => shell(`pg_restore --no-owner -d '${to}' ${work}/dump`)));
    await record('valence backup restore', () => intoEmpty((to) => restore(to, round)));
  }
  const idle = await valence(['belief', 'list', '--limit', '1', '--home', home, '--database', url]);
  for (const [name, runs] of times) print({ name, ...summary(runs, idle) });
  print({ name: 'ratios', ...ratios(times) });
}

async function restic(url: string, round: number): Promise<Timed> {
  const repository = join(work, `restic-${round}`);
  const env = { RESTIC_PASSWORD: 'bench', RESTIC_REPOSITORY: repository, RESTIC_CACHE_DIR: join(work, 'restic-cache') };
  await shell('restic init -q', env);
  return shell(`pg_dump -Fc -Z0 '${url}' | restic backup -q --stdin --stdin-filename dump`, env);
}

async function resticRestore(to: string, round: number): Promise<Timed> {
  const env = {
    RESTIC_PASSWORD: 'bench',
    RESTIC_REPOSITORY: join(work, `restic-${round}`),
    RESTIC_CACHE_DIR: join(work, 'restic-cache'),
  };
  return shell(`restic dump -q latest dump | pg_restore --no-owner -d '${to}'`, env);
}

/** A new vault each time, so that every backup is a full one. */
async function backUp(url: string, round: number): Promise<Timed> {
  const home = homeOf(round);
  await valence(['init', '--home', home, '--database', url]);
  await valence(['keys', 'init', '--home', home]);
  for (const name of BACKENDS)
    await valence([
      'backup',
      'config',
      '--home',
      home,
      '--add-backend',
      name,
      '--type',
      'directory',
      '--path',
      join(home, name),
    ]);
  await valence([
    'backup',
    'config',
    '--home',
    home,
    '--tier',
    'main',
    '--backends',
    BACKENDS.join(','),
    '--erasure',
    '3/5',
  ]);
  return valence(['backup', 'run', '--home', home]);
}

/** To the moment when the rows can be asked; the vector indexes that follow are not waited for. */
async function restore(to: string, round: number): Promise<Timed> {
  const home = homeOf(round);
  const from = BACKENDS.slice(2).flatMap((name) => ['--from', join(home, name)]);
  return valence(
    ['backup', 'restore', '--home', join(work, 'nowhere'), ...from, '--key-file', join(home, 'master.key'), '--to', to],
    'queryable',
  );
}

function homeOf(round: number): string {
  return join(work, `home-${round}`);
}

async function intoEmpty(run: (url: string) => Promise<Timed>): Promise<Timed> {
  await using target = await createTestDatabase(server.url);
  return await run(target.url);
}

function summary(runs: readonly Timed[], idle: Timed): Record<string, unknown> {
  const seconds = runs.map((run) => run.seconds).toSorted((a, b) => a - b);
  const peak =
    runs[0]!.peakMebibytes === null ? undefined : Math.round(Math.max(...runs.map((run) => run.peakMebibytes!)));
  const extra =
    peak === undefined ? {} : { peakMebibytes: peak, overIdleMebibytes: Math.round(peak - idle.peakMebibytes!) };
  return {
    medianSeconds: round3(median(seconds)),
    minSeconds: round3(seconds[0]!),
    maxSeconds: round3(seconds.at(-1)!),
    ...extra,
  };
}

function ratios(times: ReadonlyMap<string, readonly Timed[]>): Record<string, number> {
  const of = (name: string): number | null => {
    const runs = times.get(name);
    return runs === undefined ? null : median(runs.map((run) => run.seconds).toSorted((a, b) => a - b));
  };
  const backup = of('valence backup run')!;
  const restored = of('valence backup restore')!;
  const pairs: readonly (readonly [string, number, number | null])[] = [
    ['backup / copy', backup, of('copy')],
    ['backup / pg_dump', backup, of('pg_dump')],
    ['backup / pg_dump | restic', backup, of('pg_dump | restic')],
    ['restore / pg_restore', restored, of('pg_restore')],
    ['restore / restic dump | pg_restore', restored, of('restic dump | pg_restore')],
  ];
  return Object.fromEntries(pairs.flatMap(([name, a, b]) => (b === null ? [] : [[name, round3(a / b)]])));
}

function median(sorted: readonly number[]): number {
  return sorted[sorted.length >> 1]!;
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function print(entry: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(entry));
}
