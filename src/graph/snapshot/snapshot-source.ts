import { sql } from 'kysely';
import { ValenceError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { ChangesSince, KeyRange, SnapshotSource, TreeId, WithSnapshotSource } from '../../core/ports.ts';
import { TREES } from '../../format/tables.ts';
import type { KeyPart, TreeLayout } from '../../format/tables.ts';
import { loggedSince, readChangeLog } from '../../schema/change-log.ts';
import type { ChangeLog } from '../../schema/change-log.ts';
import type { Database, Session } from '../../schema/database.ts';
import { appliedMigrations } from '../../schema/schema-state.ts';
import { changedKeys } from './changed-keys.ts';
import { keyRanges, rangeCondition, rangesQuery, selectRows } from './keyset.ts';
import type { KeyColumn, KeysetTable } from './keyset.ts';

export interface SnapshotSourceOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Sorting in memory instead of on disk is worth it; a snapshot sorts one table at a time. */
const SORT_MEMORY = '64MB';
/** What PGlite, which holds a COPY's output whole, is asked for at once. */
const RANGE_LIMITS = { rows: 4000, bytes: 4 * 1024 * 1024 };

/**
 * Snapshots of a database: each opens a read-only transaction that sees one state, and ends it when its reader settles. On
 * Postgres the rows of a tree are one COPY stream, on PGlite several of bounded size.
 */
export function snapshotSourceOf(database: Database, options: SnapshotSourceOptions = {}): WithSnapshotSource {
  return (read) =>
    database.transaction({ mode: 'snapshot' }, async (session) =>
      read(await openSnapshotSource(session, database.version, options)),
    );
}

/**
 * The substrate as the transaction that `session` stands in sees it. `engine` is `Database.version`.
 * @throws `database/failed` when the database was never set up
 */
export async function openSnapshotSource(
  session: Session,
  engine: string,
  options: SnapshotSourceOptions = {},
): Promise<SnapshotSource> {
  const schemaVersion = (await appliedMigrations(session))?.at(-1)?.number;
  if (schemaVersion === undefined) {
    throw new ValenceError('database/failed', 'the database was never set up', {
      hint: 'set it up with `valence init`',
    });
  }
  // A policy that hides rows from this role must end the snapshot, not shorten it.
  await session.execute(`SET LOCAL work_mem = '${SORT_MEMORY}'; SET LOCAL row_security = off`);
  const trees = await listTrees(session);
  const log = await readChangeLog(session, schemaVersion);
  return {
    schemaVersion,
    engine,
    trees,
    rows: (tree, ranges) => treeRows(session, tree, ranges ?? [WHOLE], options.signal),
    position: log.position,
    untracked: log.position === null ? (log.distrusted ?? 'the transaction writes, too') : null,
    changesSince: (position) => changesSince(session, log, trees, position),
  };
}

const WHOLE: KeyRange = { after: null, upTo: null };

async function changesSince(
  session: Session,
  log: ChangeLog,
  trees: readonly TreeId[],
  position: string,
): Promise<ChangesSince> {
  const logged = loggedSince(session, log, position);
  if (logged.kind === 'unknown') return logged;
  const models = trees.flatMap(({ modelId }) => modelId ?? []);
  const changes = await changedKeys(logged.entries, models);
  if (changes === null) return { kind: 'unknown', reason: 'the change log holds an entry that makes no sense' };
  return { kind: 'known', trees: changes };
}

async function listTrees(session: Session): Promise<readonly TreeId[]> {
  const { rows: models } = await sql<{ id: string }>`SELECT id FROM valence.models ORDER BY id`.execute(session.kysely);
  return TREES.flatMap(({ name, perModel }): readonly TreeId[] =>
    perModel === true ? models.map(({ id }) => ({ name, modelId: id })) : [{ name }],
  );
}

async function* treeRows(
  session: Session,
  tree: TreeId,
  ranges: readonly KeyRange[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const layout = layoutOf(tree);
  const table = keysetOf(layout, tree.modelId);
  if (ranges.length === 0) return;
  if (session.engine === 'postgres') {
    yield* session.copyOut(rangesQuery(table, layout.columns, ranges), signal);
    return;
  }
  for (const range of ranges) {
    const within = { ...table, where: rangeCondition(table, range) };
    for await (const portion of keyRanges(session, within, RANGE_LIMITS)) {
      yield* session.copyOut(selectRows(table, layout.columns, portion), signal);
    }
  }
}

/** The layout a tree has. @throws `format/malformed` for a name that is not in TREES, or a model where there is none */
export function layoutOf(tree: TreeId): TreeLayout {
  const layout = TREES.find(({ name }) => name === tree.name);
  const ofModel = tree.modelId !== undefined;
  if (layout === undefined || (layout.perModel === true) !== ofModel || (ofModel && !isUuid(tree.modelId))) {
    throw new ValenceError(
      'format/malformed',
      `there is no tree ${tree.name}${ofModel ? ` of a model ${tree.modelId}` : ''}`,
    );
  }
  return layout;
}

const KEY_TYPES: Readonly<Record<KeyPart['kind'], KeyColumn['type']>> = { uuid: 'uuid', int4: 'int4', text16: 'text' };

function keysetOf(layout: TreeLayout, modelId: string | undefined): KeysetTable {
  return {
    table: `valence.${layout.table}`,
    key: layout.key.map(({ column, kind }) => ({ column, type: KEY_TYPES[kind] })),
    weight: layout.columns.map((column) => `coalesce(pg_column_size(${column}), 0)`).join(' + '),
    where: modelId === undefined ? undefined : `model_id = '${modelId}'`,
  };
}
