import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../../src/backends/backend.ts';
import { openS3 } from '../../../../src/backends/s3/open-s3.ts';
import type { Answering, CannedS3 } from '../../../support/canned-s3.ts';
import { BUCKET, refusal, startCannedS3 } from '../../../support/canned-s3.ts';

const credentials = { kind: 'keys', accessKeyId: 'id', secretAccessKey: 'secret' } as const;
const BODY = Buffer.from('0123456789');

function open(server: CannedS3): Promise<Backend> {
  return openS3({ name: 's3', bucket: BUCKET, prefix: '', endpoint: server.endpoint, credentials, restoreDays: 3 });
}

function onGet(answer: ReturnType<Answering>): Answering {
  return ({ method, key }) => (method === 'GET' && key !== '' ? answer : null);
}

describe('a body', () => {
  test.for([0, 4, 9])('that ends after %i of 10 bytes is no object', async (cutAfter) => {
    await using server = await startCannedS3(onGet({ status: 200, body: BODY, cutAfter }));
    await using backend = await open(server);
    const cut = { code: 'backend/unavailable', context: { transient: true, operation: 'get' } };
    await expect(backend.get('a/1')).rejects.toMatchObject(cut);
  });

  test.for([
    ['clipped', { 'content-range': 'bytes 2-6/10' }, '23456', 'backend/unavailable'],
    ['clipped at the end of the object', { 'content-range': 'bytes 2-4/5' }, '234', 'backend/invalid-range'],
    ['elsewhere', { 'content-range': 'bytes 0-7/10' }, '01234567', 'backend/unavailable'],
    ['longer', { 'content-range': 'bytes 2-9/20' }, '23456789a', 'backend/unavailable'],
  ] as const)('of a part that is %s', async ([, headers, body, code]) => {
    await using server = await startCannedS3(onGet({ status: 206, headers, body }));
    await using backend = await open(server);
    await expect(backend.get('a/1', { range: { offset: 2, length: 8 } })).rejects.toMatchObject({ code });
  });

  test('of the whole object where a part was asked for is cut', async () => {
    await using server = await startCannedS3(onGet({ status: 200, body: BODY }));
    await using backend = await open(server);
    const part = await backend.get('a/1', { range: { offset: 2, length: 3 } });
    expect(Buffer.from(part).toString()).toBe('234');
    const past = backend.get('a/1', { range: { offset: 8, length: 3 } });
    await expect(past).rejects.toMatchObject({ code: 'backend/invalid-range' });
  });

  test('that is larger than any object of ours is not read', async () => {
    const headers = { 'content-length': String(5 * 2 ** 30) };
    await using server = await startCannedS3(onGet({ status: 200, headers, body: BODY, cutAfter: 5 }));
    await using backend = await open(server);
    const error = { code: 'backend/unavailable', context: { transient: false } };
    await expect(backend.get('a/1')).rejects.toMatchObject(error);
  });

  test('whose end never comes can be given up', async () => {
    const controller = new AbortController();
    await using server = await startCannedS3(({ key }) => {
      if (key === '') return null;
      setImmediate(() => controller.abort(new Error('enough')));
      return { status: 200, headers: { 'content-length': '1000' }, body: BODY };
    });
    await using backend = await open(server);
    await expect(backend.get('a/1', { signal: controller.signal })).rejects.toThrow('enough');
  });
});

describe('an archived object', () => {
  const archived = (storageClass: string): ReturnType<Answering> =>
    refusal(403, 'InvalidObjectState', 'The operation is not valid for the class', {
      fields: { StorageClass: storageClass },
    });

  async function asking(
    storageClass: string,
    restore: ReturnType<Answering>,
  ): Promise<{ error: unknown; asked: string[] }> {
    await using server = await startCannedS3(({ method, query }) => {
      if (query.has('restore')) return restore;
      return method === 'GET' && !query.has('list-type') ? archived(storageClass) : null;
    });
    await using backend = await open(server);
    const error: unknown = await backend.get('shards/ab/1').catch((caught: unknown) => caught);
    const asked = server.requests.filter(({ query }) => query.has('restore')).map(({ body }) => body.toString());
    return { error, asked };
  }

  test.for([
    ['GLACIER', { status: 202 }, true],
    ['DEEP_ARCHIVE', refusal(409, 'RestoreAlreadyInProgress', 'wait'), true],
    ['GLACIER', refusal(403, 'AccessDenied', 'no'), false],
  ] as const)('of class %s is asked for, once', async ([storageClass, restore, requested]) => {
    const { error, asked } = await asking(storageClass, restore);
    expect(error).toMatchObject({
      code: 'backend/archived',
      context: { requested, object: 'shards/ab/1', operation: 'get' },
    });
    expect(asked.length).toBe(1);
    expect(asked[0]).toContain('<Days>3</Days>');
  });

  test('that moves by itself is asked for without a number of days', async () => {
    const { error, asked } = await asking('INTELLIGENT_TIERING', { status: 202 });
    expect(error).toMatchObject({ code: 'backend/archived', context: { requested: true } });
    expect(asked[0]).not.toContain('Days');
  });
});

describe('a listing', () => {
  test('that goes round in circles is given up', async () => {
    const page = '<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>';
    await using server = await startCannedS3();
    await using backend = await open(server);
    server.answering = () => ({ status: 200, body: `<ListBucketResult>${page}</ListBucketResult>` });
    await expect(Array.fromAsync(backend.list(''))).rejects.toMatchObject({ code: 'backend/unavailable' });
    expect(server.requests.length).toBeLessThan(5);
  });

  test('of keys that were not asked for', async () => {
    await using server = await startCannedS3();
    await using backend = await open(server);
    const keys = ['a/1', 'b/1', 'a/../x', 'a/%2e'].map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`);
    server.answering = () => ({ status: 200, body: `<ListBucketResult>${keys.join('')}</ListBucketResult>` });
    expect(await Array.fromAsync(backend.list('a/'))).toEqual([{ name: 'a/1', sizeBytes: 1 }]);
  });
});

describe('an answer without end', () => {
  const long = Buffer.alloc(9 * 1024 * 1024, 'a');

  test.for([200, 500])('with status %i is not taken into memory', async (status) => {
    await using server = await startCannedS3();
    await using backend = await open(server);
    server.answering = () => ({ status, headers: { 'content-type': 'application/xml' }, body: long });
    await expect(Array.fromAsync(backend.list(''))).rejects.toMatchObject({
      code: 'backend/unavailable',
      cause: { message: expect.stringContaining('too long') },
    });
  });

  test('in an error message is shortened', async () => {
    const message = `${'a'.repeat(4 * 1024 * 1024)} end`;
    await using server = await startCannedS3();
    await using backend = await open(server);
    server.answering = () => refusal(500, 'InternalError', message);
    const error: unknown = await backend.get('a/1').catch((caught: unknown) => caught);
    expect(String(error).length).toBeLessThan(500);
  });
});

test('a bucket that is gone is not an absent object', async () => {
  await using server = await startCannedS3();
  await using backend = await open(server);
  expect(await backend.stat('a/1')).toBe(null);
  server.answering = () => ({ status: 404 });
  const gone = { code: 'backend/unavailable', context: { operation: 'stat', transient: false } };
  await expect(backend.stat('a/1')).rejects.toMatchObject(gone);
});
