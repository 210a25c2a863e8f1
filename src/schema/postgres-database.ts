import type { Kysely } from 'kysely';
import pg from 'pg';
import { ValenceError, invariant } from '../core/errors.ts';
import { CONNECTION_SETTINGS, ENGINE_VERSION, LOCK_SUBSTRATE } from './connection-settings.ts';
import { databaseError } from './database-error.ts';
import type { Database, Session, TransactionOptions } from './database.ts';
import type { PostgresLocation } from './postgres-connection.ts';
import { PostgresClient, postgresLocation } from './postgres-connection.ts';
import type { Lease, SharedByPool } from './postgres-session.ts';
import { PostgresSession } from './postgres-session.ts';
import { PreparedNames } from './prepared-names.ts';
import type { Tables } from './tables.ts';

/** Connections at once; a backup needs two, a daemon a handful. */
const POOL_SIZE = 8;

/**
 * Connects to a server and sees that it answers. Connections take no notice of what the server sets for language, time
 * zone or time limits (connection-settings.ts).
 * @throws `config/invalid` for a bad URL, `database/unavailable` when it cannot be reached
 */
export async function openPostgres(url: string): Promise<Database> {
  const location = postgresLocation(url);
  const pool = new pg.Pool({
    connectionString: url,
    max: POOL_SIZE,
    Client: PostgresClient,
    allowExitOnIdle: true,
    // The pool waits for the promise, though its types do not say so.
    // oxlint-disable-next-line typescript/no-misused-promises
    onConnect: async (client) => {
      await client.query(CONNECTION_SETTINGS);
    },
  });
  // An idle connection that breaks is replaced at the next call; without a listener it would end the process.
  pool.on('error', () => {});
  try {
    const { rows } = await pool.query<{ version: string }>(ENGINE_VERSION);
    return new PostgresDatabase(pool, location, rows[0]?.version ?? 'PostgreSQL');
  } catch (error) {
    await pool.end();
    throw databaseError(error, location.name);
  }
}

const BEGIN_WRITE = 'BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE';
const SAVEPOINT = 'begun';

/** All in one round trip. Waiting for the locks has no limit. */
function beginSnapshot({ statementMs }: TransactionOptions): string {
  const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; ${LOCK_SUBSTRATE}`;
  if (statementMs === undefined) return begin;
  return `${begin}; SET LOCAL statement_timeout = ${Math.ceil(statementMs)}; SAVEPOINT ${SAVEPOINT}`;
}

class PostgresDatabase implements Database {
  readonly engine = 'postgres';
  readonly snapshot = null;
  readonly version: string;
  readonly location: string;
  readonly kysely: Kysely<Tables>;
  readonly #pool: pg.Pool;
  readonly #shared: SharedByPool;
  readonly #session: PostgresSession;
  #closed = false;

  constructor(pool: pg.Pool, location: PostgresLocation, version: string) {
    this.#pool = pool;
    this.version = version;
    this.location = location.url;
    this.#shared = { where: location.name, prepared: new PreparedNames() };
    this.#session = new PostgresSession(() => this.#connect(), this.#shared);
    this.kysely = this.#session.kysely;
  }

  execute(statements: string): Promise<void> {
    return this.#session.execute(statements);
  }

  copyOut(query: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#session.copyOut(query, signal);
  }

  copyIn(target: string, stream: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
    return this.#session.copyIn(target, stream, signal);
  }

  async transaction<T>(options: TransactionOptions, run: (session: Session) => Promise<T>): Promise<T> {
    await using held = await this.#hold();
    const { session } = held;
    const snapshot = options.mode === 'snapshot';
    try {
      await (snapshot ? session.beginSnapshot(beginSnapshot(options)) : session.execute(BEGIN_WRITE));
      if (snapshot && options.statementMs !== undefined) session.survivesCancelling(SAVEPOINT);
      const result = await run(session);
      await session.commit();
      return result;
    } catch (error) {
      await held.rollBack();
      throw error;
    }
  }

  async connection<T>(run: (session: Session) => Promise<T>): Promise<T> {
    await using held = await this.#hold();
    held.discard();
    return await run(held.session);
  }

  async sync(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pool.end();
  }

  async #hold(): Promise<HeldConnection> {
    return new HeldConnection(await this.#connect(), this.#shared);
  }

  async #connect(): Promise<Lease> {
    if (this.#closed) throw new ValenceError('internal/invariant', 'the database is closed');
    try {
      const client = await this.#pool.connect();
      return { client, release: (broken) => client.release(broken) };
    } catch (error) {
      throw databaseError(error, this.#shared.where);
    }
  }
}

/** One connection kept for a series of calls, and given back at the end of its scope. */
class HeldConnection implements AsyncDisposable {
  readonly session: PostgresSession;
  readonly #lease: Lease;
  #broken = false;
  #ended = false;

  constructor(lease: Lease, shared: SharedByPool) {
    this.#lease = lease;
    lease.client.on('error', this.#onError);
    this.session = new PostgresSession(() => this.#again(), shared);
  }

  /** Closes the connection at the end instead of giving it to the next caller. */
  discard(): void {
    this.#broken = true;
  }

  /** A connection that cannot even roll back is closed, which rolls back too. */
  async rollBack(): Promise<void> {
    if (this.#broken) return;
    await this.session.execute('ROLLBACK').catch(() => this.discard());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#lease.client.off('error', this.#onError);
    this.#lease.release(this.#broken);
  }

  async #again(): Promise<Lease> {
    invariant(!this.#ended, 'the session has ended');
    return { client: this.#lease.client, release: (broken) => this.#give(broken) };
  }

  #give(broken: boolean): void {
    if (!broken) return;
    this.#broken = true;
    // A COPY that nobody reads on would hold up every later statement; without its socket they fail at once.
    void (this.#lease.client as pg.PoolClient & { end(): Promise<void> }).end();
  }

  /** The call under way, or the next one, rejects; without a listener the process would end. */
  readonly #onError = (): void => this.discard();
}
