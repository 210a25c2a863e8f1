import { join } from 'node:path';
import { createTestDatabase } from '../test/support/postgres.ts';
import { foldersOf, makeVault } from './bench-vault.ts';
import { median, print, ratiosOf, spreadOf } from './figures.ts';
import { isInstalled, shell, valence } from './timed.ts';
import type { Timed, TimedValence } from './timed.ts';

/** What a full backup and a restore cost beside the tools people use today. */

const TABLES = [
  'beliefs',
  'belief_versions',
  'sources',
  'belief_sources',
  'belief_edges',
  'models',
  'belief_embeddings',
];

/** One filled database, and where the measurement may write. */
export interface Measured {
  /** Of the server: databases to restore into are made there. */
  readonly serverUrl: string;
  readonly url: string;
  readonly beliefs: number;
  readonly rounds: number;
  /** A folder of its own. */
  readonly work: string;
}

export async function measureFullBackup(measured: Measured): Promise<void> {
  const { url, rounds, work } = measured;
  const hasRestic = await isInstalled('restic');
  const times = new Map<string, (Timed | TimedValence)[]>();
  const record = async (name: string, run: () => Promise<Timed | TimedValence>): Promise<void> => {
    times.set(name, [...(times.get(name) ?? []), await run()]);
  };
  const intoEmpty = async (run: (to: string) => Promise<Timed>): Promise<Timed> => {
    await using target = await createTestDatabase(measured.serverUrl);
    return await run(target.url);
  };
  const copies = TABLES.map((table) => `-c "COPY (SELECT * FROM valence.${table}) TO STDOUT (FORMAT binary)"`).join(
    ' ',
  );
  for (let round = 0; round < rounds; round += 1) {
    const home = join(work, `home-${round}`);
    const store = join(work, `restic-${round}`);
    await record('copy', () => shell(`psql -q '${url}' ${copies} > /dev/null`));
    await record('pg_dump', () => shell(`pg_dump -Fc -Z0 '${url}' > ${work}/dump`));
    if (hasRestic) await record('pg_dump | restic', () => restic(url, store));
    // A new vault each time, so that every backup is a full one.
    await makeVault(home, url);
    await record('valence backup run', () => valence(['backup', 'run', '--home', home]));
    if (hasRestic) await record('restic dump | pg_restore', () => intoEmpty((to) => resticRestore(to, store)));
    await record('pg_restore', () => intoEmpty((to) => shell(`pg_restore --no-owner -d '${to}' ${work}/dump`)));
    await record('valence backup restore', () => intoEmpty((to) => restore(to, home)));
  }
  const idle = await valence(['belief', 'list', '--limit', '1', '--home', join(work, 'home-0'), '--database', url]);
  for (const [name, runs] of times) print({ name, ...summary(runs, idle) });
  print({ name: 'ratios', ...ratios(times) });
}

async function restic(url: string, store: string): Promise<Timed> {
  const env = resticAt(store);
  await shell('restic init -q', env);
  return shell(`pg_dump -Fc -Z0 '${url}' | restic backup -q --stdin --stdin-filename dump`, env);
}

async function resticRestore(to: string, store: string): Promise<Timed> {
  return shell(`restic dump -q latest dump | pg_restore --no-owner -d '${to}'`, resticAt(store));
}

function resticAt(store: string): Readonly<Record<string, string>> {
  return { RESTIC_PASSWORD: 'bench', RESTIC_REPOSITORY: store, RESTIC_CACHE_DIR: `${store}-cache` };
}

/** To the moment when the rows can be asked; the vector indexes that follow are not waited for. */
async function restore(to: string, home: string): Promise<TimedValence> {
  const from = foldersOf(home)
    .slice(2)
    .flatMap((folder) => ['--from', folder]);
  const nowhere = join(home, 'nowhere');
  return valence(
    ['backup', 'restore', '--home', nowhere, ...from, '--key-file', join(home, 'master.key'), '--to', to],
    { until: 'queryable' },
  );
}

function summary(runs: readonly (Timed | TimedValence)[], idle: TimedValence): Record<string, unknown> {
  const peaks = runs.flatMap((run) => ('peakMebibytes' in run ? [run.peakMebibytes] : []));
  const peak = Math.max(...peaks);
  const memory =
    peaks.length === 0
      ? {}
      : { peakMebibytes: Math.round(peak), overIdleMebibytes: Math.round(peak - idle.peakMebibytes) };
  return { ...spreadOf(runs.map((run) => run.seconds)), ...memory };
}

function ratios(times: ReadonlyMap<string, readonly Timed[]>): Record<string, number> {
  const of = (name: string): number | null => {
    const runs = times.get(name);
    return runs === undefined ? null : median(runs.map((run) => run.seconds));
  };
  const backup = of('valence backup run');
  const restored = of('valence backup restore');
  return ratiosOf([
    ['backup / copy', backup, of('copy')],
    ['backup / pg_dump', backup, of('pg_dump')],
    ['backup / pg_dump | restic', backup, of('pg_dump | restic')],
    ['restore / pg_restore', restored, of('pg_restore')],
    ['restore / restic dump | pg_restore', restored, of('restic dump | pg_restore')],
  ]);
}
