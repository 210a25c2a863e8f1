import type { TreeId } from '../../core/ports.ts';
import type { Session } from '../../schema/database.ts';
import { SUBSTRATE_SCHEMA, SUBSTRATE_TABLES } from '../../schema/tables.ts';
import { copyPieces } from '../../core/copy-stream.ts';
import { stagedTable } from './merge-tables.ts';
import { layoutOf } from '../snapshot/snapshot-source.ts';

/**
 * Where rows of a snapshot wait while they are compared with the database they are to be merged into: temporary tables
 * with the columns of the substrate and a number of their own (`n`), gone with the transaction.
 */

/** What PGlite, which takes a COPY's input into memory whole, is given at once. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Takes rows tree by tree, as a `SnapshotSink` does. */
export interface MergeStaging {
  /** One binary COPY stream of a tree that is no reverse one. Resolves to the number of rows. */
  load(tree: TreeId, copy: AsyncIterable<Uint8Array>): Promise<number>;
}

/** The staging tables of the transaction that `session` stands in; `finishStaging` comes after the last row. */
export async function createMergeStaging(session: Session, signal?: AbortSignal): Promise<MergeStaging> {
  const creations = SUBSTRATE_TABLES.map(
    (table) =>
      `CREATE TEMPORARY TABLE merge_${table} (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, LIKE ${SUBSTRATE_SCHEMA}.${table}) ON COMMIT DROP;`,
  );
  await session.execute(creations.join('\n'));
  return {
    async load(tree, copy) {
      const { table, columns } = layoutOf(tree);
      const target = `pg_temp.merge_${table}`;
      // The rows of one model's tree do not name it: the column's default does while they come.
      if (tree.modelId !== undefined) {
        await session.execute(`ALTER TABLE ${target} ALTER COLUMN model_id SET DEFAULT '${tree.modelId}'`);
      }
      return copyRows(session, `${target} (${columns.join(', ')})`, copy, signal);
    },
  };
}

/** After the last row: takes out models that none of the embeddings is of, and lets the planner know what waits. */
export async function finishStaging(session: Session): Promise<void> {
  await session.execute(`
    DELETE FROM ${stagedTable('models')} AS m
    WHERE NOT EXISTS (SELECT FROM ${stagedTable('belief_embeddings')} AS e WHERE e.model_id = m.id);
    ANALYZE ${SUBSTRATE_TABLES.map(stagedTable).join(', ')}`);
}

async function copyRows(
  session: Session,
  target: string,
  copy: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (session.engine === 'postgres') return session.copyIn(target, copy, signal);
  let rows = 0;
  for await (const piece of copyPieces(copy, PIECE_BYTES)) rows += await session.copyIn(target, piece, signal);
  return rows;
}
