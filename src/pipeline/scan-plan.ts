import type { OpenedSnapshot, TierRecord, TreeChanges } from '../core/ports.ts';
import type { TierRun } from './backup.ts';

/** Whether a tier can be read by what changed, or must be read whole (DESIGN D5). */

/** Only what changed since the tier's last snapshot. */
export interface ChangesPlan {
  readonly scan: 'changes';
  readonly record: TierRecord;
  readonly changes: readonly TreeChanges[];
}

/** How a tier is to be read. `reason`: why every row, a clause for people; null where that goes without saying. */
export type ScanPlan = ChangesPlan | { readonly scan: 'everything'; readonly reason: string | null };

/** Of each run, in order. */
export async function planAll(runs: readonly TierRun[], opened: OpenedSnapshot): Promise<ScanPlan[]> {
  const plans: ScanPlan[] = [];
  for (const run of runs) plans.push(await planTier(run, opened));
  return plans;
}

export async function planTier({ state }: TierRun, { source }: OpenedSnapshot): Promise<ScanPlan> {
  const { record, previous, loss } = state;
  const all = (reason: string | null): ScanPlan => ({ scan: 'everything', reason });
  if (record === null) {
    return all(
      previous === null ? null : 'this host does not remember its last snapshot, so everything is stored anew',
    );
  }
  if (loss !== null) return all(loss);
  if (record.position === null) {
    return all(source.untracked ?? 'changes could not be followed when the last snapshot was taken');
  }
  const changes = await source.changesSince(record.position);
  if (changes.kind === 'unknown') return all(changes.reason);
  return { scan: 'changes', record, changes: changes.trees };
}
