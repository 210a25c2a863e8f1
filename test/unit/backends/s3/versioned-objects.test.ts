import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../../src/backends/backend.ts';
import { openS3 } from '../../../../src/backends/s3/open-s3.ts';
import type { Answering, CannedAnswer, CannedS3 } from '../../../support/canned-s3.ts';
import { BUCKET, refusal, startCannedS3 } from '../../../support/canned-s3.ts';

const credentials = { kind: 'keys', accessKeyId: 'id', secretAccessKey: 'secret' } as const;
const NOW = Date.parse('2026-05-04T00:00:00Z');
const DAY_MS = 24 * 60 * 60 * 1000;

function open(server: CannedS3): Promise<Backend> {
  const clock = { now: () => NOW };
  const objectLock = { mode: 'governance' } as const;
  return openS3({ name: 's3', bucket: BUCKET, prefix: '', endpoint: server.endpoint, credentials, clock, objectLock });
}

function xml(root: string, content: string): CannedAnswer {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: `<${root}>${content}</${root}>` };
}

interface Version {
  readonly id: string;
  readonly body: string;
}

const retention = (mode: string, until: string): CannedAnswer =>
  xml('Retention', `<Mode>${mode}</Mode><RetainUntilDate>${until}</RetainUntilDate>`);

/** A bucket under object lock that holds `a/1` in these versions, the newest first. */
function withVersions(versions: readonly Version[], more: Answering = () => null): Answering {
  return (request) => {
    const { key, query } = request;
    if (query.has('object-lock')) {
      return xml('ObjectLockConfiguration', '<ObjectLockEnabled>Enabled</ObjectLockEnabled>');
    }
    const own = more(request);
    if (own !== null) return own;
    if (query.has('versions')) {
      const entries = versions.map(
        ({ id, body }) => `<Version><Key>a/1</Key><VersionId>${id}</VersionId><Size>${body.length}</Size></Version>`,
      );
      return xml('ListVersionsResult', `<IsTruncated>false</IsTruncated>${entries.join('')}`);
    }
    if (key !== 'a/1' || request.method !== 'GET' || query.has('retention')) return null;
    const asked = versions.find(({ id }) => id === (query.get('versionId') ?? versions[0]?.id));
    return asked === undefined ? refusal(404, 'NoSuchVersion', 'no') : { status: 200, body: asked.body };
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

describe('a version that was written over', () => {
  const versions = [
    { id: 'v3', body: 'thief' },
    { id: 'v2', body: 'right' },
    { id: 'v1', body: 'first' },
  ];

  test('is found by its digest, and the parts of it then too', async () => {
    await using server = await startCannedS3(withVersions(versions));
    await using backend = await open(server);
    expect(Buffer.from(await backend.get('a/1', { digest: digest('right') })).toString()).toBe('right');
    const asked = server.requests.length;
    expect(Buffer.from(await backend.get('a/1', { range: { offset: 1, length: 2 } })).toString()).toBe('ig');
    expect(server.requests.length).toBe(asked + 1);
  });

  test('is read at once where nobody wrote over it', async () => {
    await using server = await startCannedS3(withVersions(versions));
    await using backend = await open(server);
    server.requests.length = 0;
    await backend.get('a/1', { digest: digest('thief') });
    expect(server.requests.length).toBe(1);
  });

  test('is found behind one that is archived or too large', async () => {
    const thief: Answering = ({ key, query, method }) => {
      if (key !== 'a/1' || query.has('versions')) return null;
      if (method === 'GET' && !query.has('versionId')) return { status: 200, body: Buffer.alloc(17 * 1024 * 1024) };
      return query.get('versionId') === 'v1' ? refusal(403, 'InvalidObjectState', 'archived') : null;
    };
    await using server = await startCannedS3(withVersions(versions, thief));
    await using backend = await open(server);
    expect(Buffer.from(await backend.get('a/1', { digest: digest('right') })).toString()).toBe('right');
    await expect(backend.get('a/1')).rejects.toMatchObject({ code: 'backend/archived' });
  });

  test('is not called absent when the store is down', async () => {
    await using server = await startCannedS3(withVersions(versions));
    await using backend = await open(server);
    server.answering = withVersions(versions, ({ key }) => (key === 'a/1' ? refusal(503, 'SlowDown', 'wait') : null));
    const down = { code: 'backend/unavailable', context: { transient: true } };
    await expect(backend.get('a/1', { digest: digest('right') })).rejects.toMatchObject(down);
  });
});

describe('a version that may not be deleted', () => {
  test.for([
    ['backend/locked', retention('COMPLIANCE', '2026-05-05T00:00:00Z')],
    ['backend/denied', retention('COMPLIANCE', '2026-05-03T00:00:00Z')],
    ['backend/denied', refusal(404, 'NoSuchObjectLockConfiguration', 'not locked')],
    ['backend/denied', refusal(403, 'AccessDenied', 'you may not know')],
  ] as const)('is %s', async ([code, lock]) => {
    const answering = withVersions([{ id: 'v1', body: 'x' }], ({ method, query }) => {
      if (method === 'DELETE') return refusal(403, 'AccessDenied', 'Access Denied');
      return query.has('retention') ? lock : null;
    });
    await using server = await startCannedS3(answering);
    await using backend = await open(server);
    await expect(backend.delete('a/1')).rejects.toMatchObject({
      code,
      context: { object: 'a/1', operation: 'delete' },
    });
  });
});

describe('a lock', () => {
  async function locking(lock: CannedAnswer, until: number): Promise<CannedS3['requests']> {
    const answering = withVersions([{ id: 'v1', body: 'x' }], ({ method, query }) => {
      if (!query.has('retention')) return null;
      return method === 'PUT' ? { status: 200 } : lock;
    });
    await using server = await startCannedS3(answering);
    await using backend = await open(server);
    await backend.lock?.('a/1', until);
    return server.requests.filter(({ method }) => method === 'PUT');
  }

  test('comes with MD5, which every store takes, and with no other checksum', async () => {
    const [put] = await locking(refusal(404, 'NoSuchObjectLockConfiguration', 'none'), NOW + DAY_MS + 1);
    expect(put?.query.get('versionId')).toBe('v1');
    expect(put?.headers['content-md5']).toBe(
      createHash('md5')
        .update(put?.body ?? '')
        .digest('base64'),
    );
    expect(Object.keys(put?.headers ?? {}).filter((name) => name.includes('checksum'))).toEqual([]);
    expect(String(put?.body)).toContain('<Mode>GOVERNANCE</Mode>');
    expect(String(put?.body)).toMatch(/<RetainUntilDate>2026-05-05T00:00:01(\.000)?Z</);
  });

  test('in compliance stays that', async () => {
    const [put] = await locking(retention('COMPLIANCE', '2026-05-04T12:00:00Z'), NOW + DAY_MS);
    expect(String(put?.body)).toContain('<Mode>COMPLIANCE</Mode>');
  });

  test('that is long enough is left alone', async () => {
    expect(await locking(retention('GOVERNANCE', '2026-05-05T00:00:00Z'), NOW + DAY_MS)).toEqual([]);
  });

  test('of a key that may not look is set all the same', async () => {
    expect((await locking(refusal(403, 'AccessDenied', 'no'), NOW + DAY_MS)).length).toBe(1);
  });
});

test('an object is put locked, unless the lock is over already', async () => {
  await using server = await startCannedS3(withVersions([]));
  await using backend = await open(server);
  await backend.put('b/1', Buffer.from('x'), { lockedUntil: NOW + DAY_MS });
  await backend.put('b/2', Buffer.from('x'), { lockedUntil: NOW });
  const puts = server.requests.filter(({ method, headers }) => method === 'PUT' && headers['if-none-match'] === '*');
  const locks = new Map(puts.map(({ key, headers }) => [key, headers['x-amz-object-lock-retain-until-date']]));
  expect(String(locks.get('b/2'))).toBe('undefined');
  const [first] = puts;
  expect(first?.headers['x-amz-object-lock-mode']).toBe('GOVERNANCE');
  expect(first?.headers['x-amz-object-lock-retain-until-date']).toMatch(/^2026-05-05T00:00:00(\.000)?Z$/);
});
