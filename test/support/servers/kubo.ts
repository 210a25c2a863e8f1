import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../temporary-folder.ts';
import type { RunningServer } from './server-process.ts';
import { runServer, serverProgram } from './server-process.ts';

/** A real Kubo node of its own: no peers, no discovery, nothing reachable but by loopback. */
export interface KuboServer extends AsyncDisposable {
  /** URL of the RPC; another one after `start`. */
  readonly api: () => string;
  /** URL of its trustless gateway, which never asks other nodes. */
  readonly gateway: () => string;
  /** The folder of its repository. */
  readonly repo: string;
  /** Runs `ipfs` against it. Resolves to what it printed. */
  ipfs(...parameters: string[]): Promise<string>;
  /** Ends it as a power cut would, but for what the operating system still writes. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface KuboSettings {
  /** Merged into the configuration of the node. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** A key that the configuration lets in, for asking whether it has started. */
  readonly auth?: string;
}

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** @throws when there is no `ipfs`, or it does not start */
export async function startKubo({ configuration = {}, auth = '' }: KuboSettings = {}): Promise<KuboServer> {
  const program = serverProgram('ipfs');
  const folder = await temporaryFolder();
  const repo = join(folder.path, 'repo');
  // Kubo would otherwise begin to report its use to its makers after a quarter of an hour.
  const env = { IPFS_PATH: repo, IPFS_TELEMETRY: 'off' };
  const ipfs = async (...parameters: string[]): Promise<string> => {
    const options = { env: { ...process.env, ...env }, maxBuffer: OUTPUT_BYTES_MAX };
    return (await run(program, parameters, options)).stdout.trim();
  };
  let server: RunningServer | null = null;
  let addresses = { api: '', gateway: '' };
  const start = async (): Promise<void> => {
    for (const file of ['api', 'gateway']) await rm(join(repo, file), { force: true });
    server = await runServer({
      program,
      parameters: ['daemon'],
      folder: folder.path,
      env,
      answers: async () => {
        const [api, gateway] = [await urlIn(join(repo, 'api')), await urlIn(join(repo, 'gateway'))];
        const headers = { authorization: auth.replace(/^bearer:/, 'Bearer ') };
        const { ok } = await fetch(`${api}/api/v0/version`, { method: 'POST', headers });
        if (!ok) throw new Error('not yet');
        addresses = { api, gateway };
      },
    });
  };
  await ipfs('init', '--profile=test');
  await configure(join(repo, 'config'), configuration);
  await start();
  return {
    api: () => addresses.api,
    gateway: () => addresses.gateway,
    repo,
    ipfs,
    start,
    async kill() {
      if (server !== null) process.kill(server.pid, 'SIGKILL');
      await server?.[Symbol.asyncDispose]();
    },
    async [Symbol.asyncDispose]() {
      await server?.[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Loopback, free ports and no discovery come with the profile; the rest of the world is shut out here. */
async function configure(path: string, more: Readonly<Record<string, unknown>>): Promise<void> {
  const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, Record<string, unknown>>;
  const closed = { Bootstrap: [], Routing: { Type: 'none' }, Gateway: { ...config['Gateway'], NoFetch: true } };
  await writeFile(path, JSON.stringify({ ...config, ...closed, ...more }, null, 2));
}

/** Kubo writes its addresses there as soon as it listens: `/ip4/127.0.0.1/tcp/5001`, the gateway's as a URL. */
async function urlIn(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim();
  const [, host, port] = /^\/ip4\/([0-9.]+)\/tcp\/(\d+)$/.exec(text) ?? [];
  return host === undefined ? text.replace(/\/$/, '') : `http://${host}:${port}`;
}
