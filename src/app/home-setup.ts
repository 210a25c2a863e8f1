import { ConfigFile } from '../config/config-file.ts';
import { isHome } from '../config/home.ts';
import { ValenceError } from '../core/errors.ts';
import { makeFolderDurably } from '../core/files.ts';
import { stripUrlPassword } from '../core/redact.ts';
import { migrate } from '../schema/migrator.ts';
import type { AppContext } from './context.ts';
import { buildMissingIndexes } from './vector-indexes.ts';
import type { HomeReport } from './knowledge-calls.ts';

/** The home holds keys and knowledge: nobody else may look in. */
const HOME_MODE = 0o700;

/** Makes home, database and schema, or brings the schema of an existing one up to date. Run twice, it changes nothing. */
export async function setUpHome(context: AppContext): Promise<HomeReport> {
  const { home, databaseFlag, env } = context;
  await makeFolderDurably(home.root, { mode: HOME_MODE });
  await context.lock();
  // A server that cannot be reached is found out before there is a home that names it.
  if (databaseFlag !== undefined || env['DATABASE_URL']) await context.rawDatabase();
  await writeConfig(context);
  const database = await context.rawDatabase();
  context.progress({ stage: 'setting up the schema' });
  const { to } = await migrate(database);
  await buildMissingIndexes(context, database);
  await database.sync();
  return { type: 'home', home: home.root, database: database.location, engine: database.version, schemaVersion: to };
}

/** The URL is kept without its password, which the environment or a `.pgpass` gives. */
async function writeConfig({ home, databaseFlag }: AppContext): Promise<void> {
  const url = databaseFlag === undefined ? null : stripUrlPassword(databaseFlag);
  if (!(await isHome(home))) {
    const file = ConfigFile.create(home.configFile);
    if (url !== null) file.setDatabaseUrl(url);
    await file.save();
    return;
  }
  const { config } = await ConfigFile.load(home.configFile);
  const known = config.databaseUrl === null ? null : stripUrlPassword(config.databaseUrl);
  if (url === null || url === known) return;
  throw new ValenceError('config/home-exists', `${home.root} is the home of another database`, {
    hint: `change database.url in ${home.configFile}, or make another home with --home`,
    context: { home: home.root },
  });
}
