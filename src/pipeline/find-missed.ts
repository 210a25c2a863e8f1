import { equalBytes } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import type { OpenedSnapshot } from '../core/ports.ts';
import type { BackupOptions, TierRun } from './backup.ts';
import { readChanges } from './read-changes.ts';
import { planTier } from './scan-plan.ts';

export interface Comparison {
  /** Tiers whose changes the log could tell. */
  readonly compared: number;
  readonly missed: ValenceError | null;
}

/** What the change log says, held against what a full scan found in the same state of the database. */
export async function findMissed(
  opened: OpenedSnapshot,
  runs: readonly TierRun[],
  contentRoot: Uint8Array,
  options: BackupOptions,
): Promise<Comparison> {
  const nothing = Promise.resolve();
  const differing: string[] = [];
  let compared = 0;
  for (const run of runs) {
    const plan = await planTier(run, opened);
    if (plan.scan === 'everything') continue;
    const read = await readChanges<null>(opened, {
      tier: run.tier.name,
      record: plan.record,
      changes: plan.changes,
      secrets: options.hostKey.secrets,
      store: () => Promise.resolve(null),
      replacing: () => {},
      isSame: () => true,
      keep: () => null,
      ready: () => nothing,
      progress: options.progress,
      signal: options.signal,
    });
    compared += 1;
    if (!equalBytes(read.contentRoot, contentRoot)) differing.push(run.tier.name);
  }
  return { compared, missed: differing.length === 0 ? null : missedIn(differing) };
}

function missedIn(tiers: readonly string[]): ValenceError {
  const whose = tiers.length === 1 ? `tier ${tiers[0]}` : `tiers ${tiers.join(', ')}`;
  return new ValenceError('integrity/change-log', `the change log missed changes since the last snapshot of ${whose}`, {
    hint: 'the snapshots just taken hold everything; please report this, with what wrote to the database since',
    context: { tiers },
  });
}
