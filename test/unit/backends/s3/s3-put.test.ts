import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../../src/backends/backend.ts';
import { openS3 } from '../../../../src/backends/s3/open-s3.ts';
import type { S3Options } from '../../../../src/backends/s3/s3-options.ts';
import type { Answering, CannedRequest, CannedS3 } from '../../../support/canned-s3.ts';
import { BUCKET, refusal, startCannedS3 } from '../../../support/canned-s3.ts';

const credentials = { kind: 'keys', accessKeyId: 'id', secretAccessKey: 'secret' } as const;
const BODY = Buffer.from('0123456789');

function open(server: CannedS3, more: Partial<S3Options> = {}): Promise<Backend> {
  return openS3({ name: 's3', bucket: BUCKET, prefix: 'p/', endpoint: server.endpoint, credentials, ...more });
}

function putsOf(server: CannedS3): CannedRequest[] {
  return server.requests.filter(({ method }) => method === 'PUT');
}

const digest = (name: string): string => createHash(name).update(BODY).digest('base64');

/** Stores as if the condition were not there. */
const ignoring: (server: CannedS3) => Answering = (server) => (request) => {
  if (request.method !== 'PUT') return null;
  server.objects.set(request.key, request.body);
  return { status: 200 };
};

describe('a store that keeps to the condition', () => {
  test('is asked once a put, after the first', async () => {
    await using server = await startCannedS3();
    await using backend = await open(server);
    await backend.put('a/1', BODY);
    expect(backend.traits.conditionalPut).toBe(true);
    server.requests.length = 0;
    await backend.put('a/2', BODY);
    expect(server.requests.map(({ method, key }) => `${method} ${key}`)).toEqual(['PUT p/a/2']);
    expect(server.requests[0]?.headers).toMatchObject({
      'if-none-match': '*',
      'x-amz-checksum-sha256': digest('sha256'),
      'content-length': '10',
    });
  });

  test.for(['ConditionalRequestConflict', 'OperationAborted'])('is asked again after %s', async (code) => {
    await using server = await startCannedS3();
    await using backend = await open(server);
    await backend.put('a/1', BODY);
    let conflicts = 1;
    server.answering = ({ method }) => (method === 'PUT' && conflicts-- > 0 ? refusal(409, code, 'conflict') : null);
    await backend.put('a/2', BODY);
    expect(server.objects.get('p/a/2')).toEqual(BODY);
    server.answering = ({ method }) => (method === 'PUT' ? refusal(409, code, 'conflict') : null);
    server.requests.length = 0;
    const error = { code: 'backend/unavailable', context: { transient: true } };
    await expect(backend.put('a/3', BODY)).rejects.toMatchObject(error);
    expect(putsOf(server).length).toBe(3);
  });
});

describe('a store that takes the condition and overwrites', () => {
  test('is looked at before each put, and nothing is written over', async () => {
    await using server = await startCannedS3();
    server.answering = ignoring(server);
    await using backend = await open(server);
    await backend.put('a/1', BODY);
    expect(backend.traits.conditionalPut).toBe(false);
    expect([...server.objects]).toEqual([['p/a/1', BODY]]);
    await backend.put('a/1', BODY);
    await expect(backend.put('a/1', BODY.subarray(1))).rejects.toMatchObject({ code: 'backend/already-exists' });
    const other = Buffer.from('abcdefghij');
    await expect(backend.put('a/1', other)).rejects.toMatchObject({ code: 'backend/already-exists' });
    expect(server.objects.get('p/a/1')).toEqual(BODY);
    expect(putsOf(server).length).toBe(2);
  });

  test('of many puts of a name in this process one wins', async () => {
    await using server = await startCannedS3();
    server.answering = ignoring(server);
    await using backend = await open(server);
    const puts = Array.from({ length: 20 }, (_, i) => backend.put('a/1', Buffer.from(`body ${i}`)));
    const results = await Promise.allSettled(puts);
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(1);
  });

  test('waiting for a turn ends when the signal says so', async () => {
    await using server = await startCannedS3();
    await using backend = await open(server);
    const controller = new AbortController();
    const [first, second] = [backend.put('a/1', BODY), backend.put('a/1', BODY, { signal: controller.signal })];
    controller.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    await first;
    await backend.put('a/1', BODY);
  });
});

describe('a store that refuses a header', () => {
  test.for([
    [501, 'NotImplemented', 'A header you provided implies functionality that is not implemented'],
    [400, 'InvalidArgument', "Unsupported header 'if-none-match' received for this API call."],
  ] as const)('the condition, with %i', async ([status, code, message]) => {
    await using server = await startCannedS3((request) =>
      request.method === 'PUT' && 'if-none-match' in request.headers ? refusal(status, code, message) : null,
    );
    await using backend = await open(server);
    await backend.put('a/1', BODY);
    await backend.put('a/2', BODY);
    expect(backend.traits.conditionalPut).toBe(false);
    expect(putsOf(server).length).toBe(3);
    await expect(backend.put('a/1', BODY.subarray(1))).rejects.toMatchObject({ code: 'backend/already-exists' });
    expect(putsOf(server).at(-1)?.headers['x-amz-checksum-sha256']).toBe(digest('sha256'));
  });

  test('the checksum: MD5 is sent instead, and the condition kept', async () => {
    const refused = refusal(
      400,
      'InvalidArgument',
      "Unsupported header 'x-amz-checksum-sha256' received for this API call.",
    );
    await using server = await startCannedS3(({ headers }) =>
      'x-amz-checksum-sha256' in headers || 'x-amz-checksum-mode' in headers ? refused : null,
    );
    await using backend = await open(server);
    await backend.put('a/1', BODY);
    await backend.put('a/1', BODY);
    expect(backend.traits.conditionalPut).toBe(true);
    expect(putsOf(server).at(-1)?.headers).toMatchObject({ 'content-md5': digest('md5'), 'if-none-match': '*' });
  });

  test('both', async () => {
    await using server = await startCannedS3(({ headers }) =>
      'x-amz-checksum-sha256' in headers || 'if-none-match' in headers
        ? refusal(501, 'NotImplemented', 'a header')
        : null,
    );
    await using backend = await open(server);
    await backend.put('a/1', BODY);
    await backend.put('a/2', BODY);
    expect([...server.objects.keys()]).toEqual(['p/a/1', 'p/a/2']);
    expect(putsOf(server).at(-1)?.headers['content-md5']).toBe(digest('md5'));
  });

  test('anything else is an error', async () => {
    await using server = await startCannedS3(({ method }) =>
      method === 'PUT' ? refusal(400, 'InvalidArgument', 'the storage class is wrong') : null,
    );
    await using backend = await open(server);
    const error = { code: 'backend/unavailable', context: { transient: false } };
    await expect(backend.put('a/1', BODY)).rejects.toMatchObject(error);
    expect(putsOf(server).length).toBe(1);
  });
});

describe('what is stored with an object', () => {
  test.for([
    ['STANDARD_IA', 'STANDARD_IA', 'STANDARD_IA'],
    ['DEEP_ARCHIVE', 'DEEP_ARCHIVE', undefined],
  ] as const)('class %s: of shards %s, of the rest %s', async ([storageClass, ofShards, ofRest]) => {
    await using server = await startCannedS3();
    const serverSideEncryption = { algorithm: 'aws:kms', kmsKeyId: 'key-1' } as const;
    await using backend = await open(server, { storageClass, serverSideEncryption });
    for (const name of ['shards/ab/1', 'index/1']) {
      await backend.put(name, BODY);
      const headers = putsOf(server).at(-1)?.headers;
      expect(headers?.['x-amz-storage-class']).toBe(name === 'index/1' ? ofRest : ofShards);
      expect(headers?.['x-amz-server-side-encryption']).toBe('aws:kms');
      expect(headers?.['x-amz-server-side-encryption-aws-kms-key-id']).toBe('key-1');
    }
  });
});

test('a put that the store does not answer can be given up', async () => {
  const controller = new AbortController();
  await using server = await startCannedS3();
  await using backend = await open(server);
  await backend.put('a/1', BODY);
  server.answering = ({ method }) => {
    if (method !== 'PUT') return null;
    setImmediate(() => controller.abort(new Error('enough')));
    return { status: 200, isSilent: true };
  };
  await expect(backend.put('a/2', BODY, { signal: controller.signal })).rejects.toThrow('enough');
  server.answering = () => null;
  await backend.put('a/2', BODY);
});
