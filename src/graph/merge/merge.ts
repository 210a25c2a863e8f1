import { ValenceError, invariant } from '../../core/errors.ts';
import type { Database, Session } from '../../schema/database.ts';
import { SUBSTRATE_SCHEMA, SUBSTRATE_TABLES } from '../../schema/tables.ts';
import type { SubstrateTable } from '../../schema/tables.ts';
import { applyVerdicts, noRows } from './merge-apply.ts';
import type { AppliedRows, TableCounts } from './merge-apply.ts';
import { fingerprint, readPlan } from './merge-plan.ts';
import type { MergePlan } from './merge-plan.ts';
import { finishStaging, createMergeStaging } from './merge-staging.ts';
import type { MergeStaging } from './merge-staging.ts';
import { judge } from './merge-verdicts.ts';

export interface MergeInput {
  /** Loads the rows, with every row that they refer to. A model comes only with embeddings of it. */
  readonly fill: (staging: MergeStaging) => Promise<void>;
  /** Sees what would be done, and says whether it is to be. Called once, in the transaction; nothing is locked meanwhile. */
  readonly consent: (plan: MergePlan) => Promise<boolean>;
  /** Let the snapshot win where a row is there and says something else. */
  readonly overwrite: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Merged extends AppliedRows {
  /** Conflicts that were not overwritten, and what stayed out because of them. */
  readonly left: TableCounts;
}

/**
 * Brings rows of a snapshot into a database that holds others, in one transaction: everything the plan says, or nothing.
 * What is there already and says the same is passed over, so that a second merge of the same rows finds nothing to do.
 * `null`: `consent` was not given, and the database is unchanged.
 *
 * @throws `graph/refused` when the database changed between plan and consent so that the plan would be another;
 *   `database/*`, and whatever `fill` and `consent` throw. The database is unchanged then.
 */
export async function mergeInto(database: Database, input: MergeInput): Promise<Merged | null> {
  const { fill, consent, overwrite, signal } = input;
  const merged = await database.transaction({ mode: 'write' }, async (session) => {
    await fill(await createMergeStaging(session, signal));
    await finishStaging(session);
    signal?.throwIfAborted();
    await judge(session, overwrite);
    const plan = await readPlan(session, overwrite);
    if (!(await consent(plan))) return null;
    signal?.throwIfAborted();
    if (plan.nothingToDo) return outcome(plan, { inserted: noRows(), overwritten: noRows() });
    await requireUnchanged(session, overwrite);
    return outcome(plan, await applyVerdicts(session, overwrite));
  });
  await database.sync();
  return merged;
}

const ALL_TABLES = SUBSTRATE_TABLES.map((table) => `${SUBSTRATE_SCHEMA}.${table}`).join(', ');

/** Others may have written while the plan was looked at; from here to the end they wait. */
async function requireUnchanged(session: Session, overwrite: boolean): Promise<void> {
  const shown = await fingerprint(session);
  await session.execute(`LOCK TABLE ${ALL_TABLES} IN SHARE ROW EXCLUSIVE MODE`);
  await judge(session, overwrite);
  if ((await fingerprint(session)) === shown) return;
  throw new ValenceError('graph/refused', 'the database was changed after the plan was shown; nothing was merged', {
    hint: 'run the command again and look at the new plan',
  });
}

function outcome(plan: MergePlan, applied: AppliedRows): Merged {
  const left: Record<SubstrateTable, number> = noRows();
  for (const table of SUBSTRATE_TABLES) {
    const { new: arriving, conflicting, left: leftOut } = plan.tables[table];
    const decided = plan.conflicts.filter((conflict) => conflict.table === table && conflict.outcome === 'overwritten');
    const asSaid = applied.inserted[table] === arriving && applied.overwritten[table] === decided.length;
    invariant(asSaid, `a merge did something else to ${table} than it said`);
    left[table] = conflicting + leftOut - decided.length;
  }
  return { ...applied, left };
}
