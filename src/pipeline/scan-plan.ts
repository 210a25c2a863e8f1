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
  readonly forgets: boolean;
}

/** Of each run, in order. */
export async function planAll(runs: readonly TierRun[], opened: OpenedSnapshot): Promise<ScanPlan[]> {
  const plans: ScanPlan[] = [];
  for (const run of runs) plans.push(await planTier(run, opened));
  return plans;
}

/** The shortest way that the record, the backends and the change log allow, in this state of the database. */
export async function planTier({ state, tier }: TierRun, { source, stored }: OpenedSnapshot): Promise<ScanPlan> {
  const { record, previous, isDamaged, loss } = state;
  if (record === null) {
    return everything(
      previous === null ? null : 'this host does not remember its last snapshot, so everything is stored anew',
    );
  }
  if (isDamaged || hasGaps(record, await stored.census(tier.name))) {
    return { ...everything('what this host remembered is damaged, so everything is stored anew'), forgets: true };
  }
  if (loss !== null) return everything(loss);
  if (record.position === null) {
    return everything(source.untracked ?? 'changes could not be followed when the last snapshot was taken');
  }
  const changes = await source.changesSince(record.position);
  if (changes.kind === 'unknown') return everything(changes.reason);
  return { scan: 'changes', record, changes: changes.trees };
}

function everything(reason: string | null): FullPlan {
  return { scan: 'everything', reason, forgets: false };
}

/** Whether the catalog lacks something: every tree must be there, on each level its chunks, and under those every row. */
function hasGaps({ trees }: TierRecord, census: readonly TreeCensus[]): boolean {
  if (trees.length !== census.length) return true;
  return trees.some(({ tree, chunks, rows, level }) => {
    const found = census.find(({ tree: of }) => of.name === tree.name && of.modelId === tree.modelId);
    const levels = found?.levels.slice(0, level + 1) ?? [];
    return levels.length !== level + 1 || levels.some((at, i) => at.chunks !== chunks[i] || at.rows !== rows);
  });
}
