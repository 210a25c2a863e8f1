import type { Kysely } from 'kysely';
import { invariant } from '../core/errors.ts';
import type { Session } from './database.ts';
import { embeddedError } from './embedded-error.ts';
import type { StatementResult } from './session-kysely.ts';
import { kyselyOver } from './session-kysely.ts';
import type { SnapshotState } from './snapshot-state.ts';
import { SNAPSHOT_STATE } from './snapshot-state.ts';
import type { Tables } from './tables.ts';

/** What PGlite and a transaction of it have in common. */
export interface PgliteRunner {
  query(sql: string, parameters?: unknown[], options?: { blob?: Blob }): Promise<PgliteResult>;
  exec(sql: string): Promise<readonly PgliteResult[]>;
}

interface PgliteResult {
  readonly rows: unknown[];
  readonly command?: string;
  readonly affectedRows?: number;
  readonly blob?: Blob;
}

const CHANGES_ROWS: ReadonlySet<string | undefined> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);
/** Size of the pieces `copyOut` yields. */
const PIECE_BYTES = 256 * 1024;

/** A session over PGlite or over a transaction of it; COPY goes through its in-memory file `/dev/blob`. */
export class PgliteSession implements Session {
  readonly engine = 'pglite';
  readonly kysely: Kysely<Tables>;
  readonly #runner: () => PgliteRunner;
  readonly #where: string;
  #snapshot: SnapshotState | null = null;

  /** `runner` is asked before every call and may refuse by throwing; `where` names the database in errors. */
  constructor(runner: () => PgliteRunner, where: string) {
    this.#runner = runner;
    this.#where = where;
    this.kysely = kyselyOver((sql, parameters) => this.#run(sql, parameters));
  }

  get snapshot(): SnapshotState | null {
    return this.#snapshot;
  }

  /** Makes the transaction one of mode `snapshot`, by statements that read nothing. */
  beginSnapshot(statements: string): Promise<void> {
    return this.#translated(async (runner) => {
      const results = await runner.exec(`${statements}; ${SNAPSHOT_STATE}`);
      this.#snapshot = (results.at(-1)?.rows[0] as SnapshotState | undefined) ?? null;
    });
  }

  execute(sql: string): Promise<void> {
    return this.#translated(async (runner) => {
      await runner.exec(sql);
    });
  }

  async *copyOut(query: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    signal?.throwIfAborted();
    const blob = await this.#translated((runner) => copyToBlob(runner, query));
    for (let start = 0; start < blob.size; start += PIECE_BYTES) {
      signal?.throwIfAborted();
      yield new Uint8Array(await blob.slice(start, start + PIECE_BYTES).arrayBuffer());
    }
  }

  async copyIn(target: string, stream: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for await (const piece of stream) {
      signal?.throwIfAborted();
      pieces.push(Uint8Array.from(piece));
    }
    signal?.throwIfAborted();
    return this.#translated(async (runner) => {
      const sql = `COPY ${target} FROM '/dev/blob' (FORMAT binary)`;
      return (await runner.query(sql, [], { blob: new Blob(pieces) })).affectedRows ?? 0;
    });
  }

  #run(sql: string, parameters: readonly unknown[]): Promise<StatementResult> {
    return this.#translated(async (runner) => {
      const { rows, command, affectedRows } = await runner.query(sql, [...parameters]);
      return { rows, affected: CHANGES_ROWS.has(command) ? affectedRows : undefined };
    });
  }

  async #translated<T>(act: (runner: PgliteRunner) => Promise<T>): Promise<T> {
    const runner = this.#runner();
    try {
      return await act(runner);
    } catch (error) {
      throw embeddedError(error, this.#where);
    }
  }
}

async function copyToBlob(runner: PgliteRunner, query: string): Promise<Blob> {
  try {
    const { blob } = await runner.query(`COPY (${query}) TO '/dev/blob' (FORMAT binary)`);
    invariant(blob !== undefined, 'PGlite gave no COPY output');
    return blob;
  } catch (error) {
    // What a failed COPY had written stays behind and would begin the output of the next one; any statement takes it
    // away. In a failed transaction this one fails too, and ROLLBACK does the same.
    await runner.query('SELECT 1').catch(() => undefined);
    throw error;
  }
}
