import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestDatabase } from '../test/support/postgres.ts';
import { KINDS } from '../test/support/five-kinds.ts';
import type { FiveKinds, PlaceKind } from '../test/support/five-kinds.ts';
import { backUp } from './backup-cost.ts';
import { foldersOf, makeVault } from './bench-vault.ts';
import { backUpWithout, reportDeadPlace } from './dead-place.ts';
import type { DeadPlace } from './dead-place.ts';
import type { Door } from './door.ts';
import { median, print, ratiosOf, round3, spreadOf } from './figures.ts';
import type { Measured } from './full-backup.ts';
import { KindsVault } from './kinds-vault.ts';
import type { KindsRun } from './kinds-vault.ts';
import { valence } from './timed.ts';

/**
 * What five different places cost beside five folders, what a slow one and a dead one cost a run, and how fast a destroyed
 * one is rebuilt. Each round has vaults of its own, and harms another kind.
 */

/** Of a place's bytes: what opens and what ends a run says little of how fast it goes between. */
const [BULK_FROM, BULK_TO] = [0.05, 0.9];
const SLOWER = 10;

/** Of one round: seconds of each step, and what else was seen. */
interface Round {
  readonly harmed: PlaceKind;
  readonly folders: { readonly backup: number; readonly restore: number };
  readonly kinds: { readonly backup: number; readonly restore: number; readonly storedBytes: number };
  readonly slow: Slow;
  readonly dead: DeadPlace;
  readonly rebuilt: { readonly seconds: number; readonly bytes: number };
}

interface Slow {
  readonly bytesPerSecond: number;
  readonly whole: number;
  /** Until the fast places had nine tenths of what they got, the last of them; before and with the slow one. */
  readonly fastBefore: number;
  readonly fast: number;
  readonly survives: number;
}

export async function measureFivePlaces(kinds: FiveKinds, measured: Measured): Promise<void> {
  const rounds: Round[] = [];
  for (let round = 0; round < measured.rounds; round += 1) {
    const work = join(measured.work, String(round));
    await mkdir(work);
    rounds.push(await observe(kinds, { ...measured, work }, KINDS[round % KINDS.length]!));
  }
  reportWhole(rounds);
  reportSlow(rounds);
  for (const kind of KINDS) {
    const own = rounds.filter(({ harmed }) => harmed === kind);
    if (own.length === 0) continue;
    reportDeadPlace(
      kind,
      'gone',
      own.map(({ dead }) => dead),
    );
    reportRebuilt(kind, own);
  }
}

async function observe(kinds: FiveKinds, measured: Measured, harmed: PlaceKind): Promise<Round> {
  const { url, work } = measured;
  const plain = join(work, 'folders');
  await makeVault(plain, url);
  const plainBackup = (await backUp(plain)).seconds;
  const plainRestore = await restore(measured, plain, foldersOf(plain), {});
  await rm(plain, { recursive: true });

  const vault = await KindsVault.make(kinds, url, join(work, 'kinds'));
  const whole = await vault.backUp();
  const restored = await restore(measured, vault.home, vault.names, kinds.env);
  const slow = await withSlowOne(kinds, measured, { vault, whole });
  const dead = await backUpWithout(vault, { url, kind: harmed, death: 'gone' });
  const { seconds, record } = await vault.rebuild(harmed);
  return {
    harmed,
    folders: { backup: plainBackup, restore: plainRestore },
    kinds: { backup: whole.seconds, restore: restored, storedBytes: whole.snapshot.storedBytes },
    slow,
    dead,
    rebuilt: { seconds, bytes: record.storedBytes },
  };
}

/** From all places, to the moment when the rows can be asked. */
async function restore(
  { serverUrl }: Measured,
  home: string,
  places: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  await using target = await createTestDatabase(serverUrl);
  const from = places.flatMap((place) => ['--from', place]);
  const command = ['backup', 'restore', '--home', home, ...from, '--to', target.url];
  return (await valence(command, { until: 'queryable', env })).seconds;
}

/** The same full backup into another vault, where S3 takes a tenth of what it took a second. */
async function withSlowOne(
  kinds: FiveKinds,
  { url, work }: Measured,
  fast: { readonly vault: KindsVault; readonly whole: KindsRun },
): Promise<Slow> {
  const bytesPerSecond = fast.vault.place('s3').door!.bytesPerSecond(BULK_FROM, BULK_TO) / SLOWER;
  const fastBefore = lastServed(fast.vault, fast.whole);
  const vault = await KindsVault.make(kinds, url, join(work, 'slow'));
  vault.place('s3').door!.slowTo(bytesPerSecond);
  const run = await vault.backUp();
  const { seconds: whole, snapshot } = run;
  return { bytesPerSecond, whole, fastBefore, fast: lastServed(vault, run), survives: snapshot.survives };
}

/** Seconds from the start of the run until each place but S3 had its bulk. */
function lastServed(vault: KindsVault, { startedAt }: KindsRun): number {
  const slow = vault.place('s3').door;
  const others = vault.doors.filter((door: Door) => door !== slow);
  return (Math.max(...others.map((door) => door.reached(BULK_TO))) - startedAt) / 1000;
}

function reportWhole(rounds: readonly Round[]): void {
  const of = (pick: (round: Round) => number): readonly number[] => rounds.map(pick);
  const figures = {
    'full backup, five folders': of(({ folders }) => folders.backup),
    'full backup, five kinds': of(({ kinds }) => kinds.backup),
    'restore, five folders': of(({ folders }) => folders.restore),
    'restore, five kinds': of(({ kinds }) => kinds.restore),
  };
  for (const [name, seconds] of Object.entries(figures)) print({ name, ...spreadOf(seconds) });
  const ratios = ratiosOf([
    [
      'backup, kinds / folders',
      median(figures['full backup, five kinds']),
      median(figures['full backup, five folders']),
    ],
    ['restore, kinds / folders', median(figures['restore, five kinds']), median(figures['restore, five folders'])],
  ]);
  print({ name: 'ratios', ...ratios });
}

function reportSlow(rounds: readonly Round[]): void {
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  const [whole, before] = [of(({ slow }) => slow.whole), of(({ kinds }) => kinds.backup)];
  const [fast, fastBefore] = [of(({ slow }) => slow.fast), of(({ slow }) => slow.fastBefore)];
  print({
    name: 'full backup, S3 at a tenth',
    ...spreadOf(rounds.map(({ slow }) => slow.whole)),
    slowMbPerSecond: round3(of(({ slow }) => slow.bytesPerSecond) / 1e6),
    fastServedSeconds: round3(fast),
    fastServedSecondsBefore: round3(fastBefore),
    survives: Math.min(...rounds.map(({ slow }) => slow.survives)),
  });
  print({
    name: 'ratios',
    ...ratiosOf([
      ['whole, slow / not', whole, before],
      ['fast, slow / not', fast, fastBefore],
    ]),
  });
}

function reportRebuilt(kind: PlaceKind, rounds: readonly Round[]): void {
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  const speed = of(({ rebuilt }) => rebuilt.bytes / rebuilt.seconds / 1e6);
  const backup = of(({ kinds }) => kinds.storedBytes / kinds.backup / 1e6);
  print({
    name: 'backup repair',
    backend: kind,
    ...spreadOf(rounds.map(({ rebuilt }) => rebuilt.seconds)),
    rebuiltBytes: of(({ rebuilt }) => rebuilt.bytes),
    rebuiltMbPerSecond: round3(speed),
  });
  print({ name: 'ratios', backend: kind, ...ratiosOf([['rebuilt / stored by the full backup, MB/s', speed, backup]]) });
}
