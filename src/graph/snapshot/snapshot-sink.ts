import { ValenceError, invariant } from '../../core/errors.ts';
import type { SettleReport, SnapshotSink, SnapshotSource, TreeId, WithSnapshotSink } from '../../core/ports.ts';
import type { Database, Session } from '../../schema/database.ts';
import { migrate } from '../../schema/migrator.ts';
import { markPart } from '../../schema/part-mark.ts';
import type { PartOf } from '../../schema/part-mark.ts';
import { schemaState } from '../../schema/schema-state.ts';
import { SUBSTRATE_SCHEMA, SUBSTRATE_TABLES } from '../../schema/tables.ts';
import { beginBulkLoad } from './bulk-load.ts';
import type { BulkLoad } from './bulk-load.ts';
import { copyPieces } from '../../core/copy-stream.ts';
import { removeOrphans } from './orphans.ts';
import { layoutOf, openSnapshotSource } from './snapshot-source.ts';

export interface SnapshotSinkOptions {
  readonly signal?: AbortSignal | undefined;
  /** The snapshot that the rows are only a part of; the database is marked so. Left out: they are a whole. */
  readonly partOf?: PartOf | undefined;
}

/** What PGlite, which takes a COPY's input into memory whole, is given at once. */
const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * Fills a database that has none of our tables, or has them empty. The schema is brought up to date first, in
 * transactions of its own, and stays when the rest fails; rows come in one transaction and are durable when the
 * promise resolves. Vector indexes are not built (schema/vector-index.ts).
 *
 * The promise rejects with `database/target-not-empty`, `database/newer-schema`, `database/failed` when a row breaks a
 * constraint, or whatever `fill` rejects with.
 */
export function snapshotSinkInto(database: Database, options: SnapshotSinkOptions = {}): WithSnapshotSink {
  return async (fill) => {
    await requireEmpty(database, database.location);
    await migrate(database);
    const result = await database.transaction({ mode: 'write' }, async (session) => {
      await session.execute(`LOCK TABLE ${ALL_TABLES} IN ACCESS EXCLUSIVE MODE`);
      await requireEmpty(session, database.location);
      const sink = new DatabaseSink(session, database.version, await beginBulkLoad(session), options.signal);
      const filled = await fill(sink);
      invariant(sink.settled, 'a snapshot sink was left without being settled');
      await markPart(session, options.partOf ?? null);
      return filled;
    });
    await database.sync();
    return result;
  };
}

const ALL_TABLES = SUBSTRATE_TABLES.map((table) => `${SUBSTRATE_SCHEMA}.${table}`).join(', ');

async function requireEmpty(session: Session, location: string): Promise<void> {
  const { state } = await schemaState(session);
  if (state !== 'populated') return;
  throw new ValenceError('database/target-not-empty', `${location} holds knowledge already`, {
    hint: 'restore into an empty database, or into a new folder',
  });
}

class DatabaseSink implements SnapshotSink {
  readonly #session: Session;
  readonly #version: string;
  readonly #bulkLoad: BulkLoad;
  readonly #signal: AbortSignal | undefined;
  #written: SnapshotSource | null = null;

  constructor(session: Session, version: string, bulkLoad: BulkLoad, signal: AbortSignal | undefined) {
    this.#session = session;
    this.#version = version;
    this.#bulkLoad = bulkLoad;
    this.#signal = signal;
  }

  get settled(): boolean {
    return this.#written !== null;
  }

  get written(): SnapshotSource {
    invariant(this.#written !== null, 'a snapshot sink is read before it is settled');
    return this.#written;
  }

  async load(tree: TreeId, copy: AsyncIterable<Uint8Array>): Promise<number> {
    invariant(!this.settled, 'a snapshot sink is loaded after it was settled');
    const { table, columns } = layoutOf(tree);
    const target = `${SUBSTRATE_SCHEMA}.${table}`;
    if (tree.modelId === undefined) return this.#copyIn(`${target} (${columns.join(', ')})`, copy);
    // The rows of one model's tree do not name it: the column's default does while they come.
    await this.#session.execute(`ALTER TABLE ${target} ALTER COLUMN model_id SET DEFAULT '${tree.modelId}'`);
    const rows = await this.#copyIn(`${target} (${columns.join(', ')})`, copy);
    await this.#session.execute(`ALTER TABLE ${target} ALTER COLUMN model_id DROP DEFAULT`);
    return rows;
  }

  async settle(): Promise<SettleReport> {
    const orphanEdges = await removeOrphans(this.#session);
    this.#signal?.throwIfAborted();
    await this.#bulkLoad.restore();
    this.#signal?.throwIfAborted();
    await this.#session.execute(`ANALYZE ${ALL_TABLES}`);
    this.#written = await openSnapshotSource(this.#session, this.#version, { signal: this.#signal });
    return { orphanEdges };
  }

  async #copyIn(target: string, copy: AsyncIterable<Uint8Array>): Promise<number> {
    if (this.#session.engine === 'postgres') return this.#session.copyIn(target, copy, this.#signal);
    let rows = 0;
    for await (const piece of copyPieces(copy, PIECE_BYTES))
      rows += await this.#session.copyIn(target, piece, this.#signal);
    return rows;
  }
}
