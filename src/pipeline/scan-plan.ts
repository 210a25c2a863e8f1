import type { OpenedSnapshot, TierRecord, TreeCensus, TreeChanges } from '../core/ports.ts';
import type { TierRun } from './backup.ts';

/** Whether a tier can be read by what changed, or must be read whole (DESIGN D5). */

/** Only what changed since the tier's last snapshot. */
export interface ChangesPlan {
  readonly scan: 'changes';
  readonly record: TierRecord;
  readonly changes: readonly TreeChanges[];
}

/** How a tier is to be read. `reason`: why every row, a clause for people; null where that goes without saying. */
export type ScanPlan = ChangesPlan | FullPlan;

export interface FullPlan {
  readonly scan: 'everything';
  readonly reason: string | null;
  /** What is remembered is not to be believed. */
  readonly forgets?: boolean;
}

/** Of each run, in order. */
export async function planAll(runs: readonly TierRun[], opened: OpenedSnapshot): Promise<ScanPlan[]> {
  const plans: ScanPlan[] = [];
  for (const run of runs) plans.push(await planTier(run, opened));
  return plans;
}

export async function planTier({ state, tier }: TierRun, { source, stored }: OpenedSnapshot): Promise<ScanPlan> {
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
  const damage = damageOf(record, await stored.census(tier.name));
  if (damage)
    return {
      scan: 'everything',
      reason: 'what this host remembered is damaged, so everything is stored anew',
      forgets: true,
    };
  const changes = await source.changesSince(record.position);
  if (changes.kind === 'unknown') return all(changes.reason);
  return { scan: 'changes', record, changes: changes.trees };
}

/** Whether rows of the catalog are gone: every level must have its chunks, and under them every row. */
function damageOf({ trees }: TierRecord, census: readonly TreeCensus[]): boolean {
  return trees.some(({ tree, chunks, rows, level }) => {
    const found = census.find(({ tree: of }) => of.name === tree.name && of.modelId === tree.modelId);
    const levels = found?.levels.slice(0, level + 1) ?? [];
    return levels.length !== level + 1 || levels.some((at, i) => at.chunks !== chunks[i] || at.rows !== rows);
  });
}
