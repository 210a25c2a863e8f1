import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../../src/backends/backend.ts';
import { openS3 } from '../../../../src/backends/s3/open-s3.ts';
import type { ValenceError } from '../../../../src/core/errors.ts';
import { isValenceError } from '../../../../src/core/errors.ts';
import type { CannedAnswer, CannedS3 } from '../../../support/canned-s3.ts';
import { BUCKET, refusal, startCannedS3 } from '../../../support/canned-s3.ts';

const KEY_ID = 'AKIDEXAMPLE1234567';
const SECRET = 'wJalrXUtnFEMIsecretbPxRfiCYEXAMPLEKEY';
const TOKEN = 'session/token+that/is/very/secret==';
const NOW = Date.parse('2026-05-04T03:02:01Z');

function open(server: CannedS3, more: { readonly openMs?: number } = {}): Promise<Backend> {
  const credentials = { kind: 'keys', accessKeyId: KEY_ID, secretAccessKey: SECRET, sessionToken: TOKEN } as const;
  const endpoint = server.endpoint.replace('http://', 'http://user:hunter2@');
  return openS3({
    name: 'b2',
    bucket: BUCKET,
    prefix: 'v/',
    endpoint,
    credentials,
    clock: { now: () => NOW },
    ...more,
  });
}

/** What `get` of an object that is there rejects with when the store answers it so. */
async function errorOf(answer: CannedAnswer): Promise<ValenceError> {
  await using server = await startCannedS3(({ method, key }) => (method === 'GET' && key !== '' ? answer : null));
  await using backend = await open(server);
  await backend.put('a/1', new Uint8Array(1));
  const error: unknown = await backend.get('a/1').catch((caught: unknown) => caught);
  if (!isValenceError(error)) throw new Error('no error of ours', { cause: error });
  return error;
}

describe('what a store refuses becomes', () => {
  test.for([
    ['backend/denied', 403, 'AccessDenied', 'Access Denied'],
    ['backend/denied', 403, 'InvalidAccessKeyId', `The key id ${KEY_ID} does not exist`],
    ['backend/denied', 403, 'SignatureDoesNotMatch', 'The signature does not match'],
    ['backend/denied', 400, 'ExpiredToken', 'The provided token has expired'],
    ['backend/denied', 403, 'RequestTimeTooSkewed', 'The difference is too large'],
    ['backend/denied', 401, 'Unauthorized', 'who are you'],
    ['backend/full', 403, 'QuotaExceeded', 'Your bucket is over its quota'],
    ['backend/full', 507, 'XMinioStorageFull', 'no space'],
    ['backend/full', 507, 'Whatever', 'whatever'],
    ['backend/full', 403, 'AccessDenied', 'Cannot upload files, storage cap exceeded.'],
    ['backend/locked', 403, 'AccessDenied', 'Access Denied because object protected by object lock.'],
    ['backend/not-found', 404, 'NoSuchKey', 'The specified key does not exist.'],
    ['backend/unavailable', 404, 'NoSuchBucket', 'The specified bucket does not exist'],
    ['backend/unavailable', 503, 'SlowDown', 'Please reduce your request rate.'],
    ['backend/unavailable', 403, 'AccessDenied', 'Cannot download file, transaction (Class B) cap exceeded.'],
  ] as const)('%s: %i %s, %s', async ([code, status, storeCode, message]) => {
    const error = await errorOf(refusal(status, storeCode, message));
    expect(error).toMatchObject({
      code,
      context: { backend: 'b2', operation: 'get', object: 'a/1', storeCode, status },
    });
    expect(error.message).toMatch(/^backend b2: get a\/1: [^A-Z]/);
    expect(error.message).not.toMatch(/\.$/);
  });

  test.for([
    [500, 'InternalError', true],
    [502, 'BadGateway', true],
    [503, 'SlowDown', true],
    [429, 'TooManyRequests', true],
    [400, 'RequestTimeout', true],
    [409, 'OperationAborted', true],
    [404, 'NoSuchBucket', false],
    [400, 'MalformedThing', false],
    [301, 'PermanentRedirect', false],
  ] as const)('something that is worth another try or not: %i %s', async ([status, code, transient]) => {
    expect(await errorOf(refusal(status, code, 'no'))).toMatchObject({
      code: 'backend/unavailable',
      context: { transient },
    });
  });

  test.for([
    ['17', 17_000],
    ['Mon, 04 May 2026 03:02:31 GMT', 30_000],
    ['Mon, 04 May 2026 03:00:00 GMT', 0],
    ['99999999', 3_600_000],
  ] as const)('a wish to be left alone: %s', async ([header, retryAfterMs]) => {
    const error = await errorOf(refusal(503, 'SlowDown', 'slow down', { headers: { 'retry-after': header } }));
    expect(error.context).toMatchObject({ retryAfterMs });
  });

  test.for([
    refusal(400, 'AuthorizationHeaderMalformed', 'wrong', { fields: { Region: 'eu-central-1' } }),
    refusal(400, 'AuthorizationHeaderMalformed', "the region 'us-east-1' is wrong; expecting 'eu-central-1'"),
    refusal(301, 'PermanentRedirect', 'elsewhere', { headers: { 'x-amz-bucket-region': 'eu-central-1' } }),
  ])('the right region, where the answer tells it', async (answer) => {
    const error = await errorOf(answer);
    expect(error).toMatchObject({ code: 'backend/unavailable', context: { transient: false, region: 'eu-central-1' } });
    expect(error.hint).toContain('region: eu-central-1');
  });

  test('something temporary, where the answer is no S3 at all', async () => {
    const error = await errorOf({
      status: 502,
      headers: { 'content-type': 'text/html' },
      body: '<html><p>Bad gateway',
    });
    expect(error).toMatchObject({ code: 'backend/unavailable', context: { transient: true } });
  });
});

describe('no error carries a secret', () => {
  const echo = `${KEY_ID} ${SECRET} ${TOKEN} hunter2`;

  test.for([
    refusal(403, 'SignatureDoesNotMatch', `bad ${echo}`, {
      fields: { AWSAccessKeyId: KEY_ID, StringToSign: SECRET, CanonicalRequest: `x-amz-security-token:${TOKEN}` },
    }),
    refusal(400, 'ExpiredToken', echo, { fields: { 'Token-0': TOKEN } }),
    refusal(501, 'NotImplemented', echo, { fields: { Header: SECRET, Region: SECRET, StorageClass: TOKEN } }),
    refusal(500, SECRET, echo),
    { status: 200, body: `<html>${echo}`, cutAfter: 3 },
  ])('whatever the store repeats', async (answer) => {
    const error = await errorOf(answer);
    const shown = `${inspect(error, { depth: 20, showHidden: true })} ${JSON.stringify(error)} ${error.hint} ${error.stack}`;
    for (const secret of [SECRET, TOKEN, KEY_ID, 'hunter2']) expect(shown).not.toContain(secret);
  });

  test('nor the location', async () => {
    await using server = await startCannedS3();
    await using backend = await open(server);
    expect(backend.location).toBe(`s3://bucket/v/ at ${new URL(server.endpoint).host}`);
  });

  test('a token that was not given to us is not shown either', async () => {
    const error = await errorOf(refusal(400, 'InvalidToken', 'token FwoGZXIvYXdzEBYaDKm2Zs9Xk3QxO7bX8fgh+/a== is bad'));
    expect(String(error.cause)).toContain('token *** is bad');
  });
});

test.for(['no url hunter2', 'ftp://user:hunter2@host', 'user:hunter2@host'])('%s is no endpoint', async (endpoint) => {
  const credentials = { kind: 'environment' } as const;
  const error: unknown = await openS3({ name: 'b2', bucket: BUCKET, prefix: '', endpoint, credentials }).catch(
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({ code: 'internal/invariant' });
  expect(inspect(error, { showHidden: true })).not.toContain('hunter2');
});

describe('what never arrives', () => {
  test('nobody listens', async () => {
    const server = await startCannedS3();
    const backend = await open(server);
    await server[Symbol.asyncDispose]();
    await expect(backend.get('a/1')).rejects.toMatchObject({
      code: 'backend/unavailable',
      context: { transient: true },
    });
    await backend[Symbol.asyncDispose]();
  });

  test('opening a store that says nothing ends', async () => {
    await using server = await startCannedS3(() => ({ status: 200, isSilent: true }));
    await expect(open(server, { openMs: 50 })).rejects.toMatchObject({
      code: 'backend/unavailable',
      message: 'backend b2: open: no answer within 0.05 s',
      context: { operation: 'open', transient: true },
    });
  });

  test('opening says what is wrong', async () => {
    await using server = await startCannedS3(() => refusal(404, 'NoSuchBucket', 'no such bucket'));
    await expect(open(server)).rejects.toMatchObject({
      code: 'backend/unavailable',
      context: { operation: 'open', transient: false },
      hint: expect.stringContaining('make the bucket'),
    });
  });

  test.for([
    ['there is no bucket', { status: 404, body: '' }],
    ['there is no bucket', refusal(404, 'NotFound', 'nothing here')],
    ['does not speak S3', { status: 404, body: '404 page not found' }],
    ['does not speak S3', { status: 200, body: 'Hello, world' }],
  ] as const)('opening says that %s', async ([reason, answer]) => {
    await using server = await startCannedS3(() => answer);
    await expect(open(server)).rejects.toMatchObject({
      code: 'backend/unavailable',
      message: expect.stringContaining(reason),
      context: { operation: 'open', transient: false },
      hint: expect.stringContaining('endpoint'),
    });
  });
});
