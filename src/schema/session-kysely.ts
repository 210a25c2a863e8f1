import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import { invariant } from '../core/errors.ts';
import type { Tables } from './tables.ts';

export interface StatementResult {
  readonly rows: readonly unknown[];
  /** Rows inserted, updated, deleted or merged; `undefined` for other statements. */
  readonly affected: number | undefined;
}

/** Runs one statement with its parameters; errors are translated already. */
export type RunStatement = (sql: string, parameters: readonly unknown[]) => Promise<StatementResult>;

/**
 * Kysely as query builder over one session. Kysely's own PGlite dialect lets a query from outside slip into a running
 * transaction, so connections, transactions and errors are the session's business on both engines.
 */
export function kyselyOver(run: RunStatement): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createDriver: () => new SessionDriver(run),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: (database) => new PostgresIntrospector(database),
    },
  });
}

class SessionDriver implements Driver {
  readonly #connection: DatabaseConnection;

  constructor(run: RunStatement) {
    this.#connection = new SessionConnection(run);
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.#connection);
  }

  beginTransaction(): Promise<void> {
    return refuseTransaction();
  }

  commitTransaction(): Promise<void> {
    return refuseTransaction();
  }

  rollbackTransaction(): Promise<void> {
    return refuseTransaction();
  }

  async init(): Promise<void> {}

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}

class SessionConnection implements DatabaseConnection {
  readonly #run: RunStatement;

  constructor(run: RunStatement) {
    this.#run = run;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, affected } = await this.#run(query.sql, query.parameters);
    return { rows: rows as R[], ...(affected !== undefined && { numAffectedRows: BigInt(affected) }) };
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    invariant(false, 'rows are streamed by Session.copyOut, not by Kysely');
  }
}

async function refuseTransaction(): Promise<void> {
  invariant(false, 'transactions are begun by Database.transaction, not by Kysely');
}
