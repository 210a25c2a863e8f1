import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { openIpfs } from '../../src/backends/ipfs/open-ipfs.ts';
import { openS3 } from '../../src/backends/s3/open-s3.ts';
import { openSftp } from '../../src/backends/sftp/open-sftp.ts';
import { wrapBackend } from '../../src/backends/wrappers/compose.ts';
import { isValenceError } from '../../src/core/errors.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { readWholeObject } from '../../src/vault/read-object.ts';
import type { ReachableStore } from '../contract/bad-line-contract.ts';
import { describeBadLine, LINE_FAULTS, TAMPERING_FAULTS } from '../contract/bad-line-contract.ts';
import { pattern, same } from '../contract/backend-contract.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { HttpFault } from '../support/servers/faulty-http.ts';
import { BODY_FAULTS, halfway, KUBO_FAULTS, S3_FAULTS, startFaultyHttp } from '../support/servers/faulty-http.ts';
import type { KuboServer } from '../support/servers/kubo.ts';
import { startKubo } from '../support/servers/kubo.ts';
import { startRcloneS3 } from '../support/servers/rclone-s3.ts';
import type { S3TestServer } from '../support/servers/s3-server.ts';
import { s3OptionsFor } from '../support/servers/s3-server.ts';
import type { SshServer } from '../support/servers/sshd.ts';
import { startSshd } from '../support/servers/sshd.ts';
import { startVersitygw } from '../support/servers/versitygw.ts';
import { sftpOptions } from '../support/sftp-fixture.ts';

/** Every kind of backend on a line, or before a provider, that harms what passes. */

let versity: S3TestServer;
let rclone: S3TestServer;
let kubo: KuboServer;
let ssh: SshServer;

beforeAll(async () => {
  [versity, rclone, kubo, ssh] = await Promise.all([startVersitygw(), startRcloneS3(), startKubo(), startSshd()]);
});

afterAll(async () => {
  for (const server of [versity, rclone, kubo, ssh]) await server[Symbol.asyncDispose]();
});

function reachable(port: number, open: ReachableStore['open']): ReachableStore {
  return { server: { port }, open, [Symbol.asyncDispose]: async () => {} };
}

async function openBucket(server: S3TestServer): Promise<ReachableStore['open']> {
  const bucket = `b${randomUUID()}`;
  await server.createBucket(bucket);
  return (port) => openS3(s3OptionsFor(server, bucket, { endpoint: `http://127.0.0.1:${port}`, pathStyle: true }));
}

async function inBucket(server: S3TestServer): Promise<ReachableStore> {
  return reachable(Number(new URL(server.endpoint).port), await openBucket(server));
}

const FAULTS = [...LINE_FAULTS, ...TAMPERING_FAULTS];

describeBadLine('an S3 server', () => inBucket(versity), FAULTS);
describeBadLine('another S3 server', () => inBucket(rclone), FAULTS);
describeBadLine(
  'a Kubo node',
  async () => {
    const folder = `/${randomUUID()}`;
    const open = (port: number): Promise<Backend> =>
      openIpfs({ name: 'kubo', api: `http://127.0.0.1:${port}`, folder });
    return reachable(Number(new URL(kubo.api()).port), open);
  },
  FAULTS,
);
describeBadLine(
  'an SSH server',
  async () => {
    const folder = join(ssh.folder, randomUUID());
    await mkdir(folder);
    return reachable(ssh.port, async (port) => openSftp(await sftpOptions(ssh, { port, folder })));
  },
  FAULTS,
);

async function nodeFolder(): Promise<ReachableStore['open']> {
  const folder = `/${randomUUID()}`;
  return (port) => openIpfs({ name: 'cloud', api: `http://127.0.0.1:${port}`, folder });
}

interface HttpStore {
  readonly port: () => number;
  readonly open: () => Promise<ReachableStore['open']>;
  readonly faults: Readonly<Record<string, HttpFault>>;
}

const portOf = (url: string): number => Number(new URL(url).port);

const HTTP_STORES: Readonly<Record<string, HttpStore>> = {
  'an S3 server': { port: () => portOf(versity.endpoint), open: () => openBucket(versity), faults: S3_FAULTS },
  'another S3 server': { port: () => portOf(rclone.endpoint), open: () => openBucket(rclone), faults: S3_FAULTS },
  'a Kubo node': { port: () => portOf(kubo.api()), open: nodeFolder, faults: KUBO_FAULTS },
};

const SHORT_RETRIES = {
  name: 'cloud',
  random: seededRandom('provider'),
  retry: { triesMax: 3, firstDelayMs: 5, delayMsMax: 20, retryAfterMsMax: 50 },
};

describe.each(Object.entries(HTTP_STORES))('%s in trouble', (_, store) => {
  test.for(Object.entries(store.faults))('%s, from halfway on', async ([, fault]) => {
    const open = await store.open();
    await using provider = await startFaultyHttp({ port: store.port() });
    await using backend = wrapBackend(await open(provider.port), SHORT_RETRIES);
    await backend.put('shards/ab/first', pattern(50_000, 1));
    provider.plan = halfway(fault, provider.requests.length + 3);
    const names = Array.from({ length: 8 }, (_, i) => `shards/ab/${i}`);
    const puts = await Promise.allSettled(names.map((name, i) => backend.put(name, pattern(40_000, i))));
    expect(puts.some(({ status }) => status === 'rejected')).toBe(true);
    const before = provider.requests.length;
    const [late] = await Promise.allSettled([backend.put('shards/ab/late', pattern(10, 9))]);
    expect(late).toMatchObject({ status: 'rejected', reason: { context: { backend: 'cloud', operation: 'put' } } });
    expect(provider.requests.length - before, 'tries of one call').toBeLessThanOrEqual(6);
    for (const put of puts) if (put.status === 'rejected') expect(isValenceError(put.reason)).toBe(true);
    provider.plan = () => null;
    for (const [i, { status }] of puts.entries()) {
      if (status === 'fulfilled') expect(same(await backend.get(names[i]!), pattern(40_000, i))).toBe(true);
      await backend.put(names[i]!, pattern(40_000, i));
    }
  });

  test.for(Object.entries(BODY_FAULTS))('%s: nothing wrong is believed', async ([, fault]) => {
    const open = await store.open();
    await using provider = await startFaultyHttp({ port: store.port() });
    await using direct = await open(store.port());
    const bodies = [1, 2, 3].map((i) => pattern(30_000, i));
    const names = bodies.map((body) => `index/${Buffer.from(sha256(body)).toString('hex')}`);
    for (const [i, name] of names.entries()) await direct.put(name, bodies[i]!);
    await using backend = wrapBackend(await open(provider.port), SHORT_RETRIES);
    const before = provider.requests.length;
    provider.plan = () => fault;
    for (const [i, name] of names.entries()) {
      const read = await readWholeObject([backend, direct], name, sha256(bodies[i]!));
      expect(read.bytes !== null && same(read.bytes, bodies[i]!)).toBe(true);
      expect(read.problems.length).toBeGreaterThan(0);
    }
    const [put] = await Promise.allSettled([backend.put('index/aa', pattern(5_000, 9))]);
    if (put.status === 'rejected')
      expect(put.reason).toMatchObject({ context: { backend: 'cloud', operation: 'put' } });
    expect(provider.requests.length - before, 'requests of four calls').toBeLessThanOrEqual(60);
    provider.plan = () => null;
    if (put.status === 'fulfilled') expect(same(await direct.get('index/aa'), pattern(5_000, 9))).toBe(true);
    for (const [i, name] of names.entries()) expect(same(await backend.get(name), bodies[i]!)).toBe(true);
  });
});
