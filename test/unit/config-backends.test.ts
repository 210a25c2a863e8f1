import { describe, expect, test } from 'vitest';
import { ConfigFile } from '../../src/config/config-file.ts';
import { configForSnapshot, configFromSnapshot } from '../../src/config/config-snapshot.ts';
import { parseConfig } from '../../src/config/config-text.ts';
import type { BackendConfig } from '../../src/config/schema.ts';
import type { ValenceError } from '../../src/core/errors.ts';

const PATH = '/home/ada/.valence/valence.yaml';

/** A file with one backend `x` of these lines. */
function fileWith(...lines: string[]): string {
  return ['version: 1', 'backends:', '  x:', ...lines.map((line) => `    ${line}`), ''].join('\n');
}

function backend(...lines: string[]): BackendConfig {
  return parseConfig(fileWith(...lines), PATH).config.backends.get('x')!;
}

function refusal(...lines: string[]): { readonly message: string; readonly hint: string | undefined } {
  try {
    backend(...lines);
  } catch (error) {
    const { code, message, hint } = error as ValenceError;
    expect(code).toBe('config/invalid');
    return { message: message.replace(/^valence\.yaml:\d+:\d+: backends\.x\.?/, ''), hint };
  }
  throw new Error('was not refused');
}

const B2 = ['type: s3', 'provider: backblaze', 'region: eu-central-003', 'bucket: valence-ada'];
const AWS = ['type: s3', 'region: eu-central-1', 'bucket: valence-ada'];
const SFTP = ['type: sftp', 'host: nas.local', 'user: ada', 'path: /volume1/valence'];

describe('a backend of each kind, with every key', () => {
  test('directory', () => {
    const config = backend('type: directory', 'path: ../nas/valence', 'mount: ../nas', 'read-only: true');
    expect(config).toMatchObject({
      type: 'directory',
      path: '/home/ada/nas/valence',
      mount: '/home/ada/nas',
      readOnly: true,
      domains: ['device:x'],
      location: '/home/ada/nas/valence',
      prices: { perGibMonth: 0, per1000Puts: 0 },
      written: { type: 'directory', path: '/home/ada/nas/valence', mount: '/home/ada/nas', 'read-only': true },
    });
  });

  test('s3', () => {
    const config = backend(
      'type: s3', 'provider: other', 'endpoint: https://s3.example:9000/', 'region: north', 'bucket: b-1', 'prefix: a/b/',
      'path-style: false', 'key-id: AKIA5', 'key: file:keys/s3', 'session-token: env:TOKEN', 'storage-class: STANDARD_IA',
      'encryption: aws:kms', 'kms-key: alias/valence', 'object-lock: compliance',
    ); // prettier-ignore
    expect(config).toMatchObject({
      type: 's3',
      provider: 'other',
      endpoint: 'https://s3.example:9000',
      region: 'north',
      bucket: 'b-1',
      prefix: 'a/b/',
      pathStyle: false,
      credentials: {
        kind: 'key',
        keyId: 'AKIA5',
        key: { kind: 'file', path: '/home/ada/.valence/keys/s3' },
        sessionToken: { kind: 'env', name: 'TOKEN' },
      },
      storageClass: 'STANDARD_IA',
      encryption: 'aws:kms',
      kmsKey: 'alias/valence',
      objectLock: 'compliance',
      domains: ['device:x', 'provider:s3.example-9000'],
      prices: null,
      written: { key: 'file:/home/ada/.valence/keys/s3', endpoint: 'https://s3.example:9000/' },
    });
  });

  test('ipfs', () => {
    expect(backend('type: ipfs')).toMatchObject({ api: 'http://127.0.0.1:5001', folder: '/valence/x', pinning: [] });
    const config = backend(
      'type: ipfs', 'api: http://10.0.0.2:5001', 'auth: env:AUTH', 'plain-http: true', 'folder: /backups/ada',
      'gateway: https://ipfs.example', 'pinning: [{ endpoint: https://pin.example/psa, token: "env:PIN" }]', 'ipns: valence',
    ); // prettier-ignore
    expect(config).toMatchObject({
      api: 'http://10.0.0.2:5001',
      auth: { kind: 'env', name: 'AUTH' },
      plainHttp: true,
      folder: '/backups/ada',
      gateway: 'https://ipfs.example',
      pinning: [{ endpoint: 'https://pin.example/psa', token: { kind: 'env', name: 'PIN' } }],
      ipns: 'valence',
    });
  });

  test('sftp', () => {
    expect(backend(...SFTP)).toMatchObject({
      port: 22,
      login: { kind: 'agent' },
      hostKey: null,
      domains: ['device:nas.local'],
    });
    const hostKey = `SHA256:${'A'.repeat(43)}`;
    const config = backend(...SFTP, 'port: 2222', 'identity: file:/k', 'passphrase: env:P', `host-key: ${hostKey}`);
    expect(config).toMatchObject({
      host: 'nas.local',
      port: 2222,
      user: 'ada',
      path: '/volume1/valence',
      login: { kind: 'identity', identity: { kind: 'file', path: '/k' }, passphrase: { kind: 'env', name: 'P' } },
      hostKey,
      location: 'sftp://ada@nas.local:2222/volume1/valence',
    });
    expect(backend(...SFTP, 'password: env:P')).toMatchObject({ login: { kind: 'password' } });
  });

  test('what may be set for each of them', () => {
    const config = backend(
      ...AWS,
      'domain: { device: d, owner: me, region: eu, provider: p }',
      'limits: { upload: 10MB/s, download: 512KiB/s, operations: 300/m, concurrency: 4, timeout: 30s }',
      'prices: { per-1000-puts: 0.1, per-gib-month: 0.2, per-gib-egress: 0.3, currency: EUR }',
    );
    expect(config).toMatchObject({
      domains: ['device:d', 'provider:p', 'owner:me', 'region:eu'],
      limits: {
        uploadBytesPerSecond: 1e7,
        downloadBytesPerSecond: 524_288,
        operationsPerSecond: 5,
        concurrency: 4,
        timeoutMs: 30_000,
      },
      prices: { per1000Puts: 0.1, perGibMonth: 0.2, perGibEgress: 0.3, currency: 'EUR' },
    });
  });
});

describe('an S3 provider', () => {
  test.for([
    [AWS, null, 'provider:aws', false],
    [B2, 'https://s3.eu-central-003.backblazeb2.com', 'provider:backblaze', true],
    [['type: s3', 'provider: wasabi', 'region: eu-central-1', 'bucket: bb1'], 'https://s3.eu-central-1.wasabisys.com', 'provider:wasabi', true],
    [['type: s3', 'provider: storj', 'bucket: bb1'], 'https://gateway.storjshare.io', 'provider:storj', true],
    [['type: s3', 'provider: garage', 'endpoint: http://10.0.0.3:3900', 'bucket: bb1'], 'http://10.0.0.3:3900', 'provider:10.0.0.3-3900', true],
    [['type: s3', 'endpoint: https://x.r2.cloudflarestorage.com', 'bucket: bb1'], 'https://x.r2.cloudflarestorage.com', 'provider:cloudflare', true],
    [['type: s3', 'endpoint: https://s3.us-west-004.backblazeb2.com', 'bucket: bb1'], 'https://s3.us-west-004.backblazeb2.com', 'provider:backblaze', true],
  ] as const)('%j is at %s', ([lines, endpoint, domain, pathStyle]) => {
    expect(backend(...lines)).toMatchObject({ endpoint, pathStyle, domains: ['device:x', domain] });
  }); // prettier-ignore
});

const REFUSED: readonly (readonly [lines: readonly string[], message: string, hint?: string])[] = [
  [['type: directory', 'path: /a', 'bucket: b-1'], 'bucket is not a known key', 'known here: type, path, mount, domain, limits, read-only, prices'],
  [['type: directory', 'path: /a/b', 'mount: /b'], 'mount must be path or a folder above it', 'mount is where the disk or share is mounted, and path lies on it'],
  [['type: directory', 'path: /a', 'mout: /a'], 'mout is not a known key', 'did you mean mount?'],
  [['type: directory', 'path: /a', 'read-only: yes'], 'read-only must be true or false'],
  [[...AWS, 'buckt: x'], 'buckt is not a known key', 'did you mean bucket?'],
  [[...AWS, 'limits: { uplod: 1MB/s }'], 'limits.uplod is not a known key', 'did you mean upload?'],
  [[...AWS, 'limits: { upload: 1 MB }'], 'limits.upload must be bytes a second, like 10MB/s, 512KiB/s or 100Mbit/s'],
  [[...AWS, 'limits: { upload: 0MB/s }'], 'limits.upload must be bytes a second, like 10MB/s, 512KiB/s or 100Mbit/s'],
  [[...AWS, 'limits: { operations: 5 }'], 'limits.operations must be text'],
  [[...AWS, 'limits: { operations: "5" }'], 'limits.operations must be a number of operations a second, like 50/s'],
  [[...AWS, 'limits: { concurrency: 0 }'], 'limits.concurrency must be at least 1'],
  [[...AWS, 'limits: { timeout: 30 s ago }'], 'limits.timeout must be a time, like 30s, 5m, 12h or 30d'],
  [[...AWS, 'prices: { per-gb-month: 1 }'], 'prices.per-gb-month is not a known key', 'did you mean per-gib-month?'],
  [[...AWS, 'prices: { per-gib-month: -1 }'], 'prices.per-gib-month must not be below 0'],
  [[...AWS, 'domain: { provder: aws }'], 'domain.provder is not a known key', 'did you mean provider?'],
  [[...AWS, 'domain: { provider: AWS }'], 'domain.provider must be 1 to 64 of a-z, 0-9, . and -, and begin with a letter or digit'],
  [[...AWS, 'provider: amazon'], 'provider must be one of aws, backblaze, wasabi, cloudflare, storj, filebase, akave, garage, seaweedfs, sia, other'],
  [['type: s3', 'provider: backblaze', 'bucket: b-1'], 'region is missing, which Backblaze B2 needs', 'it is a part of the endpoint that Backblaze B2 shows for the bucket: https://s3.{region}.backblazeb2.com'],
  [['type: s3', 'provider: cloudflare', 'bucket: b-1'], 'endpoint is missing, which Cloudflare R2 needs', 'it is the URL that the provider or your server names for S3'],
  [['type: s3', 'provider: cloudflare', 'endpoint: https://a.r2.cloudflarestorage.com', 'bucket: b-1', 'object-lock: governance'], 'object-lock is nothing that Cloudflare R2 has'],
  [['type: s3', 'region: r'], 'bucket is missing'],
  [[...AWS, 'endpoint: s3.example'], 'endpoint must be an http:// or https:// URL'],
  [[...AWS, 'endpoint: https://u:hunter2@s3.example'], 'endpoint must not hold a user name or a password'],
  [[...AWS, 'endpoint: https://s3.example?key=hunter2'], 'endpoint must end with its path, without ? and #'],
  [[...AWS, 'key-id: ID', 'key: hunter2'], 'key must name a secret, not be one: env:NAME or file:PATH', 'put the secret into a file that only you can read and write file:PATH, or env:NAME'],
  [[...AWS, 'key-id: ID', 'key: 12345'], 'key must be text'],
  [[...AWS, 'key-id: ID', 'key: "env:not a name"'], 'key must name a secret, not be one: env:NAME or file:PATH', 'put the secret into a file that only you can read and write file:PATH, or env:NAME'],
  [[...AWS, 'key-id: ID'], 'key is missing beside key-id', 'name the secret: env:NAME or file:PATH'],
  [[...AWS, 'key: env:K'], 'key-id is missing beside key', 'write the id of the key'],
  [[...AWS, 'session-token: env:K'], 'session-token belongs to key-id and key', 'name them, too'],
  [[...AWS, 'credentials: instance', 'key-id: ID', 'key: env:K'], 'credentials cannot stand beside key-id and key', 'keep one of them'],
  [[...AWS, 'credentials: root:hunter2'], 'credentials must be profile:NAME, instance or environment'],
  [[...AWS, 'storage-class: glacier'], 'storage-class must be a storage class, like STANDARD_IA'],
  [[...AWS, 'object-lock: always'], 'object-lock must be one of governance, compliance'],
  [[...AWS, 'kms-key: k'], 'kms-key belongs to encryption: aws:kms'],
  [[...AWS, 'prefix: /abs'], "prefix must be names of A-Z, a-z, 0-9 and !_.*'()- with / between them, at most 256 characters"],
  [['type: ipfs', 'api: tcp://x'], 'api must be an http:// or https:// URL'],
  [['type: ipfs', 'folder: relative'], 'folder must be a folder of the node, like /valence'],
  [['type: ipfs', 'pinning: [{ endpoint: https://p.example }]'], 'pinning.0.token is missing'],
  [['type: ipfs', 'pinning: [{ endpoint: https://p.example, token: hunter2 }]'], 'pinning.0.token must name a secret, not be one: env:NAME or file:PATH', 'put the secret into a file that only you can read and write file:PATH, or env:NAME'],
  [['type: ipfs', 'pinning: [{ endpoint: https://p.example, tokn: "env:T" }]'], 'pinning.0.token is missing (and 1 more)'],
  [['type: sftp', 'host: nas', 'path: /x'], 'user is missing'],
  [[...SFTP, 'host-key: abc'], 'host-key must be a fingerprint, SHA256:…'],
  [[...SFTP, 'identity: env:KEY'], 'identity must be agent, or file:PATH of a private key'],
  [[...SFTP, 'identity: file:/k', 'password: env:P'], 'password cannot stand beside identity', 'keep one of them'],
  [[...SFTP, 'passphrase: env:P'], 'passphrase belongs to identity: file:PATH'],
  [[...SFTP, 'port: 70000'], 'port must be from 1 to 65535'],
]; // prettier-ignore

describe('a backend that is wrong', () => {
  test.for(REFUSED)('%j', ([lines, message, hint]) => {
    const found = refusal(...lines);
    expect(found.message).toBe(message);
    expect(found.hint).toBe(hint ?? `correct ${PATH}`);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  test.for([
    [
      B2,
      ['type: s3', 'endpoint: https://s3.eu-central-003.backblazeb2.com', 'bucket: valence-ada'],
      'bucket is also that of backend x',
    ],
    [B2, [...B2, 'prefix: deep/er'], 'prefix lies inside that of backend x'],
    [[...B2, 'prefix: a'], [...B2, 'prefix: ab'], null],
    [[...B2, 'prefix: a'], B2, 'bucket holds that of backend x'],
    [SFTP, [...SFTP, 'port: 22'], 'path is also that of backend x'],
    [SFTP, SFTP.map((line) => (line.startsWith('host') ? 'host: other' : line)), null],
    [['type: ipfs'], ['type: ipfs'], null],
    [['type: ipfs', 'folder: /v'], ['type: ipfs', 'folder: /v/w'], 'folder lies inside that of backend x'],
  ] as const)('two backends in one place: %j %j', ([one, two, message]) => {
    const text = `${fileWith(...one)}  y:\n${two.map((line) => `    ${line}\n`).join('')}`;
    const parse = (): unknown => parseConfig(text, PATH);
    if (message === null) expect(parse).not.toThrow();
    else expect(parse).toThrow(`backends.y.${message}`);
  });
});

describe('editing backends', () => {
  test('sets, merges and takes out keys, and keeps comments', () => {
    const file = ConfigFile.create(
      PATH,
      `version: 1
backends:
  # far away
  b2:
    type: s3
    provider: backblaze # cheap
    region: eu-central-003
    bucket: valence-ada
    # slow line
    limits:
      upload: 1MB/s # of two
      concurrency: 2
    prefix: old
`,
    );
    file.setBackend('b2', {
      region: 'us-west-004',
      limits: { upload: '2MB/s', operations: '9/s' },
      domain: { owner: 'me' },
      prefix: null,
    });
    expect(file.text).toBe(`version: 1
backends:
  # far away
  b2:
    type: s3
    provider: backblaze # cheap
    region: us-west-004
    bucket: valence-ada
    # slow line
    limits:
      upload: 2MB/s # of two
      concurrency: 2
      operations: 9/s
    domain:
      owner: me
`);
    expect(() => file.setBackend('b2', { bucket: null })).toThrow('backend b2: bucket is missing');
    expect(() => file.setBackend('b3', {})).toThrow('there is no backend b3');
  });

  test('makes paths absolute from the working folder, also those of secrets', () => {
    const file = ConfigFile.create(PATH);
    file.addBackend('nas', { type: 'sftp', host: 'nas', user: 'ada', path: 'valence', identity: 'file:id' });
    expect(file.text).toContain(`identity: file:${process.cwd()}/id\n`);
    expect(file.text).toContain('path: valence\n');
  });

  test('refuses a tier that loses what it promises by an edit of a backend', () => {
    const file = ConfigFile.create(PATH);
    for (const name of ['a', 'b', 'c']) file.addBackend(name, { type: 'directory', path: `/mnt/${name}` });
    file.setTier('daily', { backends: ['a', 'b', 'c'], profile: { kind: 'erasure', k: 2, n: 3 } });
    const before = file.text;
    expect(() => file.setBackend('c', { domain: { device: 'a' } })).toThrow(
      /daily\.erasure cannot be kept: 2 of the 3 shards/,
    );
    expect(file.text).toBe(before);
    file.setTier('daily', { backends: ['a', 'b', 'c'], profile: { kind: 'erasure', k: 2, n: 3 }, survives: 0 });
    file.setBackend('c', { domain: { device: 'a' } });
    expect(file.config.tiers.get('daily')?.survives).toBe(0);
  });
});

describe('what a snapshot keeps of backends', () => {
  test('is the same configuration, with secrets named', () => {
    const text = [
      fileWith(...B2, 'object-lock: governance', 'key-id: ID', 'key: file:b2.key', 'limits: { upload: 1MB/s }', 'domain: { owner: me }'),
      '  y:', ...SFTP.map((line) => `    ${line}`),
      'tiers:', '  far: { backends: [x, y], copies: 2, survives: 1, lock: 30d, storage-class: STANDARD }', '',
    ].join('\n'); // prettier-ignore
    const { config } = parseConfig(text, PATH);
    const stored = configForSnapshot(config);
    expect(configFromSnapshot(stored)).toEqual(config);
    expect(stored).toContain('key: file:/home/ada/.valence/b2.key');
  });
});
