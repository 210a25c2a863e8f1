import { readdir } from 'node:fs/promises';
import { ConfigFile } from '../config/config-file.ts';
import { resolveDatabase } from '../config/database-choice.ts';
import { isHome } from '../config/home.ts';
import { ValenceError } from '../core/errors.ts';
import { isSystemError } from '../core/file-system.ts';
import { makeFolderDurably, translated } from '../core/files.ts';
import { stripUrlPassword } from '../core/redact.ts';
import { repairTriggers } from '../schema/change-log-repair.ts';
import { migrate } from '../schema/migrator.ts';
import { requireLanguage } from '../schema/text-index.ts';
import type { AppContext } from './context.ts';
import { searchLanguage } from './search-language.ts';
import { buildMissingIndexes } from './vector-indexes.ts';
import type { HomeReport } from './knowledge-calls.ts';

/** The home holds keys and knowledge: nobody else may look in. */
const HOME_MODE = 0o700;

/** Makes home, database and schema, or brings the schema of an existing one up to date. Run twice, it changes nothing. */
export async function setUpHome(context: AppContext): Promise<HomeReport> {
  const { home } = context;
  const url = namedUrl(context);
  await makeFolderDurably(home.root, { mode: HOME_MODE });
  await context.lock();
  // A server that cannot be reached is found out before there is a home that names it.
  if (url !== null) await context.rawDatabase();
  await writeConfig(context, url);
  const database = await context.rawDatabase();
  context.progress({ stage: 'setting up the schema' });
  const { to } = await migrate(database);
  await database.transaction({}, repairTriggers);
  await requireLanguage(database, await searchLanguage(context));
  await buildMissingIndexes(context, database);
  await database.sync();
  return { type: 'home', home: home.root, database: database.location, engine: database.version, schemaVersion: to };
}

/** Of `--database`, else `DATABASE_URL`, as it is kept: without its password, which the environment or a `.pgpass` gives. */
function namedUrl({ databaseFlag, env, home }: AppContext): string | null {
  const named = resolveDatabase({ flag: databaseFlag, env, config: null, home });
  return named.kind === 'url' ? stripUrlPassword(named.url) : null;
}

async function writeConfig({ home, databaseFlag }: AppContext, url: string | null): Promise<void> {
  if (!(await isHome(home))) {
    const file = ConfigFile.create(home.configFile);
    if (url !== null) file.setDatabaseUrl(url);
    await file.save();
    return;
  }
  const file = await ConfigFile.load(home.configFile);
  const { databaseUrl } = file.config;
  const known = databaseUrl === null ? null : stripUrlPassword(databaseUrl);
  if (url === null || url === known) return;
  // A home that names no server and has no database of its own has none yet.
  if (databaseUrl === null && (await isAbsent(home.databaseFolder))) {
    file.setDatabaseUrl(url);
    await file.save();
    return;
  }
  const unset = databaseFlag === undefined ? 'unset DATABASE_URL, ' : '';
  throw new ValenceError('config/home-exists', `${home.root} is the home of another database`, {
    hint: `${unset}change database.url in ${home.configFile}, or make another home with --home`,
    context: { home: home.root },
  });
}

/** True also for an empty folder. */
function isAbsent(folder: string): Promise<boolean> {
  return translated('list', folder, async () => {
    try {
      return (await readdir(folder)).length === 0;
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return true;
      throw error;
    }
  });
}
