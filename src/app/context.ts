import { ConfigFile } from '../config/config-file.ts';
import { resolveDatabase } from '../config/database-choice.ts';
import type { DatabaseChoice } from '../config/database-choice.ts';
import { isHome, resolveHome } from '../config/home.ts';
import type { Environment, Home } from '../config/home.ts';
import { lockHome } from '../config/home-lock.ts';
import type { Config } from '../config/schema.ts';
import { systemClock } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { ValenceError } from '../core/errors.ts';
import { silentProgress } from '../core/progress.ts';
import type { ProgressSink } from '../core/progress.ts';
import { systemRandom } from '../core/random.ts';
import type { Random } from '../core/random.ts';
import { ArraysCache } from '../graph/arrays/arrays-cache.ts';
import type { Database } from '../schema/database.ts';
import { openDatabase } from '../schema/open-database.ts';
import type { ValenceOptions } from './options.ts';
import { requireSchema } from './schema-check.ts';

/** What every call of the library works with: where things are, opened once and when first needed. */
export interface AppContext extends AsyncDisposable {
  readonly home: Home;
  readonly env: Environment;
  /** The URL given to `openValence`, not that of the environment or the file. */
  readonly databaseFlag: string | undefined;
  readonly signal: AbortSignal;
  readonly progress: ProgressSink;
  readonly clock: Clock;
  readonly random: Random;
  /** The graph of `database()` in memory, once a query needs it (`arraysIn`). */
  readonly arrays: ArraysCache;
  /** @throws `key/passphrase`, `cancelled` */
  passphrase(): Promise<string>;
  /** `valence.yaml`, read anew each time. @throws `config/no-home`, `config/invalid` */
  configFile(): Promise<ConfigFile>;
  /** What `configFile` says; `null` where there is no home. @throws `config/invalid` */
  config(): Promise<Config | null>;
  /**
   * `--database`, else `DATABASE_URL`, else `valence.yaml`, else the embedded one.
   * @throws `config/no-home` where neither of the first two is given and there is no home; `usage/invalid`, `config/invalid`
   */
  databaseLocation(): Promise<DatabaseChoice>;
  /** Owns the home until the context is closed; once is enough, more do no harm. @throws `home/locked` */
  lock(): Promise<void>;
  /**
   * The database, with the schema of this program; its home is locked when it is embedded. None is made where there is none.
   * @throws `config/no-home`, `home/locked`, `database/*`
   */
  database(): Promise<Database>;
  /** The same, whatever its schema, and made where it is embedded and absent: for `init` alone. */
  rawDatabase(): Promise<Database>;
  /** Closed with the context, unless it is released before: a connection that is left open keeps the process alive. */
  keep<T extends AsyncDisposable>(resource: T): T;
  /** Closes what was kept. */
  release(resource: AsyncDisposable): Promise<void>;
}

/** Touches no disk. @throws `usage/invalid` if the home is named by an empty text */
export function openContext(options: ValenceOptions): AppContext {
  const env = options.env ?? process.env;
  return new LazyContext(options, env, resolveHome({ flag: options.home, env }));
}

class LazyContext implements AppContext {
  readonly home: Home;
  readonly env: Environment;
  readonly databaseFlag: string | undefined;
  readonly signal: AbortSignal;
  readonly progress: ProgressSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly arrays: ArraysCache = new ArraysCache();
  readonly #options: ValenceOptions;
  readonly #resources = new AsyncDisposableStack();
  readonly #kept = new Set<AsyncDisposable>();
  #locking: Promise<void> | null = null;
  #opening: Promise<Database> | null = null;
  #checking: Promise<Database> | null = null;

  constructor(options: ValenceOptions, env: Environment, home: Home) {
    this.#options = options;
    this.home = home;
    this.env = env;
    this.databaseFlag = options.database;
    this.signal = options.signal ?? new AbortController().signal;
    this.progress = options.progress ?? silentProgress;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
  }

  async passphrase(): Promise<string> {
    const { passphrase } = this.#options;
    if (passphrase !== undefined) return passphrase();
    const given = this.env['VALENCE_PASSPHRASE'];
    if (given !== undefined && given !== '') return given;
    throw new ValenceError('key/passphrase', 'a passphrase is needed', { hint: 'set VALENCE_PASSPHRASE' });
  }

  configFile(): Promise<ConfigFile> {
    return ConfigFile.load(this.home.configFile);
  }

  async config(): Promise<Config | null> {
    return (await isHome(this.home)) ? (await this.configFile()).config : null;
  }

  async databaseLocation(): Promise<DatabaseChoice> {
    const sources = { flag: this.databaseFlag, env: this.env, home: this.home };
    const named = resolveDatabase({ ...sources, config: null });
    if (named.kind === 'url') return named;
    const { config } = await this.configFile();
    return resolveDatabase({ ...sources, config });
  }

  lock(): Promise<void> {
    return (this.#locking ??= again(this.#lock(), () => (this.#locking = null)));
  }

  database(): Promise<Database> {
    return (this.#checking ??= again(this.#check(), () => (this.#checking = null)));
  }

  rawDatabase(): Promise<Database> {
    return (this.#opening ??= again(this.#open(false), () => (this.#opening = null)));
  }

  keep<T extends AsyncDisposable>(resource: T): T {
    this.#kept.add(resource);
    return resource;
  }

  async release(resource: AsyncDisposable): Promise<void> {
    if (this.#kept.delete(resource)) await resource[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _ = this.#resources;
    for (const resource of [...this.#kept]) await this.release(resource);
  }

  async #lock(): Promise<void> {
    this.#resources.use(await lockHome(this.home, { command: 'valence' }));
  }

  async #open(existing: boolean): Promise<Database> {
    this.signal.throwIfAborted();
    const location = await this.databaseLocation();
    if (location.kind === 'folder') await this.lock();
    this.progress({ stage: 'opening the database' });
    return this.#resources.use(await openDatabase(location.kind === 'folder' ? { ...location, existing } : location));
  }

  async #check(): Promise<Database> {
    const database = await (this.#opening ??= again(this.#open(true), () => (this.#opening = null)));
    await requireSchema(database);
    return database;
  }
}

/** What failed may be tried again. */
async function again<T>(promise: Promise<T>, forget: () => void): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    forget();
    throw error;
  }
}
