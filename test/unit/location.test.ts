import { describe, expect, test } from 'vitest';
import { parseLocation } from '../../src/config/location.ts';
import type { ValenceError } from '../../src/core/errors.ts';

describe('a location', () => {
  test('is a path', () => {
    expect(parseLocation('/mnt/nas')).toMatchObject({ root: null, backend: { type: 'directory', path: '/mnt/nas' } });
    expect(parseLocation('nas').backend).toMatchObject({ path: `${process.cwd()}/nas` });
  });

  test('is a bucket, with credentials of the environment unless it says otherwise', () => {
    const url = 's3://valence/a/b?endpoint=https://s3.example&region=r1&path-style=true';
    expect(parseLocation(url).backend).toMatchObject({
      type: 's3',
      bucket: 'valence',
      prefix: 'a/b/',
      endpoint: 'https://s3.example',
      region: 'r1',
      pathStyle: true,
      credentials: { kind: 'environment' },
    });
    expect(parseLocation('s3://valence?provider=backblaze&region=r1&key-id=ID&key=env:K').backend).toMatchObject({
      prefix: '',
      credentials: { kind: 'key', keyId: 'ID', key: { kind: 'env', name: 'K' } },
    });
  });

  test('is a folder of an SSH host', () => {
    expect(parseLocation('sftp://ada@nas.local:2222/volume1/v%20x').backend).toMatchObject({
      type: 'sftp',
      host: 'nas.local',
      port: 2222,
      user: 'ada',
      path: '/volume1/v x',
    });
    expect(parseLocation('sftp://ada@[::1]/~/v?identity=file:/k').backend).toMatchObject({
      host: '::1',
      path: 'v',
      login: { kind: 'identity' },
    });
  });

  test('may hold a plus, as fingerprints do', () => {
    const fingerprint = `SHA256:${'a+/B'.repeat(10)}abc`;
    expect(parseLocation(`sftp://ada@nas/v?host-key=${fingerprint}`).backend).toMatchObject({ hostKey: fingerprint });
  });

  test('is what anybody can read by a content id, or a folder of a node', () => {
    const cid = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi';
    expect(parseLocation(`ipfs://${cid}?gateway=https://ipfs.example`)).toMatchObject({
      root: cid,
      backend: { type: 'ipfs', gateway: 'https://ipfs.example', location: `ipfs://${cid}` },
    });
    expect(parseLocation('ipns://k51abc')).toMatchObject({ root: '/ipns/k51abc' });
    expect(parseLocation('ipfs:///backups/ada?api=http://10.0.0.2:5001')).toMatchObject({
      root: null,
      backend: { folder: '/backups/ada', api: 'http://10.0.0.2:5001' },
    });
  });

  test.for([
    ['gs://bucket', /locations of the kind gs:\/\/ are not known/],
    ['sftp://ada:hunter2@nas/x', /holds a password/],
    ['sftp://nas/x', /user is missing/],
    ['s3://valence?provider=backblaze', /region is missing, which Backblaze B2 needs/],
    ['s3://valence?region=r&key-id=ID&key=hunter2', /key must name a secret/],
    ['s3://valence?region=r&buckt=x', /buckt is not a known key/],
    ['s3://valence?region=r&endpoint=https://a:hunter2@s3.example', /must not hold a user name or a password/],
    ['ipfs://cid/deeper', /nothing stands behind the id/],
    ['sftp://ada@nas/%zz', /no escape/],
  ] as const)('%s is refused', ([text, message]) => {
    try {
      parseLocation(text);
    } catch (error) {
      const { code, message: said, hint } = error as ValenceError;
      expect({ code, hint }).toEqual({ code: 'usage/invalid', hint: expect.any(String) });
      expect(said).toMatch(message);
      expect(said + hint).not.toContain('hunter2');
      return;
    }
    throw new Error('was not refused');
  });
});
