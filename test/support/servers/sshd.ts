import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary-folder.ts';
import type { RunningServer } from './server-process.ts';
import { freePort, runServer, serverProgram } from './server-process.ts';

/** A real OpenSSH server on loopback with keys of its own, into which the user who runs the tests may log in. */

export type HostKeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface SshdOptions {
  /** Parameters of `internal-sftp`: `-R` is read-only, `-P hardlink,fsync` refuses these requests. */
  readonly sftp?: string | undefined;
  /** The name SFTP goes by; another than `sftp` is a server without. */
  readonly subsystem?: string | undefined;
  /** `ed25519` unless given. */
  readonly hostKeys?: readonly HostKeyType[] | undefined;
}

export interface SshServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** An empty folder for the test; what the server itself needs lies elsewhere. */
  readonly folder: string;
  /** A key that the server knows, and one that it does not. */
  readonly privateKey: string;
  readonly strangerKey: string;
  /** Of the key above, for the tools of OpenSSH. */
  readonly privateKeyFile: string;
  /** What it shows now. */
  fingerprint(type?: HostKeyType): Promise<string>;
  /** Kills the processes of the connections that are open; the server goes on. Resolves to how many there were. */
  dropConnections(): Promise<number>;
  /** Stops it, and every connection. */
  stop(): Promise<void>;
  /** Starts it again on the same port, with other host keys if asked. */
  start(options?: SshdOptions & { readonly newHostKeys?: boolean }): Promise<void>;
  output(): string;
}

/** Where OpenSSH locks its unprivileged half in; the server does not start without. */
const PRIVILEGE_FOLDER = '/run/sshd';

export async function startSshd(options: SshdOptions = {}): Promise<SshServer> {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  if (process.getuid?.() === 0) await mkdir(PRIVILEGE_FOLDER, { recursive: true, mode: 0o755 });
  await mkdir(at('store'));
  makeKey(at('user'), 'ed25519');
  makeKey(at('stranger'), 'ed25519');
  await writeFile(at('authorized_keys'), await readFile(at('user.pub')));
  const port = await freePort();
  let running: RunningServer | null = null;
  const server: SshServer = {
    host: '127.0.0.1',
    port,
    user: userInfo().username,
    folder: at('store'),
    privateKey: await readFile(at('user'), 'utf8'),
    strangerKey: await readFile(at('stranger'), 'utf8'),
    privateKeyFile: at('user'),
    fingerprint: async (type = 'ed25519') => fingerprintOf(at(`host-${type}`)),
    output: () => running?.output() ?? '',
    async dropConnections() {
      const found = running === null ? [] : await descendantsOf(running.pid);
      for (const pid of found) endProcess(pid);
      return found.length;
    },
    async stop() {
      const stopping = running;
      running = null;
      if (stopping === null) return;
      const connections = await descendantsOf(stopping.pid);
      await stopping[Symbol.asyncDispose]();
      for (const pid of connections) endProcess(pid);
    },
    async start({ newHostKeys = false, ...started } = {}) {
      const { hostKeys = ['ed25519'], sftp = '', subsystem = 'sftp' } = started;
      for (const type of hostKeys) {
        if (newHostKeys) await rm(at(`host-${type}`), { force: true });
        makeKey(at(`host-${type}`), type);
      }
      const config = configOf({
        port,
        sftp: `${subsystem} internal-sftp ${sftp}`,
        authorized: at('authorized_keys'),
        hostKeys: hostKeys.map((type) => at(`host-${type}`)),
      });
      await writeFile(at('config'), config);
      running = await runServer({
        program: serverProgram('sshd'),
        parameters: ['-D', '-e', '-f', at('config'), ...unpunished(at('config'))],
        folder: folder.path,
        answers: () => greeting(port),
      });
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
  await server.start(options);
  return server;
}

interface Configuration {
  readonly port: number;
  readonly sftp: string;
  readonly authorized: string;
  readonly hostKeys: readonly string[];
}

function configOf({ port, sftp, authorized, hostKeys }: Configuration): string {
  return [
    ...hostKeys.map((key) => `HostKey ${key}`),
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `AuthorizedKeysFile ${authorized}`,
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'StrictModes no',
    'UsePAM no',
    'PidFile none',
    'MaxStartups 100',
    `Subsystem ${sftp}`,
    '',
  ].join('\n');
}

/** From version 9.8 on a server turns away for a while whoever failed to log in, as these tests do on purpose. */
function unpunished(config: string): readonly string[] {
  const option = ['-o', 'PerSourcePenalties=no'];
  try {
    execFileSync(serverProgram('sshd'), ['-t', '-f', config, ...option], { stdio: 'ignore' });
    return option;
  } catch {
    return [];
  }
}

/** Makes a key unless it is there. */
function makeKey(path: string, type: HostKeyType): void {
  if (existsSync(path)) return;
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'test', '-f', path]);
}

function fingerprintOf(path: string): string {
  const [, fingerprint = ''] = execFileSync('ssh-keygen', ['-l', '-f', `${path}.pub`], { encoding: 'utf8' }).split(' ');
  return fingerprint;
}

async function greeting(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    const [data] = (await once(socket, 'data')) as [Buffer];
    if (!data.toString('latin1').startsWith('SSH-2.0-')) throw new Error('no SSH server');
  } finally {
    socket.destroy();
  }
}

async function descendantsOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const children = text.split(' ').filter(Boolean).map(Number);
  return [...children, ...(await Promise.all(children.map(descendantsOf))).flat()];
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
