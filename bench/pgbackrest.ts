import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../test/support/postgres.ts';
import type { TestPostgres } from '../test/support/postgres.ts';
import { costIn } from './rival.ts';
import type { Rival } from './rival.ts';
import { rowsOf } from './rows.ts';
import { isInstalled, shell } from './timed.ts';

/**
 * pgBackRest with block-incremental backups into a folder. It copies the files of the whole server, page by page, so its
 * figures hold our catalog too, and leave out the WAL that it archives. Two processes, zstd, nothing encrypted.
 */

/** The archive command of a server whose WAL nobody wants. */
const KEEP_NO_WAL = 'true';

/** A server with these settings, on which pgBackRest, where it is installed, can be measured. */
export async function startArchivingServer(settings: readonly string[]): Promise<TestPostgres> {
  if ((await obstacle()) !== null) return startPostgres(settings);
  const server = await startPostgres([...settings, 'archive_mode=on']);
  await setArchiveCommand(server.url, KEEP_NO_WAL);
  return server;
}

/** Why pgBackRest is not to be had here; null: it is. */
async function obstacle(): Promise<string | null> {
  if ((process.env['VALENCE_TEST_POSTGRES_URL'] ?? '') !== '') return 'the server is not ours to configure';
  return (await isInstalled('pgbackrest')) ? null : 'not installed';
}

/**
 * An empty store for the server of `url`, one of `startArchivingServer`. Rejects where pgBackRest is not to be had, or does
 * not know this Postgres.
 */
export async function openPgBackRest(url: string): Promise<Rival & AsyncDisposable> {
  const reason = await obstacle();
  if (reason !== null) throw new Error(reason);
  const server = await serverOf(url);
  const folder = await mkdtemp(join(tmpdir(), 'valence-pgbackrest-'));
  const close = async (): Promise<void> => {
    await setArchiveCommand(url, KEEP_NO_WAL);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return { ...(await storeIn(folder, url, server)), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function storeIn(folder: string, url: string, server: LocalServer): Promise<Rival> {
  const store = join(folder, 'repo');
  const file = join(folder, 'pgbackrest.conf');
  await mkdir(store);
  await writeFile(file, configuration(folder, server));
  // Postgres archives under its own account, and the store must be that account's.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await shell(`chmod 755 '${folder}' && chown -R postgres:postgres '${folder}'`);
  const account = isRoot ? 'setpriv --reuid=postgres --regid=postgres --clear-groups ' : '';
  const program = `${(await shell('command -v pgbackrest')).output.trim()} --config=${file} --stanza=main`;
  const pgBackRest = (command: string): Promise<{ seconds: number }> =>
    shell(`cd '${folder}' && ${account}${program} ${command}`);
  await setArchiveCommand(url, `${program} archive-push %p`);
  await pgBackRest('stanza-create');
  let type = 'full';
  const backUp: Rival['backUp'] = () =>
    costIn(join(store, 'backup'), async () => {
      const { seconds } = await pgBackRest(`--type=${type} backup`);
      type = 'incr';
      return { seconds, newBytes: null };
    });
  return { name: 'pgbackrest', backUp, settle: async () => void (await backUp()) };
}

interface LocalServer {
  readonly data: string;
  readonly port: string;
  readonly socket: string;
  readonly user: string;
}

async function serverOf(url: string): Promise<LocalServer> {
  const [server] = await rowsOf<LocalServer & Record<string, unknown>>(
    url,
    `SELECT current_setting('data_directory') AS data, current_setting('port') AS port,
      current_setting('unix_socket_directories') AS socket, current_user AS user`,
  );
  return server!;
}

function configuration(folder: string, { data, port, socket, user }: LocalServer): string {
  return `[global]
repo1-path=${folder}/repo
repo1-bundle=y
repo1-block=y
repo1-retention-full=2
compress-type=zst
process-max=2
start-fast=y
log-level-console=error
log-level-file=off
lock-path=${folder}/lock
spool-path=${folder}/spool

[main]
pg1-path=${data}
pg1-port=${port}
pg1-socket-path=${socket}
pg1-user=${user}
`;
}

async function setArchiveCommand(url: string, command: string): Promise<void> {
  await rowsOf(url, `ALTER SYSTEM SET archive_command = '${command}'`);
  await rowsOf(url, 'SELECT pg_reload_conf()');
}
