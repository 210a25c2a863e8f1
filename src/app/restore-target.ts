import { basename, dirname, join, resolve } from 'node:path';
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { INITIAL_CONFIG } from '../config/config-file.ts';
import { homeAt, isHome } from '../config/home.ts';
import { lockHome } from '../config/home-lock.ts';
import { isPostgresUrl } from '../config/schema.ts';
import { ValenceError } from '../core/errors.ts';
import { isSystemError } from '../core/file-system.ts';
import { makeFolderDurably, syncFolder, translated, writeFileDurably } from '../core/files.ts';
import { snapshotSourceOf } from '../graph/snapshot/snapshot-source.ts';
import { contentRootOf } from '../pipeline/read-trees.ts';
import type { RestorePlan } from '../pipeline/restore.ts';
import type { Database } from '../schema/database.ts';
import type { DatabaseLocation } from '../schema/open-database.ts';
import { openDatabase } from '../schema/open-database.ts';
import { schemaState } from '../schema/schema-state.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import type { AppContext } from './context.ts';

/** Where a restore goes: a database on a server, or a folder that becomes a home. */
export interface RestoreTarget extends AsyncDisposable {
  /** Printable. */
  readonly location: string;
  /** The folder that becomes a home; null for a server. */
  readonly folder: string | null;
  /** The rows of this very snapshot are in place already; only indexes may be missing. */
  readonly resumed: boolean;
  open(): Promise<Database>;
  /** Rows are committed: gives a folder its name, and its `valence.yaml`. */
  publish(configuration: string | null): Promise<void>;
}

export interface Wanted {
  readonly snapshot: Snapshot;
  readonly plan: RestorePlan;
}

/**
 * Looks, and writes nothing before `open`. Only what is `wanted` may be there already; `null`: nothing.
 * @throws `database/target-not-empty`, `database/unavailable`, `home/locked`
 */
export async function openRestoreTarget(
  context: AppContext,
  to: string,
  wanted: Wanted | null,
): Promise<RestoreTarget> {
  if (isPostgresUrl(to)) return openServer(context, to, wanted);
  if (/^[a-z][a-z0-9+.-]*:\/\//.test(to)) {
    throw new ValenceError('usage/invalid', `${to.slice(0, 32)} is neither a postgres:// URL nor a folder`);
  }
  return openFolder(context, resolve(to), wanted);
}

async function openServer(context: AppContext, url: string, wanted: Wanted | null): Promise<RestoreTarget> {
  const database = await openDatabase({ url });
  try {
    const resumed = await holdsSnapshot(context, database, wanted);
    return {
      location: database.location,
      folder: null,
      resumed,
      open: () => Promise.resolve(database),
      publish: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

/** @throws `database/target-not-empty` when it holds anything but exactly this snapshot */
async function holdsSnapshot(context: AppContext, database: Database, wanted: Wanted | null): Promise<boolean> {
  const { state } = await schemaState(database);
  if (state !== 'populated') return false;
  const refusal = notEmpty(database.location);
  if (wanted === null) throw refusal;
  const { body, secrets } = wanted.plan;
  const { contentRoot } = await snapshotSourceOf(database, { signal: context.signal })((source) =>
    contentRootOf(source, secrets, context.signal),
  );
  if (Buffer.compare(contentRoot, body.contentRoot) !== 0) throw refusal;
  return true;
}

async function openFolder(context: AppContext, folder: string, wanted: Wanted | null): Promise<RestoreTarget> {
  const home = homeAt(folder);
  if ((await isHome(home)) && (await entriesOf(home.databaseFolder)).length > 0) {
    const lock = await lockHome(home, { command: 'valence backup restore' });
    const target = new FolderTarget(folder, { kind: 'home', lock });
    try {
      target.resumed = await holdsSnapshot(context, await target.open(), wanted);
      if (!target.resumed) throw notEmpty(folder);
      return target;
    } catch (error) {
      await target[Symbol.asyncDispose]();
      throw error;
    }
  }
  if ((await entriesOf(folder)).length > 0) throw notEmpty(folder);
  return new FolderTarget(folder, { kind: 'new' });
}

type FolderState = { readonly kind: 'new' } | { readonly kind: 'home'; readonly lock: AsyncDisposable };

/** Built beside its final name and renamed at the end, so that a folder of this name is always whole. */
class FolderTarget implements RestoreTarget {
  readonly location: string;
  readonly folder: string;
  resumed = false;
  readonly #state: FolderState;
  #temporary: string | null = null;
  #temporaryLock: AsyncDisposable | null = null;
  #database: Database | null = null;

  constructor(folder: string, state: FolderState) {
    this.location = folder;
    this.folder = folder;
    this.#state = state;
  }

  async open(): Promise<Database> {
    this.#database ??= await openDatabase(await this.#databaseLocation());
    return this.#database;
  }

  async publish(configuration: string | null): Promise<void> {
    const temporary = this.#temporary!;
    await this.#close();
    await writeFileDurably(join(temporary, 'valence.yaml'), Buffer.from(embedded(configuration)), { mode: 0o600 });
    await this.#temporaryLock?.[Symbol.asyncDispose]();
    this.#temporaryLock = null;
    if ((await entriesOf(this.folder)).length > 0) throw notEmpty(this.folder);
    await rmdir(this.folder).catch(() => {});
    await translated('rename', temporary, () => rename(temporary, this.folder));
    await syncFolder(dirname(this.folder));
    this.#temporary = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    await this.#temporaryLock?.[Symbol.asyncDispose]();
    if (this.#temporary !== null) await rm(this.#temporary, { recursive: true, force: true });
    if (this.#state.kind === 'home') await this.#state.lock[Symbol.asyncDispose]();
  }

  async #close(): Promise<void> {
    await this.#database?.[Symbol.asyncDispose]();
    this.#database = null;
  }

  async #databaseLocation(): Promise<DatabaseLocation> {
    if (this.resumed || this.#state.kind === 'home' || (await isHome(homeAt(this.folder))))
      return { folder: homeAt(this.folder).databaseFolder };
    this.#temporary ??= await this.#makeTemporary();
    return { folder: homeAt(this.#temporary).databaseFolder };
  }

  /** Always the same name, so that what a killed restore left in the clear is found and removed. @throws `home/locked` */
  async #makeTemporary(): Promise<string> {
    const parent = dirname(this.folder);
    const temporary = join(parent, `.${basename(this.folder)}.restoring`);
    await makeFolderDurably(parent);
    await translated('make folder', temporary, () => mkdir(temporary, { recursive: true, mode: 0o700 }));
    const home = homeAt(temporary);
    this.#temporaryLock = await lockHome(home, { command: 'valence backup restore' });
    for (const name of await entriesOf(temporary)) {
      if (join(temporary, name) !== home.lockFile) await rm(join(temporary, name), { recursive: true, force: true });
    }
    return temporary;
  }
}

/** The restored home has its own embedded database, wherever the old one was. */
function embedded(configuration: string | null): string {
  return configuration === null
    ? INITIAL_CONFIG
    : configuration.replace(/^database:\n(?: {2}.*\n)*/m, 'database: {}\n');
}

/** Empty also where there is no such folder. @throws `database/target-not-empty` for what is no folder, `backend/unavailable` */
async function entriesOf(folder: string): Promise<readonly string[]> {
  return translated('list', folder, async () => {
    try {
      return await readdir(folder);
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return [];
      if (isSystemError(error, 'ENOTDIR')) throw notEmpty(folder);
      throw error;
    }
  });
}

function notEmpty(location: string): ValenceError {
  return new ValenceError('database/target-not-empty', `${location} is not empty`, {
    hint: 'restore into an empty database, or into a folder that is absent or empty',
    context: { location },
  });
}
