import type { Kysely } from 'kysely';
import type { SnapshotState } from './snapshot-state.ts';
import type { Tables } from './tables.ts';

export type Engine = 'pglite' | 'postgres';

/**
 * One connection's view of the database. The same calls on the embedded engine (PGlite) and on a Postgres server.
 * Errors of either driver are translated here, once, to `database/*` codes (database-error.ts).
 */
export interface Session {
  readonly engine: Engine;
  /** Transactions are begun by `Database.transaction` only, never by Kysely. */
  readonly kysely: Kysely<Tables>;
  /** What a transaction of mode `snapshot` sees; `null` on a standby, and outside of one. */
  readonly snapshot: SnapshotState | null;
  /** Runs one or more SQL statements without parameters. */
  execute(sql: string): Promise<void>;
  /**
   * The binary COPY output of a query, header and trailer included, in pieces of any size. On PGlite a whole result is
   * held in memory, so callers there ask for bounded ranges of keys.
   *
   * Until the last piece is taken the session runs no other statement: a caller that waits for one meanwhile waits for
   * ever. Leaving the loop early, or an aborted signal (rejects with its reason), ends the connection on Postgres, and
   * with it a transaction.
   */
  copyOut(query: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Feeds `COPY target FROM STDIN (FORMAT binary)`; `target` is `table (columns)`. Resolves to the number of rows. All
   * rows or none. On PGlite the stream is held in memory whole. Errors of `stream` pass unchanged.
   */
  copyIn(target: string, stream: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number>;
}

export interface TransactionOptions {
  /**
   * `snapshot`: REPEATABLE READ, READ ONLY; before anything is read the substrate tables are locked ACCESS SHARE, as a
   * concurrent TRUNCATE would otherwise leave the snapshot an empty table. `write` (default): READ COMMITTED.
   */
  readonly mode?: 'snapshot' | 'write' | undefined;
  /**
   * For a snapshot on a server: a query that takes longer, in milliseconds, is cancelled. It rejects `database/failed` with
   * SQLSTATE 57014, and the transaction goes on as if it had not been asked. The embedded database cannot cancel anything.
   */
  readonly statementMs?: number | undefined;
}

export interface Database extends Session, AsyncDisposable {
  /** e.g. "PostgreSQL 17.11, pgvector 0.8.0" */
  readonly version: string;
  /** Printable location: a folder, or a URL without its password. */
  readonly location: string;
  /**
   * Commits when `run` resolves, rolls back when it rejects, and rejects `database/failed` if a statement failed and
   * `run` resolved nevertheless. Not nested. On PGlite, which has one connection, calls on the database wait until the
   * transaction has ended, and one made from inside it is refused with `internal/invariant`.
   */
  transaction<T>(options: TransactionOptions, run: (session: Session) => Promise<T>): Promise<T>;
  /**
   * One connection of its own without a transaction, for statements that cannot run in one and for session locks. What
   * the session set or locked ends with it. On PGlite it is the one connection, and nothing ends.
   */
  connection<T>(run: (session: Session) => Promise<T>): Promise<T>;
  /**
   * Makes everything committed so far durable; a no-op on a server, an fsync of every file of the embedded folder. PGlite
   * itself syncs nothing: a power cut can damage what was written since the last call.
   */
  sync(): Promise<void>;
}
