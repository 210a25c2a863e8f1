import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FiveKinds, PlaceKind } from '../test/support/five-kinds.ts';
import { changeConfidences } from './dataset.ts';
import { median, print, ratiosOf, round3, spreadOf } from './figures.ts';
import type { Measured } from './full-backup.ts';
import { KindsVault } from './kinds-vault.ts';

/** What a place that is not there costs a small backup. */

/** Seconds of three backups, each after the same number of changes. */
export interface DeadPlace {
  readonly allThere: number;
  readonly without: number;
  /** It is there again, and gets what it was owed. */
  readonly paying: number;
  /** What it says that it paid. */
  readonly paid: string;
}

/** Gone: its folder is missing, its server refuses. Silent: its server lets everybody in and answers nobody. */
export type Death = 'gone' | 'silent';

const CHANGED = 100;
/** The kind that falls silent. */
const SILENT_KIND = 's3';

/** The vault has a snapshot; all its places are there, also afterwards. A folder cannot be silent. */
export async function backUpWithout(
  vault: KindsVault,
  { url, kind, death }: { readonly url: string; readonly kind: PlaceKind; readonly death: Death },
): Promise<DeadPlace> {
  const place = vault.place(kind);
  const change = (): Promise<void> => changeConfidences(url, CHANGED);
  await change();
  const allThere = await vault.backUp();
  await change();
  if (death === 'silent') place.door!.silence();
  else await place.lose();
  const without = await vault.backUp();
  await place.regain();
  if (!without.snapshot.degraded) throw new Error(`nothing was missing without ${place.name}: ${without.output}`);
  await change();
  const paying = await vault.backUp();
  const paid = paying.snapshot.notes.filter((note) => note.startsWith('paid:')).join(', ');
  return { allThere: allThere.seconds, without: without.seconds, paying: paying.seconds, paid };
}

export function reportDeadPlace(kind: PlaceKind, death: Death, runs: readonly DeadPlace[]): void {
  const [allThere, without, paying] = (['allThere', 'without', 'paying'] as const).map((run) =>
    median(runs.map((one) => one[run])),
  ) as [number, number, number];
  print({
    name: `${CHANGED} confidences, one place ${death}`,
    backend: kind,
    ...spreadOf(runs.map((run) => run.without)),
    allThereSeconds: round3(allThere),
    costsSeconds: round3(without - allThere),
    payingSeconds: round3(paying),
    paid: runs.at(-1)!.paid,
  });
  const ratios = ratiosOf([
    [`one ${death} / all there`, without, allThere],
    ['paying / all there', paying, allThere],
  ]);
  print({ name: 'ratios', backend: kind, ...ratios });
}

/** Takes as long as the program waits for an answer, which is minutes: a measurement of its own. */
export async function measureSilentPlace(kinds: FiveKinds, { url, rounds, work }: Measured): Promise<void> {
  const runs: DeadPlace[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const folder = join(work, String(round));
    await mkdir(folder);
    const vault = await KindsVault.make(kinds, url, join(folder, 'kinds'));
    await vault.backUp();
    runs.push(await backUpWithout(vault, { url, kind: SILENT_KIND, death: 'silent' }));
  }
  reportDeadPlace(SILENT_KIND, 'silent', runs);
}
