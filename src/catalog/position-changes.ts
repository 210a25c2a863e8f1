import { sql } from 'kysely';
import { copyOf } from '../core/copy-stream.ts';
import type { TreePosition, TreeStretch } from '../core/ports.ts';
import type { Session } from '../schema/database.ts';
import { keyBounds } from './key-bounds.ts';
import { POSITION_TARGET, positionTuples } from './position-rows.ts';
import { treeColumns } from './tree-columns.ts';

/** Stretches a statement; five parameters' worth of text each. */
const STRETCHES_AT_ONCE = 1000;

/** Whose positions are changed. */
export interface TierOfVault {
  readonly vaultId: string;
  readonly tier: string;
}

/** Deletes positions, pieces with their leaves, and resolves to how many there were. */
export async function removePositions(
  session: Session,
  of: TierOfVault,
  removed: readonly TreeStretch[] | 'all',
): Promise<number> {
  if (removed === 'all') {
    const { numDeletedRows } = await session.kysely
      .deleteFrom('valence_catalog.chunks')
      .where('vault_id', '=', of.vaultId)
      .where('tier', '=', of.tier)
      .executeTakeFirst();
    return Number(numDeletedRows);
  }
  let count = 0;
  for (let start = 0; start < removed.length; start += STRETCHES_AT_ONCE) {
    count += await removeStretches(session, of, removed.slice(start, start + STRETCHES_AT_ONCE));
  }
  return count;
}

/**
 * OFFSET 0 keeps the planner from joining the stretches with the whole table, which without statistics it might: behind
 * it each stretch is one walk along the primary key.
 */
async function removeStretches(
  session: Session,
  { vaultId, tier }: TierOfVault,
  stretches: readonly TreeStretch[],
): Promise<number> {
  const columns = stretches.map((stretch) => ({
    ...treeColumns(stretch.tree),
    ...keyBounds(stretch),
    level: stretch.level,
  }));
  const { numAffectedRows } = await sql`
    DELETE FROM valence_catalog.chunks WHERE ctid = ANY (ARRAY(
      SELECT f.ctid FROM unnest(
        ${columns.map(({ tree }) => tree)}::smallint[], ${columns.map((column) => column.model_id)}::uuid[],
        ${columns.map(({ level }) => level)}::smallint[], ${columns.map(({ lower }) => lower)}::text[],
        ${columns.map(({ upper }) => upper)}::text[]
      ) AS s (tree, model_id, level, lower, upper) CROSS JOIN LATERAL (
        SELECT c.ctid FROM valence_catalog.chunks c
        WHERE c.vault_id = ${vaultId}::uuid AND c.tier = ${tier} AND c.tree = s.tree AND c.model_id = s.model_id
          AND c.level = s.level AND c.last_key >= decode(s.lower, 'hex') AND c.last_key <= decode(s.upper, 'hex') OFFSET 0
      ) AS f))`.execute(session.kysely);
  return Number(numAffectedRows ?? 0);
}

/** Inserts positions a mebibyte at a time, however many the iterable gives. Its errors pass unchanged. */
export async function addPositions(
  session: Session,
  { vaultId, tier }: TierOfVault,
  positions: Iterable<TreePosition>,
): Promise<void> {
  for (const tuples of positionTuples(vaultId, tier, positions))
    await session.copyIn(POSITION_TARGET, copyOf([tuples]));
}
