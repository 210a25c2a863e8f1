import { copyOf, copyTuples } from '../../src/core/copy-stream.ts';
import type { TreeId } from '../../src/core/ports.ts';
import { mergeInto } from '../../src/graph/merge/merge.ts';
import type { Merged, MergeInput } from '../../src/graph/merge/merge.ts';
import type { MergePlan } from '../../src/graph/merge/merge-plan.ts';
import { snapshotSourceOf } from '../../src/graph/snapshot/snapshot-source.ts';
import type { Database } from '../../src/schema/database.ts';

/** Rows of a database as a snapshot would hand them out. */
export interface HeldRows {
  readonly tree: TreeId;
  readonly tuples: readonly Uint8Array[];
}

/** Every row of a database, held in memory. */
export async function rowsOf(database: Database): Promise<readonly HeldRows[]> {
  return snapshotSourceOf(database)(async (source) => {
    const held: HeldRows[] = [];
    for (const tree of source.trees) {
      if (tree.name === 'belief_edges_reverse') continue;
      const tuples: Uint8Array[] = [];
      for await (const { bytes } of copyTuples(source.rows(tree))) tuples.push(Buffer.from(bytes));
      held.push({ tree, tuples });
    }
    return held;
  });
}

export interface MergeOutcome {
  readonly plan: MergePlan;
  /** `null`: nothing was done. */
  readonly merged: Merged | null;
}

/** Merges these rows; `consent` is given unless an option says otherwise. */
export async function merge(
  database: Database,
  rows: readonly HeldRows[],
  options: Partial<MergeInput> = {},
): Promise<MergeOutcome> {
  let plan: MergePlan | null = null;
  const merged = await mergeInto(database, {
    overwrite: false,
    fill: async (staging) => {
      for (const { tree, tuples } of rows) await staging.load(tree, copyOf(tuples));
    },
    ...options,
    consent: async (shown) => {
      plan = shown;
      return options.consent === undefined ? true : options.consent(shown);
    },
  });
  if (plan === null) throw new Error('the plan was not shown');
  return { plan, merged };
}
