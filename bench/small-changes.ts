import { join } from 'node:path';
import { backUp, costFigures, costMedians, ourFigures } from './backup-cost.ts';
import type { OurCost } from './backup-cost.ts';
import { makeVault } from './bench-vault.ts';
import { appendBeliefs, changeConfidences } from './dataset.ts';
import { median, print, ratiosOf, round3 } from './figures.ts';
import type { Measured } from './full-backup.ts';
import { measureDiff, measureListing, measurePart } from './vault-reads.ts';
import { startResident } from './resident-process.ts';
import type { Cost, Rival } from './rival.ts';
import { valence } from './timed.ts';

/** What a backup costs after little has changed, beside other tools that saw the same changes. */

interface Change {
  readonly name: string;
  readonly apply: (url: string) => Promise<void>;
}

const CHANGES: readonly Change[] = [
  { name: '100 confidences', apply: (url) => changeConfidences(url, 100) },
  { name: '1000 appended', apply: (url) => appendBeliefs(url, 1000) },
  { name: 'nothing', apply: async () => {} },
];

/** What was seen of one change, round by round. */
interface Seen {
  readonly change: string;
  readonly rivals: ReadonlyMap<Rival, Cost[]>;
  readonly ours: OurCost[];
  /** In a process that had been open, call to end. */
  readonly insideSeconds: number[];
}

/** Medians of ours, by change; what two sizes of base are compared by. */
export type SmallChangeFigures = ReadonlyMap<string, Readonly<Record<string, number>>>;

/** The rivals have backed nothing up yet. */
export async function measureSmallChanges(measured: Measured, rivals: readonly Rival[]): Promise<SmallChangeFigures> {
  const { url, beliefs, rounds, work } = measured;
  const home = join(work, 'home');
  await makeVault(home, url);
  const { peakMebibytes: idle } = await valence(['belief', 'list', '--limit', '1', '--home', home]);
  for (const rival of rivals)
    print({ name: rival.name, beliefs, change: 'full', ...costFigures([await rival.backUp()]) });
  const full = await backUp(home);
  print({ name: 'valence', beliefs, change: 'full', ...ourFigures([full], idle) });

  const seen = CHANGES.map(({ name }): Seen => {
    return { change: name, rivals: new Map(rivals.map((rival) => [rival, []])), ours: [], insideSeconds: [] };
  });
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { apply }] of CHANGES.entries()) await observe(seen[index]!, () => apply(url), home);
  }
  await observeInside(seen, measured, home);
  for (const one of seen) report(one, beliefs, idle);

  const snapshots = [full, ...seen.flatMap(({ ours }) => ours)].map(({ snapshot }) => snapshot);
  for (const { change, ours } of seen) {
    const after = ours.at(-1)!.snapshot;
    const before = snapshots.find(({ sequence }) => sequence === after.sequence - 1)!;
    await measureDiff({ ...measured, home }, change, [before.id, after.id]);
  }
  await measurePart({ ...measured, home });
  await measureListing({ ...measured, home });
  return new Map(seen.map((one) => [one.change, mediansOf(one)]));
}

/** How much more everything costs with a larger base, as ratios. The goal is that little does. */
export function flatness(small: SmallChangeFigures, large: SmallChangeFigures): void {
  for (const [change, figures] of small) {
    const pairs = Object.entries(figures).map(([name, value]) => [name, large.get(change)![name]!, value] as const);
    print({ name: 'flatness', change, ...ratiosOf(pairs) });
  }
}

/** One round of one change: the rivals go first, so that what our run writes to the database is no part of theirs. */
async function observe({ rivals, ours }: Seen, apply: () => Promise<void>, home: string): Promise<void> {
  for (const rival of rivals.keys()) await rival.settle();
  await apply();
  for (const [rival, costs] of rivals) costs.push(await rival.backUp());
  ours.push(await backUp(home));
}

async function observeInside(seen: readonly Seen[], { url, rounds }: Measured, home: string): Promise<void> {
  await using resident = startResident(home);
  // The first run of a process also loads and connects.
  await resident.backUp();
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { apply }] of CHANGES.entries()) {
      await apply(url);
      seen[index]!.insideSeconds.push((await resident.backUp()).seconds);
    }
  }
}

function report(seen: Seen, beliefs: number, idleMebibytes: number): void {
  const { change, rivals, ours, insideSeconds } = seen;
  for (const [rival, costs] of rivals) print({ name: rival.name, beliefs, change, ...costFigures(costs) });
  const inside = { insideSeconds: round3(median(insideSeconds)), insideSecondsMax: round3(Math.max(...insideSeconds)) };
  print({ name: 'valence', beliefs, change, ...ourFigures(ours, idleMebibytes), ...inside });
  const mine = mediansOf(seen);
  const ratios = [...rivals].flatMap(([{ name }, costs]) => {
    const theirs = costMedians(costs);
    return (['seconds', 'newBytes', 'storedBytes', 'objects'] as const).map(
      (figure) => [`${figure} / ${name}`, mine[figure]!, theirs[figure] ?? null] as const,
    );
  });
  print({ name: 'ratios', beliefs, change, ...ratiosOf(ratios) });
}

function mediansOf({ ours, insideSeconds }: Seen): Readonly<Record<string, number>> {
  return { ...costMedians(ours), insideSeconds: median(insideSeconds) };
}
