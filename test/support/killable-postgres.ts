import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { onServer, startOwnPostgres } from './postgres.ts';

/** A server of our own, durable as servers are, that can be killed with SIGKILL and started again. Linux only. */
export interface KillablePostgres extends AsyncDisposable {
  readonly url: string;
  /** The server with all its processes, at once: like a power cut, but that what was written to files is left. */
  kill(): void;
  /** One process that serves a client and says that it is doing this; the server then restarts all of them. */
  killBackend(doing: RegExp): void;
  /** After `kill`. Resolves when it takes connections again. */
  start(): Promise<void>;
  /** Resolves when it takes connections again, having restarted by itself. */
  recovered(): Promise<void>;
}

export async function startKillablePostgres(): Promise<KillablePostgres> {
  const server = await startOwnPostgres([]);
  const { url } = server;
  const [data] = await column(url, 'SHOW data_directory');
  const [command, ...parameters] = words(await readFile(join(data!, 'postmaster.opts'), 'utf8'));
  const { uid, gid } = await stat(data!);
  let again: ChildProcess | null = null;
  let killed: readonly number[] = [];
  const postmaster = (): number => Number(readFileSync(join(data!, 'postmaster.pid'), 'utf8').split('\n')[0]);
  return {
    url,
    kill() {
      const first = postmaster();
      const all = [first, ...childrenOf(first)];
      // None may see another die and clean up.
      for (const pid of all) process.kill(pid, 'SIGSTOP');
      for (const pid of all) process.kill(pid, 'SIGKILL');
      killed = all;
    },
    killBackend(doing) {
      const serving = childrenOf(postmaster()).find((pid) => doing.test(titleOf(pid)));
      if (serving === undefined) throw new Error(`no backend is doing ${doing}`);
      process.kill(serving, 'SIGKILL');
    },
    async start() {
      await buried(killed);
      again = spawn(command!, parameters, { cwd: data!, stdio: 'ignore', uid, gid });
      await answering(url);
    },
    recovered: () => answering(url),
    async [Symbol.asyncDispose]() {
      const isRunning = again !== null && again.exitCode === null && again.signalCode === null;
      if (again !== null && isRunning) {
        const { promise: ended, resolve } = Promise.withResolvers<void>();
        again.once('exit', () => resolve());
        again.kill('SIGINT');
        await ended;
      }
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The words of a command line whose parameters stand in double quotes. */
function words(line: string): string[] {
  return Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain!);
}

function childrenOf(parent: number): number[] {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return processes.map(Number).filter((pid) => statusOf(pid)?.includes(`\nPPid:\t${parent}\n`) ?? false);
}

/** Null: it has ended meanwhile. */
function statusOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return null;
  }
}

/** Resolves once killed processes are gone: a server does not start beside what is left of another one in its folder. */
async function buried(pids: readonly number[]): Promise<void> {
  const [postmaster] = pids;
  const isGone = (pid: number): boolean => {
    const status = statusOf(pid);
    // Whoever inherits the children may bury them late; they hold nothing by then.
    return status === null || (pid !== postmaster && status.includes('\nState:\tZ'));
  };
  const deadline = Date.now() + 60_000;
  while (!pids.every(isGone)) {
    if (Date.now() > deadline) throw new Error('the killed server does not end');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function titleOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
}

async function column(url: string, query: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text: query, rowMode: 'array' });
    return rows.map(([value]) => String(value));
  } finally {
    await client.end();
  }
}

async function answering(url: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await onServer(url, 'SELECT 1');
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
