/**
 * `npm run bench [-- --beliefs N[,N] --rounds N --only PART[,PART]]`: what backups, restores, queries and searches cost
 * beside the tools people use today, all in one run on one PostgreSQL 17. One JSON line a figure; docs/benchmarks.md.
 */
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTestDatabase, onServer } from '../test/support/postgres.ts';
import { DIMENSIONS, EDGES_A_BELIEF, fillDatabase } from './dataset.ts';
import { openDumpStores } from './dump-stores.ts';
import { print } from './figures.ts';
import { measureGraph } from './graph.ts';
import { measureFullBackup } from './full-backup.ts';
import type { Measured } from './full-backup.ts';
import { measureLogCost } from './log-cost.ts';
import { measurePlaces, requirePrograms } from './places.ts';
import { openPgBackRest, startArchivingServer } from './pgbackrest.ts';
import type { Rival } from './rival.ts';
import { flatness, measureSmallChanges } from './small-changes.ts';
import type { SmallChangeFigures } from './small-changes.ts';
import { shell, valence } from './timed.ts';

/** As a user's server is: durable, with some memory. */
const SERVER_SETTINGS = ['shared_buffers=512MB', 'max_wal_size=4GB', 'max_connections=50'];
/**
 * Whole backups and restores; backups of small changes; places of five kinds; ordinary writes with the change log and without;
 * Reed-Solomon; queries over graphs, and search.
 */
const PARTS = ['full', 'small', 'backends', 'log', 'kernel', 'graph'] as const;
/** Run only where they are named, as they take minutes: a place that never answers. */
const SLOW_PARTS = ['silent'] as const;
const ALL_PARTS = [...PARTS, ...SLOW_PARTS];
/** Of the statements by which the change log is measured. */
const LOGGED_ROWS_MAX = 10_000;
/** These take a fraction of a second, so each round has several. */
const LOG_ROUNDS = 3;

const { values } = parseArgs({
  options: {
    beliefs: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: PARTS.join(',') },
  },
});
const sizes = values.beliefs.split(',').map(Number);
const rounds = Number(values.rounds);
const parts = values.only.split(',').map((name) => ALL_PARTS.find((part) => part === name));
if (![...sizes, rounds].every((value) => Number.isInteger(value) && value >= 1))
  throw new Error('--beliefs and --rounds take whole numbers');
if (parts.includes(undefined)) throw new Error(`--only takes ${ALL_PARTS.join(', ')}`);

const isOfPlaces = parts.includes('backends') || parts.includes('silent');
if (isOfPlaces) requirePrograms();

await shell('npm run --silent build');
await using server = await startArchivingServer(SERVER_SETTINGS);
const work = await realpath(await mkdtemp(join(tmpdir(), 'valence-bench-')));
try {
  if (parts.includes('full') || parts.includes('small') || isOfPlaces) await measureSizes();
  if (parts.includes('log'))
    await measureLogCost({
      serverUrl: server.url,
      rows: Math.min(LOGGED_ROWS_MAX, sizes[0]!),
      rounds: LOG_ROUNDS * rounds,
      work: await folder('log'),
    });
  if (parts.includes('kernel')) await import('./kernel.ts');
  if (parts.includes('graph'))
    await measureGraph({ serverUrl: server.url, rounds, beliefs: sizes[0]!, work: await folder('graph') });
} finally {
  await rm(work, { recursive: true, force: true });
}

async function measureSizes(): Promise<void> {
  const small: SmallChangeFigures[] = [];
  for (const beliefs of sizes) {
    await using source = await createTestDatabase(server.url);
    const { url } = source;
    await valence(['init', '--home', await folder(`home-${beliefs}`), '--database', url]);
    await fillDatabase(url, beliefs);
    print({ name: 'data', beliefs, dimensions: DIMENSIONS, edges: beliefs * EDGES_A_BELIEF });
    const measured = { serverUrl: server.url, url, beliefs, rounds };
    if (parts.includes('full')) await measureFullBackup({ ...measured, work: await folder(`full-${beliefs}`) });
    if (parts.includes('small'))
      small.push(await withRivals({ ...measured, work: await folder(`small-${beliefs}`) }, measureSmallChanges));
    if (isOfPlaces) await measurePlaces(parts, { ...measured, work: await folder(`places-${beliefs}`) });
  }
  for (const larger of small.slice(1)) flatness(small[0]!, larger);
}

async function withRivals<T>(
  measured: Measured,
  measure: (measured: Measured, rivals: readonly Rival[]) => Promise<T>,
): Promise<T> {
  // What the vaults of whole backups have left there would burden every tool.
  await onServer(measured.url, 'TRUNCATE valence_catalog.heads, valence_catalog.chunks, valence_catalog.segments');
  const dumpStores = await openDumpStores(measured.url, measured.work);
  await using pgBackRest = await openPgBackRest(measured.url).catch((error: unknown) => {
    print({ name: 'pgbackrest', skipped: error instanceof Error ? error.message : String(error) });
    return null;
  });
  return await measure(measured, pgBackRest === null ? dumpStores : [...dumpStores, pgBackRest]);
}

async function folder(name: string): Promise<string> {
  const path = join(work, name);
  await mkdir(path);
  return path;
}
