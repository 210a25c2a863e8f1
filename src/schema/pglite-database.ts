import { AsyncLocalStorage } from 'node:async_hooks';
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import type { Kysely } from 'kysely';
import { ValenceError, invariant, isValenceError } from '../core/errors.ts';
import { isSystemError } from '../core/file-system.ts';
import { makeFolderDurably, syncTree } from '../core/files.ts';
import { COLUMN_PARSERS } from './column-types.ts';
import { CONNECTION_SETTINGS, ENGINE_VERSION, LOCK_SUBSTRATE } from './connection-settings.ts';
import type { Database, Session, TransactionOptions } from './database.ts';
import { embeddedError } from './embedded-error.ts';
import type { PgliteRunner } from './pglite-session.ts';
import { PgliteSession } from './pglite-session.ts';
import type { Tables } from './tables.ts';

export interface PgliteOptions {
  /** Refuse, and write nothing, where there is no database yet. */
  readonly existing?: boolean | undefined;
}

/**
 * Opens the embedded database of a folder, made if absent or empty; `null`: in memory, gone when closed. One process at a
 * time may have a folder open, which the caller's lock must see to. One that could not be made leaves the folder empty.
 * @throws `database/unavailable` when the folder cannot be used or holds something else, `backend/full`,
 * `database/failed` when there is none and it must be `existing`
 */
export async function openPglite(folder: string | null, { existing = false }: PgliteOptions = {}): Promise<Database> {
  const path = folder === null ? null : resolve(folder);
  const location = path ?? 'memory';
  const where = path === null ? 'the database in memory' : `the embedded database in ${path}`;
  const isNew = path !== null && (await prepareFolder(path, where, existing));
  try {
    const pglite = await PGlite.create({
      dataDir: path === null ? 'memory://' : `file://${path}`,
      extensions: { vector },
      parsers: Object.fromEntries(COLUMN_PARSERS),
    });
    await pglite.exec(CONNECTION_SETTINGS);
    const { rows } = await pglite.query<{ version: string }>(ENGINE_VERSION);
    return new PgliteDatabase(pglite, { folder: path, location, where, version: rows[0]?.version ?? 'PGlite' });
  } catch (error) {
    if (isNew) await emptyFolder(path).catch(() => undefined);
    throw cannotOpen(error, where, isNew);
  }
}

function cannotOpen(error: unknown, where: string, isNew: boolean): ValenceError {
  const reason = embeddedError(error, where);
  if (reason.code === 'backend/full') return reason;
  const act = isNew ? 'make' : 'open';
  return new ValenceError('database/unavailable', `cannot ${act} ${where}: ${reason.message}`, {
    hint: isNew
      ? 'see that the folder is writable'
      : 'see that no other process uses it and that this version of Valence made it',
    cause: error,
  });
}

/** What is left of a database half made would pass for a whole one. */
async function emptyFolder(path: string): Promise<void> {
  for (const name of await readdir(path)) await rm(join(path, name), { recursive: true, force: true });
}

/** True where a database is to be made. PGlite would write a new one over whatever a folder holds. */
async function prepareFolder(path: string, where: string, existing: boolean): Promise<boolean> {
  try {
    const names = await namesIn(path);
    if (names.includes('PG_VERSION')) return false;
    if (names.length === 0) {
      if (existing) throw neverSetUp(path, where);
      await makeFolderDurably(path, { mode: 0o700 });
      return true;
    }
  } catch (error) {
    if (isValenceError(error, 'database/failed', 'backend/full')) throw error;
    if (!isSystemError(error) && !(error instanceof ValenceError)) throw error;
    throw new ValenceError('database/unavailable', `cannot open ${where}: ${error.message}`, {
      hint: 'see that the folder is there and writable',
      cause: error,
    });
  }
  throw new ValenceError('database/unavailable', `cannot open ${where}: the folder holds other files`, {
    hint: 'name an empty folder, or one that holds an embedded database',
  });
}

/** None where there is no such folder. */
async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
}

function neverSetUp(path: string, where: string): ValenceError {
  return new ValenceError('database/failed', `${where} was never set up`, {
    hint: 'run `valence init` to make it; if the knowledge is on a server, set DATABASE_URL or give --database',
    context: { folder: path },
  });
}

interface Opened {
  readonly folder: string | null;
  readonly location: string;
  readonly where: string;
  readonly version: string;
}

class PgliteDatabase implements Database {
  readonly engine = 'pglite';
  readonly snapshot = null;
  readonly version: string;
  readonly location: string;
  readonly kysely: Kysely<Tables>;
  readonly #pglite: PGlite;
  readonly #folder: string | null;
  readonly #where: string;
  readonly #session: PgliteSession;
  /** Set where code runs inside a transaction, so that a call that would wait for itself is refused instead. */
  readonly #inside = new AsyncLocalStorage<{ ended: boolean }>();
  #closed = false;

  constructor(pglite: PGlite, { folder, location, where, version }: Opened) {
    this.#pglite = pglite;
    this.#folder = folder;
    this.#where = where;
    this.location = location;
    this.version = version;
    this.#session = new PgliteSession(() => this.#outside(), where);
    this.kysely = this.#session.kysely;
  }

  execute(sql: string): Promise<void> {
    return this.#session.execute(sql);
  }

  copyOut(query: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#session.copyOut(query, signal);
  }

  copyIn(target: string, stream: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
    return this.#session.copyIn(target, stream, signal);
  }

  async transaction<T>(options: TransactionOptions, run: (session: Session) => Promise<T>): Promise<T> {
    const pglite = this.#outside();
    const scope = { ended: false };
    let failed: { readonly error: unknown } | undefined;
    try {
      return await pglite.transaction(async (transaction) => {
        const runner: PgliteRunner = transaction;
        const session = new PgliteSession(() => {
          invariant(!scope.ended, 'the session has ended');
          return runner;
        }, this.#where);
        try {
          if (options.mode === 'snapshot') {
            await session.beginSnapshot(
              `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; ${LOCK_SUBSTRATE}`,
            );
          }
          const result = await this.#inside.run(scope, () => run(session));
          // COMMIT of a failed transaction rolls back without an error; any statement in it tells.
          await session.execute('SELECT 1');
          return result;
        } catch (error) {
          failed = { error };
          throw error;
        } finally {
          scope.ended = true;
        }
      });
    } catch (error) {
      throw failed === undefined ? embeddedError(error, this.#where) : failed.error;
    }
  }

  connection<T>(run: (session: Session) => Promise<T>): Promise<T> {
    return run(this.#session);
  }

  async sync(): Promise<void> {
    const folder = this.#folder;
    if (folder !== null) await this.#outside().runExclusive(() => syncTree(folder));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pglite.close();
    if (this.#folder !== null) await syncTree(this.#folder);
  }

  #outside(): PGlite {
    invariant(!this.#closed, 'the database is closed');
    const scope = this.#inside.getStore();
    invariant(
      scope === undefined || scope.ended,
      'a call on the database from inside its transaction would wait for ever',
    );
    return this.#pglite;
  }
}
