import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { toHex } from '../src/core/bytes.ts';
import type { FiveKindsServers, PlaceKind } from '../test/support/five-kinds.ts';
import type { S3TestServer } from '../test/support/servers/s3-server.ts';
import { serverProgram } from '../test/support/servers/server-process.ts';
import { shell } from './timed.ts';

/**
 * What people move files with, beside which a backend is measured. A program's own start, and its connecting, are taken off:
 * what it takes with nothing to move.
 */

export interface Shard {
  /** As a vault names it. */
  readonly object: string;
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
}

export interface RawTool {
  readonly name: string;
  /** Seconds; null: too few for a program that takes a while to start. */
  put(shards: readonly Shard[]): Promise<number | null>;
  /** The same of those that were put last. */
  get(shards: readonly Shard[]): Promise<number | null>;
  /** Removes everything that was put and got. */
  clear(): Promise<void>;
}

export interface RawToolInput {
  readonly servers: FiveKindsServers;
  /** A new folder below this is made for what a tool reads and writes. */
  readonly work: string;
  /** How many calls are under way at once, where the tool can have several. */
  readonly atOnce: number;
}

/** What must be installed beside the servers. */
export const RAW_PROGRAMS = ['rclone', 'sftp'] as const;

/** Moving must take so many times what starting takes, or the difference says nothing. */
const STARTS_MIN = 2;

export function rawTool(kind: PlaceKind, input: RawToolInput): RawTool {
  switch (kind) {
    case 'directory':
      return plainFiles(input);
    case 's3':
      return rcloneCopy(input, input.servers.versity);
    case 's3-other':
      return rcloneCopy(input, input.servers.rclone);
    case 'ipfs':
      return blockCalls(input);
    case 'sftp':
      return sftpBatch(input);
  }
}

/** Runs `act` on each, so many at once. */
export async function forEachAtOnce<T>(
  items: readonly T[],
  atOnce: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

export async function secondsOf(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return (performance.now() - started) / 1000;
}

function plainFiles({ work, atOnce }: RawToolInput): RawTool {
  const pathOf = ({ object }: Shard): string => join(work, 'files', object);
  return {
    name: 'write and fsync',
    async put(shards) {
      await makeFolders(shards, pathOf);
      return secondsOf(() =>
        forEachAtOnce(shards, atOnce, async (shard) => {
          await using file = await open(pathOf(shard), 'wx');
          await file.writeFile(shard.bytes);
          await file.sync();
        }),
      );
    },
    get: (shards) =>
      secondsOf(() => forEachAtOnce(shards, atOnce, async (shard) => void (await readFile(pathOf(shard))))),
    clear: () => rm(join(work, 'files'), { recursive: true }),
  };
}

function rcloneCopy({ work, atOnce }: RawToolInput, server: S3TestServer): RawTool {
  const program = serverProgram('rclone');
  const env = {
    RCLONE_CONFIG: join(work, 'rclone.conf'),
    RCLONE_S3_PROVIDER: 'Other',
    RCLONE_S3_ENDPOINT: server.endpoint,
    RCLONE_S3_REGION: server.region,
    RCLONE_S3_ACCESS_KEY_ID: server.accessKeyId,
    RCLONE_S3_SECRET_ACCESS_KEY: server.secretAccessKey,
    RCLONE_S3_NO_CHECK_BUCKET: 'true',
    RCLONE_TRANSFERS: String(atOnce),
  };
  let sets = 0;
  const bucket = 'beside';
  const made = (async () => {
    await writeFile(env.RCLONE_CONFIG, '');
    await server.createBucket(bucket);
  })();
  const copy = async (from: string, to: string): Promise<number> => {
    await made;
    return (await shell(`'${program}' copy '${from}' '${to}'`, env)).seconds;
  };
  const folderOf = (name: string): Promise<string> => folderIn(work, `${name}-${sets}`);
  return {
    name: 'rclone copy',
    async put(shards) {
      sets += 1;
      const full = await folderOf('up');
      await writeShards(full, shards);
      const idle = await copy(await folderOf('nothing'), `:s3:${bucket}/nothing-${sets}`);
      return beyond(idle, await copy(full, `:s3:${bucket}/set-${sets}`));
    },
    async get() {
      const idle = await copy(`:s3:${bucket}/nothing-${sets}`, await folderOf('no-down'));
      return beyond(idle, await copy(`:s3:${bucket}/set-${sets}`, await folderOf('down')));
    },
    async clear() {
      await shell(`'${program}' purge ':s3:${bucket}/set-${sets}'`, env);
      for (const name of ['up', 'down']) await rm(join(work, `${name}-${sets}`), { recursive: true });
    },
  };
}

function sftpBatch({ work, servers: { ssh } }: RawToolInput): RawTool {
  const options = [
    ...['BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'],
    `IdentityFile=${ssh.privateKeyFile}`,
  ].map((option) => `-o ${option}`);
  const command = `'${serverProgram('sftp')}' ${options.join(' ')} -P ${ssh.port} -b`;
  let sets = 0;
  const run = async (lines: readonly string[]): Promise<number> => {
    const batch = join(work, 'batch');
    await writeFile(batch, lines.map((line) => `${line}\n`).join(''));
    return (await shell(`${command} '${batch}' ${ssh.user}@${ssh.host}`)).seconds;
  };
  const remote = (): string => join(ssh.folder, `beside-${sets}`);
  return {
    name: 'sftp',
    async put(shards) {
      sets += 1;
      const from = await folderIn(work, `up-${sets}`);
      await writeShards(from, shards);
      const idle = await run([`mkdir ${remote()}`]);
      return beyond(idle, await run(shards.map(({ digest }) => `put -f ${join(from, toHex(digest))} ${remote()}/`)));
    },
    async get(shards) {
      const to = await folderIn(work, `down-${sets}`);
      const idle = await run(['pwd']);
      return beyond(idle, await run(shards.map(({ digest }) => `get ${remote()}/${toHex(digest)} ${to}/`)));
    },
    async clear() {
      const folders = [remote(), join(work, `up-${sets}`), join(work, `down-${sets}`)];
      for (const folder of folders) await rm(folder, { recursive: true });
    },
  };
}

function blockCalls({ atOnce, servers: { kubo } }: RawToolInput): RawTool {
  const ids = new Map<Shard, string>();
  const call = async (path: string, body?: FormData): Promise<Response> => {
    const response = await fetch(`${kubo.api()}/api/v0/block/${path}`, { method: 'POST', ...(body ? { body } : {}) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  return {
    name: 'block/put by HTTP',
    put: (shards) =>
      secondsOf(() =>
        forEachAtOnce(shards, atOnce, async (shard) => {
          const body = new FormData();
          body.append('data', new Blob([Buffer.from(shard.bytes)]));
          const answer = await call('put?cid-codec=raw&mhtype=sha2-256', body);
          ids.set(shard, ((await answer.json()) as { Key: string }).Key);
        }),
      ),
    get: (shards) =>
      secondsOf(() =>
        forEachAtOnce(shards, atOnce, async (shard) => {
          await (await call(`get?arg=${ids.get(shard)!}`)).arrayBuffer();
        }),
      ),
    // None of the blocks is pinned.
    clear: async () => void (await kubo.ipfs('repo', 'gc')),
  };
}

function beyond(idleSeconds: number, seconds: number): number | null {
  return seconds < STARTS_MIN * idleSeconds ? null : seconds - idleSeconds;
}

async function writeShards(folder: string, shards: readonly Shard[]): Promise<void> {
  for (const { digest, bytes } of shards) await writeFile(join(folder, toHex(digest)), bytes);
}

async function makeFolders(shards: readonly Shard[], pathOf: (shard: Shard) => string): Promise<void> {
  for (const folder of new Set(shards.map((shard) => dirname(pathOf(shard))))) await mkdir(folder, { recursive: true });
}

async function folderIn(work: string, name: string): Promise<string> {
  const path = join(work, name);
  await mkdir(path);
  return path;
}
