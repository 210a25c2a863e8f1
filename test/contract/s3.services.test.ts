import {
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { openS3 } from '../../src/backends/s3/open-s3.ts';
import type { S3Options } from '../../src/backends/s3/s3-options.ts';
import { retryCalls } from '../../src/backends/wrappers/retry.ts';
import { systemTimer } from '../../src/core/clock.ts';
import { systemRandom } from '../../src/core/random.ts';
import { startRcloneS3 } from '../support/servers/rclone-s3.ts';
import type { S3TestServer } from '../support/servers/s3-server.ts';
import { rawClient, s3OptionsFor } from '../support/servers/s3-server.ts';
import type { VersityServer } from '../support/servers/versitygw.ts';
import { startVersitygw } from '../support/servers/versitygw.ts';
import { describeBackendContract, listed, namesOf, pattern, same } from './backend-contract.ts';

let versity: VersityServer;
let rclone: S3TestServer;
let prefixes = 0;

beforeAll(async () => {
  [versity, rclone] = await Promise.all([startVersitygw(), startRcloneS3()]);
  await versity.createBucket('plain');
  await versity.createBucket('locked', { objectLock: true });
  await rclone.createBucket('plain');
});

afterAll(async () => {
  await versity[Symbol.asyncDispose]();
  await rclone[Symbol.asyncDispose]();
});

/** Each test has a prefix to itself. */
function freshPrefix(): string {
  prefixes += 1;
  return `vaults/test ${prefixes}/`;
}

function open(server: S3TestServer, bucket: string, more: Partial<S3Options> = {}): Promise<Backend> {
  return openS3(s3OptionsFor(server, bucket, { prefix: freshPrefix(), ...more }));
}

describeBackendContract('a bucket of versitygw', () => open(versity, 'plain'));
describeBackendContract('a bucket of versitygw without conditional puts', () =>
  open(versity, 'plain', { conditionalPut: 'no' }),
);
describeBackendContract('a bucket of versitygw with versions and locks', () =>
  open(versity, 'locked', { objectLock: { mode: 'governance' } }),
);
// Of two puts at once that make the same folder rclone may refuse one with `InternalError`, which is to be made again.
describeBackendContract('a bucket of rclone behind retries', async () =>
  retryCalls(await open(rclone, 'plain'), { timer: systemTimer, random: systemRandom, firstDelayMs: 10 }),
);

describe('conditional puts', () => {
  test('are found out with the first put, which leaves one object', async () => {
    for (const [server, expected] of [
      [versity, true],
      [rclone, true],
    ] as const) {
      await using backend = await open(server, 'plain');
      expect(backend.traits.conditionalPut).toBe(false);
      await backend.put('keys/1', pattern(100));
      expect(backend.traits.conditionalPut).toBe(expected);
      expect(await listed(backend, '')).toEqual([{ name: 'keys/1', sizeBytes: 100 }]);
    }
  });

  test('two backends on one prefix: one of two bodies wins', async () => {
    const prefix = freshPrefix();
    await using one = await open(versity, 'plain', { prefix });
    await using two = await open(versity, 'plain', { prefix });
    await Promise.all([one.put('keys/0', pattern(1)), two.put('keys/1', pattern(1))]);
    for (let i = 0; i < 20; i += 1) {
      const results = await Promise.allSettled([
        one.put(`a/${i}`, pattern(999, 1)),
        two.put(`a/${i}`, pattern(999, 2)),
      ]);
      expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    }
  });
});

describe('what is not ours in a bucket', () => {
  test('is passed over in lists', async () => {
    const prefix = freshPrefix();
    const client = rawClient(versity, versity);
    for (const key of ['README', 'a/Upper', 'a/with space', 'a/ä+%41', 'a/.tmp-1', 'a/good']) {
      await client.send(new PutObjectCommand({ Bucket: 'plain', Key: prefix + key, Body: 'x' }));
    }
    client.destroy();
    await using backend = await open(versity, 'plain', { prefix });
    expect(await namesOf(backend, '')).toEqual(['a/good']);
  });

  test('a whole bucket', async () => {
    for (const server of [versity, rclone]) {
      await server.createBucket('whole');
      await using backend = await open(server, 'whole', { prefix: '' });
      await backend.put('valence.json', pattern(5));
      await backend.put('shards/ab/1', pattern(6));
      expect(await namesOf(backend, '')).toEqual(['shards/ab/1', 'valence.json']);
      expect(await namesOf(backend, 'shards/')).toEqual(['shards/ab/1']);
    }
  });

  test('a prefix with every kind of character', async () => {
    const prefix = `${freshPrefix()}a b+c%41 äöü&<>'"/`;
    for (const server of [versity, rclone]) {
      await using backend = await open(server, 'plain', { prefix });
      await backend.put('a/1', pattern(5));
      expect(await listed(backend, 'a/')).toEqual([{ name: 'a/1', sizeBytes: 5 }]);
      expect(same(await backend.get('a/1'), pattern(5))).toBe(true);
    }
  });
});

const HOUR_MS = 60 * 60 * 1000;

describe('under object lock', () => {
  const openLocked = (more: Partial<S3Options> = {}): Promise<Backend> =>
    open(versity, 'locked', { objectLock: { mode: 'governance' }, ...more });

  /** With the owner's key: writes over every name, then sets delete markers. */
  async function vandalise(prefix: string, names: readonly string[], body: Uint8Array): Promise<void> {
    const client = rawClient(versity, versity);
    for (const name of names) {
      await client.send(new PutObjectCommand({ Bucket: 'locked', Key: prefix + name, Body: body }));
      await client.send(new DeleteObjectCommand({ Bucket: 'locked', Key: prefix + name }));
    }
    client.destroy();
  }

  test('writing over and delete markers hide nothing', async () => {
    const prefix = freshPrefix();
    await using backend = await openLocked({ prefix });
    const names = ['a/1', 'a/10', 'b/2'];
    for (const [i, name] of names.entries()) {
      await backend.put(name, pattern(500 + i, i), { lockedUntil: Date.now() + HOUR_MS });
    }
    await vandalise(prefix, names, pattern(7, 99));
    expect(await listed(backend, '')).toEqual(names.map((name, i) => ({ name, sizeBytes: 500 + i })));
    for (const [i, name] of names.entries()) {
      const bytes = pattern(500 + i, i);
      expect(await backend.stat(name)).toEqual({ name, sizeBytes: bytes.length });
      expect(same(await backend.get(name), bytes)).toBe(true);
      expect(same(await backend.get(name, { digest: sha256(bytes) }), bytes)).toBe(true);
      expect(same(await backend.get(name, { range: { offset: 490, length: 10 } }), bytes.subarray(490, 500))).toBe(
        true,
      );
      await backend.put(name, bytes);
      await expect(backend.put(name, pattern(3))).rejects.toMatchObject({ code: 'backend/already-exists' });
    }
  });

  test('the digest finds the right one of several versions', async () => {
    const prefix = freshPrefix();
    await using backend = await openLocked({ prefix });
    const client = rawClient(versity, versity);
    for (const seed of [1, 2, 3]) {
      const input = {
        Bucket: 'locked',
        Key: `${prefix}a/1`,
        Body: pattern(300, seed),
        ChecksumAlgorithm: 'SHA256',
      } as const;
      await client.send(new PutObjectCommand(input));
    }
    client.destroy();
    for (const seed of [2, 1, 3]) {
      const bytes = pattern(300, seed);
      const range = { offset: 100, length: 50 };
      await using fresh = await openLocked({ prefix });
      expect(same(await fresh.get('a/1', { range, digest: sha256(bytes) }), bytes.subarray(100, 150))).toBe(true);
      expect(same(await backend.get('a/1', { digest: sha256(bytes) }), bytes)).toBe(true);
      await backend.put('a/1', bytes);
    }
    expect(same(await backend.get('a/1'), pattern(300, 1))).toBe(true);
    expect(same(await backend.get('a/1', { digest: sha256(pattern(1)) }), pattern(300, 1))).toBe(true);
  });

  test('what is locked cannot be deleted, and stays', async () => {
    const prefix = freshPrefix();
    await using backend = await openLocked({ prefix });
    await backend.put('a/1', pattern(100), { lockedUntil: Date.now() + HOUR_MS });
    await vandalise(prefix, ['a/1'], pattern(5));
    await expect(backend.delete('a/1')).rejects.toMatchObject({
      code: 'backend/locked',
      context: { backend: 'cloud' },
    });
    expect(same(await backend.get('a/1'), pattern(100))).toBe(true);
  });

  test('what is not locked goes with all its versions and markers', async () => {
    const prefix = freshPrefix();
    await using backend = await openLocked({ prefix });
    await backend.put('a/1', pattern(100));
    await backend.put('a/10', pattern(10));
    await vandalise(prefix, ['a/1', 'a/10'], pattern(5));
    await backend.delete('a/1');
    const client = rawClient(versity, versity);
    const { Versions = [], DeleteMarkers = [] } = await client.send(
      new ListObjectVersionsCommand({ Bucket: 'locked', Prefix: `${prefix}a/1` }),
    );
    client.destroy();
    const left = [...Versions, ...DeleteMarkers].map(({ Key }) => Key);
    expect(new Set(left)).toEqual(new Set([`${prefix}a/10`]));
    expect(await listed(backend, '')).toEqual([{ name: 'a/10', sizeBytes: 10 }]);
  });

  test('a lock is made longer and never shorter', async () => {
    const prefix = freshPrefix();
    await using backend = await openLocked({ prefix });
    const start = Date.now();
    const until = async (): Promise<number> => {
      const client = rawClient(versity, versity);
      const { Versions: [version] = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: 'locked', Prefix: `${prefix}a/1` }),
      );
      const input = { Bucket: 'locked', Key: `${prefix}a/1`, VersionId: version?.VersionId };
      const { Retention } = await client.send(new GetObjectRetentionCommand(input));
      client.destroy();
      return Retention?.RetainUntilDate?.getTime() ?? 0;
    };
    const isSecondsAfter = (at: number, hours: number): boolean =>
      at >= start + hours * HOUR_MS && at < start + hours * HOUR_MS + 1000;

    await backend.put('a/1', pattern(100));
    await backend.lock?.('a/1', start + HOUR_MS);
    expect(isSecondsAfter(await until(), 1)).toBe(true);
    await backend.lock?.('a/1', start + 3 * HOUR_MS);
    expect(isSecondsAfter(await until(), 3)).toBe(true);
    await backend.lock?.('a/1', start + 2 * HOUR_MS);
    expect(isSecondsAfter(await until(), 3)).toBe(true);
    await backend.put('a/1', pattern(100), { lockedUntil: start + 4 * HOUR_MS });
    expect(isSecondsAfter(await until(), 4)).toBe(true);
    await expect(backend.lock?.('a/2', start + HOUR_MS)).rejects.toMatchObject({ code: 'backend/not-found' });
  });

  test.for(['versitygw', 'rclone'])('a bucket of %s without it is refused at once', async (name) => {
    const opening = open(name === 'rclone' ? rclone : versity, 'plain', { objectLock: { mode: 'compliance' } });
    const error = { code: 'backend/unavailable', context: { operation: 'open', transient: false } };
    await expect(opening).rejects.toMatchObject(error);
    await expect(opening).rejects.toThrow('no object lock');
  });

  test('more versions than a page holds', async () => {
    const prefix = freshPrefix();
    await using backend = await openLocked({ prefix });
    const names = Array.from({ length: 350 }, (_, i) => `a/${1000 + i}`);
    const client = rawClient(versity, versity);
    for (const seed of [1, 2, 3]) {
      const puts = names.map((name) =>
        client.send(new PutObjectCommand({ Bucket: 'locked', Key: prefix + name, Body: pattern(seed) })),
      );
      await Promise.all(puts);
    }
    client.destroy();
    expect(await listed(backend, '')).toEqual(names.map((name) => ({ name, sizeBytes: 1 })));
  });
});

describe('a key that may only add', () => {
  const PLAIN = ['s3:PutObject', 's3:ListBucket'];
  const LOCKED = [...PLAIN, 's3:ListBucketVersions', 's3:GetBucketObjectLockConfiguration', 's3:PutObjectRetention'];

  test.for(['add-only', 'add-only-locked'])('is enough to put and list in bucket %s', async (bucket) => {
    const isLocked = bucket === 'add-only-locked';
    await versity.createBucket(bucket, { objectLock: isLocked });
    await versity.allowLimitedKey(bucket, isLocked ? LOCKED : PLAIN);
    await using backend = await open(versity, bucket, {
      credentials: { kind: 'keys', ...versity.limitedKey },
      ...(isLocked && { objectLock: { mode: 'governance' } as const }),
    });
    const body = pattern(2000);
    const hex = sha256(body).toString('hex');
    const names = ['keys/1', `shards/${hex.slice(0, 2)}/${hex}`, `snapshots/daily/1-${hex.slice(0, 16)}`];
    const options = isLocked ? { lockedUntil: Date.now() + HOUR_MS } : {};
    for (const name of names) await backend.put(name, body, options);
    expect(await listed(backend, '')).toEqual(names.map((name) => ({ name, sizeBytes: 2000 })));
    expect(await backend.stat('keys/1')).toEqual({ name: 'keys/1', sizeBytes: 2000 });
    expect(await backend.stat('keys/2')).toBe(null);

    for (const name of names.slice(1)) await backend.put(name, body, options);
    await expect(backend.put('keys/1', body)).rejects.toMatchObject({ code: 'backend/already-exists' });
    await expect(backend.put(names[1] ?? '', pattern(1999))).rejects.toMatchObject({ code: 'backend/already-exists' });
    await expect(backend.get('keys/1')).rejects.toMatchObject({ code: 'backend/denied' });
    await expect(backend.get('valence.json')).rejects.toMatchObject({ code: 'backend/not-found' });
    await expect(backend.delete('keys/1')).rejects.toMatchObject({ code: 'backend/denied' });
    expect((await namesOf(backend, '')).length).toBe(3);
  });

  test('a wrong secret, a wrong bucket, and nobody there', async () => {
    const credentials = { kind: 'keys', accessKeyId: versity.accessKeyId, secretAccessKey: 'not the secret' } as const;
    await expect(open(versity, 'plain', { credentials })).rejects.toMatchObject({ code: 'backend/denied' });
    for (const server of [versity, rclone]) {
      const error = { code: 'backend/unavailable', context: { transient: false, operation: 'open' } };
      await expect(open(server, 'no-such-bucket')).rejects.toMatchObject(error);
    }
    const away = open(versity, 'plain', { endpoint: 'http://127.0.0.1:1' });
    await expect(away).rejects.toMatchObject({ code: 'backend/unavailable', context: { transient: true } });
  });
});

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
