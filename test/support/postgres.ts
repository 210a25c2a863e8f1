import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, chmodSync, constants, existsSync, rmSync } from 'node:fs';
import { chown, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { freePort } from './servers/server-process.ts';

/** A server for tests; its URL leads to a superuser and the database `postgres`. */
export interface TestPostgres extends AsyncDisposable {
  readonly url: string;
}

/** An own database of a test file. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

const FAST_SETTINGS = [
  'fsync=off',
  'full_page_writes=off',
  'synchronous_commit=off',
  'max_connections=200',
  'max_prepared_transactions=20',
];

/**
 * The server of `VALENCE_TEST_POSTGRES_URL`, or a temporary PostgreSQL 17 of our own: on a free port of 127.0.0.1 and a
 * socket in its folder, with these settings (without fsync unless given), gone when disposed. Rejects when neither is to be had; nothing is skipped.
 */
export async function startPostgres(settings: readonly string[] = FAST_SETTINGS): Promise<TestPostgres> {
  const url = process.env['VALENCE_TEST_POSTGRES_URL'];
  if (url !== undefined && url !== '') return { url, [Symbol.asyncDispose]: async () => {} };
  return startOwnPostgres(settings);
}

/** A temporary PostgreSQL 17 of our own, whatever the environment says: for tests that stop it. */
export async function startOwnPostgres(settings: readonly string[]): Promise<TestPostgres> {
  const bin = serverFolder();
  const folder = await mkdtemp(join(tmpdir(), 'valence-postgres-'));
  try {
    return await startCluster(bin, folder, settings);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A standby of a server of ours that may stream: the copy of its cluster, with these settings. */
export async function startStandby(primaryUrl: string, settings: readonly string[]): Promise<TestPostgres> {
  const bin = serverFolder();
  const folder = await mkdtemp(join(tmpdir(), 'valence-standby-'));
  try {
    const [command, ...parameters] = [
      ...(await unprivileged(folder)),
      ...[join(bin, 'pg_basebackup'), '-d', primaryUrl, '-D', join(folder, 'data'), '-R', '--checkpoint=fast'],
    ] as [string, ...string[]];
    await run(command, parameters, folder);
    return await runServer(bin, folder, settings);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Makes a database on a server (`url`: of a role that may) and drops it when disposed, whoever is still connected. */
export async function createTestDatabase(url: string, template = 'template0'): Promise<TestDatabase> {
  const name = `valence_test_${randomBytes(8).toString('hex')}`;
  await onServer(url, `CREATE DATABASE ${name} TEMPLATE ${template} ENCODING 'UTF8'`);
  return {
    url: withDatabase(url, name),
    [Symbol.asyncDispose]: () => onServer(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** The name of the database that a URL leads to. */
export function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

/** Runs statements by a connection of their own, past everything of ours. */
export async function onServer(url: string, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}

/** The same server by another database or role. */
export function withDatabase(url: string, database: string, role?: { name: string; password: string }): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  if (role !== undefined) {
    changed.username = role.name;
    changed.password = role.password;
  }
  return changed.href;
}

const SERVER_FOLDERS = ['/usr/lib/postgresql/17/bin', '/usr/local/pgsql/bin', '/opt/homebrew/opt/postgresql@17/bin'];

/** Where the programs of PostgreSQL 17 lie. */
export function serverFolder(): string {
  const folders = [...SERVER_FOLDERS, ...(process.env['PATH'] ?? '').split(delimiter)];
  const found = folders.find(
    (folder) => folder !== '' && isExecutable(join(folder, 'initdb')) && isExecutable(join(folder, 'postgres')),
  );
  if (found !== undefined) return found;
  throw new Error(
    'no PostgreSQL server found for the tests: install PostgreSQL 17 with pgvector, or set VALENCE_TEST_POSTGRES_URL',
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function startCluster(bin: string, folder: string, settings: readonly string[]): Promise<TestPostgres> {
  const account = await unprivileged(folder);
  const data = join(folder, 'data');
  const [initdb, ...initArguments] = [
    ...account,
    ...[
      join(bin, 'initdb'),
      '-D',
      data,
      '-U',
      'valence',
      '--auth=trust',
      '--encoding=UTF8',
      '--no-locale',
      '--no-sync',
    ],
  ] as [string, ...string[]];
  await run(initdb, initArguments, folder);
  return runServer(bin, folder, settings);
}

/** Runs the cluster in `folder/data`; the folder goes with the server. */
async function runServer(bin: string, folder: string, settings: readonly string[]): Promise<TestPostgres> {
  const data = join(folder, 'data');
  const port = await freePort();
  const [postgres, ...postgresArguments] = [
    ...(await unprivileged(folder)),
    ...[join(bin, 'postgres'), '-D', data, '-k', folder, '-h', '127.0.0.1', '-p', String(port)],
    ...[...settings, 'log_min_messages=fatal'].flatMap((setting) => ['-c', setting]),
  ] as [string, ...string[]];
  const server = spawn(postgres, postgresArguments, { cwd: folder, stdio: 'ignore' });
  const ended = once(server, 'exit');
  // The runner may end without disposing, for example at a second Ctrl-C.
  const kill = (): void => void server.kill('SIGQUIT');
  process.once('exit', kill);
  const url = `postgres://valence@127.0.0.1:${port}/postgres`;
  await Promise.race([answering(url), ended.then(() => Promise.reject(new Error('the test server ended at once')))]);
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      process.off('exit', kill);
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Postgres refuses to run as root: then the prefix of a command that runs it as the user `postgres`. */
async function unprivileged(folder: string): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return [];
  const ids = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'postgres'], folder)));
  const [user = '', group = ''] = ids.map((id) => id.trim());
  await chown(folder, Number(user), Number(group));
  chmodSync(folder, 0o755);
  const setpriv = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((entry) => join(entry, 'setpriv'))
    .find(existsSync);
  if (setpriv === undefined)
    throw new Error('running as root, and setpriv (util-linux) is not there to run PostgreSQL as another user');
  return [setpriv, `--reuid=${user}`, `--regid=${group}`, '--clear-groups'];
}

async function run(command: string, parameters: readonly string[], folder: string): Promise<string> {
  const child = spawn(command, parameters, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const [[code], output, errors] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`${command} failed: ${errors.trim() || output.trim()}`);
  return output;
}

/** Resolves once the server takes connections. */
async function answering(url: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await onServer(url, 'SELECT 1');
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
