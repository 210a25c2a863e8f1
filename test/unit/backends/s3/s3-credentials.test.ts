import { createServer } from 'node:http';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { openS3 } from '../../../../src/backends/s3/open-s3.ts';
import type { S3Credentials } from '../../../../src/backends/s3/s3-options.ts';
import { BUCKET, startCannedS3 } from '../../../support/canned-s3.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

afterEach(() => vi.unstubAllEnvs());

/** The id of the key that a call to the store was signed with, and the session's token. */
async function signedWith(credentials: S3Credentials): Promise<{ id: string | undefined; token: unknown }> {
  await using server = await startCannedS3();
  const { endpoint } = server;
  await using backend = await openS3({ name: 's3', bucket: BUCKET, prefix: '', endpoint, credentials });
  expect(backend.traits.objectLock).toBe(false);
  const headers = server.requests[0]?.headers;
  return {
    id: /Credential=([^/]+)\//.exec(headers?.authorization ?? '')?.[1],
    token: headers?.['x-amz-security-token'],
  };
}

test('keys with a token', async () => {
  const keys = { kind: 'keys', accessKeyId: 'AKID1', secretAccessKey: 'secret', sessionToken: 'token' } as const;
  expect(await signedWith(keys)).toEqual({ id: 'AKID1', token: 'token' });
});

test('a profile, whatever the environment says', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'credentials');
  await writeFile(file, '[vault]\naws_access_key_id = AKID2\naws_secret_access_key = secret\n');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
  vi.stubEnv('AWS_CONFIG_FILE', join(folder.path, 'none'));
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKID3');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  expect((await signedWith({ kind: 'profile', profile: 'vault' })).id).toBe('AKID2');
  expect((await signedWith({ kind: 'environment' })).id).toBe('AKID3');
});

test('a profile that is not there', async () => {
  await using folder = await temporaryFolder();
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder.path, 'none'));
  vi.stubEnv('AWS_CONFIG_FILE', join(folder.path, 'none'));
  const opening = signedWith({ kind: 'profile', profile: 'absent' });
  await expect(opening).rejects.toMatchObject({ code: 'backend/denied', context: { operation: 'open' } });
});

test('the role of the machine', async () => {
  const role = {
    Code: 'Success', Type: 'AWS-HMAC', AccessKeyId: 'AKID4', SecretAccessKey: 'secret', Token: 'role',
    LastUpdated: '2026-01-01T00:00:00Z', Expiration: '2099-01-01T00:00:00Z',
  }; // prettier-ignore
  const machine = createServer(({ url }, response) => {
    if (url?.endsWith('/api/token') === true) response.end('metadata-token');
    else if (url?.endsWith('/security-credentials/') === true) response.end('backup');
    else response.end(JSON.stringify(role));
  }).listen(0, '127.0.0.1');
  await once(machine, 'listening');
  const address = machine.address();
  vi.stubEnv(
    'AWS_EC2_METADATA_SERVICE_ENDPOINT',
    `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
  );
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKID3');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  expect(await signedWith({ kind: 'instance' })).toEqual({ id: 'AKID4', token: 'role' });
  machine.closeAllConnections();
  machine.close();
});
