import type { DiffSummary, RestoreResult, VerificationReport } from '../src/index.ts';
import { createTestDatabase } from '../test/support/postgres.ts';
import { foldersOf } from './bench-vault.ts';
import { median, print, spreadOf } from './figures.ts';
import type { Measured } from './full-backup.ts';
import { rowsOf } from './rows.ts';
import { valence } from './timed.ts';
import type { TimedValence } from './timed.ts';

/**
 * What it takes to read a little of a large vault, from the command line. The passphrase is part of it: half a second and
 * more goes into deriving its key. `readBytes` is all that was read from the five folders.
 */

export interface MeasuredVault extends Measured {
  readonly home: string;
}

const HOPS = 2;

/** `backup diff`, rows and all, of two snapshots in a row. */
export async function measureDiff(
  vault: MeasuredVault,
  change: string,
  [a, b]: readonly [string, string],
): Promise<void> {
  const runs = await repeat(vault, ['backup', 'diff', a, b]);
  const { tables, bytesRead } = lastOf<DiffSummary>(runs, 'summary');
  const rows = Object.values(tables).reduce((sum, { added, changed, removed }) => sum + added + changed + removed, 0);
  print({ name: 'backup diff', beliefs: vault.beliefs, change, ...figuresOf(runs), shardBytes: bytesRead, rows });
}

/** `backup restore --beliefs` of one belief and what is two hops from it, into an empty database. */
export async function measurePart(vault: MeasuredVault): Promise<void> {
  const [chosen] = await rowsOf<{ id: string }>(
    vault.url,
    'SELECT id FROM valence.beliefs ORDER BY id OFFSET $1 LIMIT 1',
    [vault.beliefs >> 1],
  );
  const from = foldersOf(vault.home).flatMap((folder) => ['--from', folder]);
  const command = ['backup', 'restore', '--beliefs', chosen!.id, '--hops', String(HOPS), ...from];
  const runs: TimedValence[] = [];
  for (let round = 0; round < vault.rounds; round += 1) {
    await using target = await createTestDatabase(vault.serverUrl);
    runs.push(await run(vault, [...command, '--to', target.url]));
  }
  const { counts } = lastOf<RestoreResult>(runs, 'restored');
  print({ name: 'backup restore --beliefs', beliefs: vault.beliefs, hops: HOPS, ...figuresOf(runs), counts });
}

/** `backup verify` without `--data`: all that is there, by listing. */
export async function measureListing(vault: MeasuredVault): Promise<void> {
  const runs = await repeat(vault, ['backup', 'verify']);
  const { snapshots, shards, status } = lastOf<VerificationReport>(runs, 'verification');
  print({ name: 'backup verify', beliefs: vault.beliefs, ...figuresOf(runs), snapshots, shards, status });
}

async function repeat(vault: MeasuredVault, command: readonly string[]): Promise<readonly TimedValence[]> {
  const runs: TimedValence[] = [];
  for (let round = 0; round < vault.rounds; round += 1) runs.push(await run(vault, command));
  return runs;
}

function run({ home }: MeasuredVault, command: readonly string[]): Promise<TimedValence> {
  return valence([...command, '--home', home], { folder: `${home}/d` });
}

function figuresOf(runs: readonly TimedValence[]): Record<string, unknown> {
  return {
    ...spreadOf(runs.map(({ seconds }) => seconds)),
    readBytes: median(runs.map(({ readBytes }) => readBytes)),
    peakMebibytes: Math.round(Math.max(...runs.map(({ peakMebibytes }) => peakMebibytes))),
  };
}

/** The line of this type that the last run printed. */
function lastOf<T extends { readonly type: string }>(runs: readonly TimedValence[], type: T['type']): T {
  const lines = runs.at(-1)!.output.split('\n');
  return lines.map((line) => JSON.parse(line) as T).findLast((line) => line.type === type)!;
}
