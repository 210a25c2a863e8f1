import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/** Starts the real servers that tests store at: on loopback, with temporary data, gone when disposed. */

/** Where `scripts/test-servers.ts` puts what it builds, below the root of the checkout. */
export const SERVERS_FOLDER = '.test-servers';

const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/lib/openssh'];

/**
 * The path of a server's program: in the folder of `VALENCE_TEST_SERVERS` if that is set, else in `.test-servers`, else on
 * the PATH. @throws when it is missing: nothing is skipped
 */
export function serverProgram(name: string): string {
  const built = process.env['VALENCE_TEST_SERVERS'] ?? join(import.meta.dirname, '../../..', SERVERS_FOLDER);
  const folders = [built, ...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  const found = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (found !== undefined) return found;
  throw new Error(`the tests need ${name}, which is not there: run \`npm run test:servers\``);
}

export interface ServerCommand {
  /** As `serverProgram` gives it. */
  readonly program: string;
  readonly parameters: readonly string[];
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Rejects as long as the server does not answer. */
  readonly answers: () => Promise<unknown>;
}

export interface RunningServer extends AsyncDisposable {
  readonly pid: number;
  /** What it has printed so far. */
  readonly output: () => string;
}

const START_MS = 60_000;
const RETRY_MS = 50;
const OUTPUT_CHARACTERS_MAX = 100_000;

/** Resolves once the server answers. @throws with what it printed when it ends or stays silent */
export async function runServer(command: ServerCommand): Promise<RunningServer> {
  const { program, parameters, folder, env, answers } = command;
  const child = spawn(program, parameters, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => (output = (output + piece.toString()).slice(-OUTPUT_CHARACTERS_MAX)));
  }
  const ended = once(child, 'exit');
  ended.catch(() => {});
  // The runner may end without disposing, for example at a second Ctrl-C.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const server: RunningServer = {
    pid: child.pid ?? -1,
    output: () => output,
    async [Symbol.asyncDispose]() {
      process.off('exit', kill);
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await ended;
      }
    },
  };
  const deadline = Date.now() + START_MS;
  for (;;) {
    try {
      await answers();
      return server;
    } catch (error) {
      const isOver = child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
      if (isOver || Date.now() > deadline) {
        await server[Symbol.asyncDispose]();
        throw new Error(`${program} does not answer: ${output.trim()}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/**
 * A port of 127.0.0.1 that was free a moment ago. It is none of those that the system gives to outgoing connections and to
 * servers that ask for any, so only another caller of this could take it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer();
    const bound = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!bound) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
