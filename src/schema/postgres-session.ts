import { pipeline } from 'node:stream/promises';
import type { Kysely } from 'kysely';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { ValenceError } from '../core/errors.ts';
import { databaseError } from './database-error.ts';
import type { Session } from './database.ts';
import type { PreparedNames } from './prepared-names.ts';
import { isStale } from './prepared-names.ts';
import type { StatementResult } from './session-kysely.ts';
import { kyselyOver } from './session-kysely.ts';
import type { SnapshotState } from './snapshot-state.ts';
import { SNAPSHOT_STATE } from './snapshot-state.ts';
import type { Tables } from './tables.ts';

/** A connection for the time of one call. */
export interface Lease {
  readonly client: pg.ClientBase;
  /** `broken`: the connection is in the middle of something and must be closed. */
  release(broken: boolean): void;
}

/** What every session of a database shares. */
export interface SharedByPool {
  /** Names the database in errors. */
  readonly where: string;
  readonly prepared: PreparedNames;
}

const CHANGES_ROWS: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);
/** query_canceled (PostgreSQL manual, appendix A) */
const CANCELLED = '57014';
/** in_failed_sql_transaction, which any statement of such a transaction would have reported */
const FAILED_TRANSACTION = '25P02';

/** A session whose every call runs on a leased connection: one of the pool, or always the same in a transaction. */
export class PostgresSession implements Session {
  readonly engine = 'postgres';
  readonly kysely: Kysely<Tables>;
  readonly #lease: () => Promise<Lease>;
  readonly #where: string;
  readonly #prepared: PreparedNames;
  #savepoint: string | null = null;
  #snapshot: SnapshotState | null = null;

  constructor(lease: () => Promise<Lease>, { where, prepared }: SharedByPool) {
    this.#lease = lease;
    this.#where = where;
    this.#prepared = prepared;
    this.kysely = kyselyOver((sql, parameters) => this.#run(sql, parameters));
  }

  get snapshot(): SnapshotState | null {
    return this.#snapshot;
  }

  /** Begins a transaction of mode `snapshot`: statements that read nothing, in one round trip with what tells what it sees. */
  async beginSnapshot(statements: string): Promise<void> {
    await this.#leased(async (client) => {
      const results: unknown = await client.query(`${statements}; ${SNAPSHOT_STATE}`);
      this.#snapshot = (results as readonly pg.QueryResult<SnapshotState>[]).at(-1)?.rows[0] ?? null;
    });
  }

  /** From now on a query that is cancelled takes the transaction back to this savepoint of it, so that it can go on. */
  survivesCancelling(savepoint: string): void {
    this.#savepoint = savepoint;
  }

  async execute(sql: string): Promise<void> {
    await this.#leased(async (client) => {
      await client.query(sql);
    });
  }

  /** Ends the transaction. @throws `database/failed` when a statement of it had failed, which took all of it back */
  async commit(): Promise<void> {
    await this.#leased(async (client) => {
      const { command } = await client.query('COMMIT');
      if (command === 'COMMIT') return;
      throw new ValenceError('database/failed', 'a statement of the transaction failed, so that it was taken back', {
        context: { sqlstate: FAILED_TRANSACTION },
      });
    });
  }

  async *copyOut(query: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    signal?.throwIfAborted();
    const lease = await this.#lease();
    const stream = lease.client.query(copyTo(`COPY (${query}) TO STDOUT (FORMAT binary)`));
    const abort = (): void => void stream.destroy(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    let settled = false;
    try {
      for await (const chunk of stream) yield chunk as Buffer;
      settled = true;
    } catch (error) {
      signal?.throwIfAborted();
      settled = true;
      throw databaseError(error, this.#where);
    } finally {
      signal?.removeEventListener('abort', abort);
      lease.release(!settled);
    }
  }

  async copyIn(target: string, stream: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const source = new WatchedSource(stream);
    return this.#leased(async (client) => {
      const sink = client.query(copyFrom(`COPY ${target} FROM STDIN (FORMAT binary)`));
      try {
        await pipeline(source, sink, signal === undefined ? {} : { signal });
        return sink.rowCount;
      } catch (error) {
        if (signal?.aborted === true) throw new CallersFailure(signal.reason);
        throw source.failed ? new CallersFailure(source.error) : error;
      }
    });
  }

  async #run(sql: string, parameters: readonly unknown[]): Promise<StatementResult> {
    return this.#leased(async (client) => {
      const query = { name: this.#prepared.nameOf(sql), text: sql, values: [...parameters] };
      const { rows, command, rowCount } = await client
        .query(query)
        .catch((error: unknown) => this.#refused(client, error));
      return { rows, affected: CHANGES_ROWS.has(command) ? (rowCount ?? 0) : undefined };
    });
  }

  async #refused(client: pg.ClientBase, error: unknown): Promise<never> {
    const cancelled = error instanceof Error && 'code' in error && error.code === CANCELLED;
    if (cancelled && this.#savepoint !== null) await client.query(`ROLLBACK TO SAVEPOINT ${this.#savepoint}`);
    throw error;
  }

  async #leased<T>(act: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    const lease = await this.#lease();
    let broken = false;
    try {
      return await act(lease.client);
    } catch (error) {
      if (error instanceof CallersFailure) throw error.cause;
      broken = isStale(error);
      throw databaseError(error, this.#where);
    } finally {
      lease.release(broken);
    }
  }
}

/** Carries an error of the caller's stream or signal past the translation of database errors. */
class CallersFailure extends Error {
  constructor(cause: unknown) {
    super('the caller ended a COPY', { cause });
  }
}

/** Remembers whether the caller's stream failed, since a pipeline reports either side's failure alike. */
class WatchedSource {
  readonly #stream: AsyncIterable<Uint8Array>;
  failed = false;
  error: unknown;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#stream = stream;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.#stream;
    } catch (error) {
      this.failed = true;
      this.error = error;
      throw error;
    }
  }
}
