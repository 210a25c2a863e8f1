import { beforeEach, describe, expect, it, vi } from 'vitest';
import { backup, resetLibrary } from './mocked-library.ts';
import { runCli } from './run-cli.ts';

vi.mock('../../src/app.ts', async () => (await import('./mocked-library.ts')).app);

beforeEach(resetLibrary);

describe('backup config', () => {
  const cases = [
    [[], null],
    [
      ['--add-backend', 'nas', '--type', 'directory', '--path', '/n', '--domain', 'home'],
      { kind: 'add-backend', name: 'nas', type: 'directory', settings: { path: '/n', domain: 'home' } },
    ],
    [
      ['--add-backend', 'directory', '--path', '/n'],
      { kind: 'add-backend', name: 'directory', type: null, settings: { path: '/n' } },
    ],
    [
      ['--tier', 'daily', '--backends', 'a, b,c', '--erasure', '2/3'],
      { kind: 'set-tier', name: 'daily', backends: ['a', 'b', 'c'], profile: { kind: 'erasure', k: 2, n: 3 } },
    ],
    [
      ['--tier', 'daily', '--copies', '2'],
      { kind: 'set-tier', name: 'daily', backends: null, profile: { kind: 'copies', count: 2 } },
    ],
    [
      ['--tier', 'daily', '--survives', '0', '--lock', '30d', '--storage-class', 'STANDARD_IA'],
      {
        kind: 'set-tier',
        name: 'daily',
        backends: null,
        profile: null,
        survives: 0,
        lock: '30d',
        storageClass: 'STANDARD_IA',
      },
    ],
    [
      ['--add-backend', 'b2', '--bucket', 'B', '--region', 'eu-central-003', '--key-id', 'ID', '--key', 'env:B2_KEY'],
      {
        kind: 'add-backend',
        name: 'b2',
        type: null,
        settings: { bucket: 'B', region: 'eu-central-003', 'key-id': 'ID', key: 'env:B2_KEY' },
      },
    ],
    [
      [
        '--set-backend',
        'b2',
        '--limits',
        'upload=10MB/s,concurrency=4',
        '--prices',
        'per-gib-month=0.006,currency=EUR',
        '--no-path-style',
        '--read-only',
        '--unset',
        'prefix,domain',
      ],
      {
        kind: 'set-backend',
        name: 'b2',
        settings: {
          'path-style': false,
          limits: { upload: '10MB/s', concurrency: 4 },
          prices: { 'per-gib-month': 0.006, currency: 'EUR' },
          'read-only': true,
          prefix: null,
          domain: null,
        },
      },
    ],
    [
      [
        '--add-backend',
        'ipfs',
        '--domain',
        'provider=aws,owner=me',
        '--pinning',
        'endpoint=https://p.example/psa,token=env:T',
      ],
      {
        kind: 'add-backend',
        name: 'ipfs',
        type: null,
        settings: {
          pinning: [{ endpoint: 'https://p.example/psa', token: 'env:T' }],
          domain: { provider: 'aws', owner: 'me' },
        },
      },
    ],
    [['--remove-backend', 'nas'], { kind: 'remove-backend', name: 'nas' }],
  ] as const;

  it.for(cases)('%j', async ([argv, edit]) => {
    const edits: unknown[] = [];
    backup({
      config: async (asked) => {
        edits.push(asked);
        const profile = { kind: 'erasure', k: 2, n: 3 } as const;
        return {
          type: 'configuration',
          file: '/h/valence.yaml',
          vaultId: null,
          backends: [{ name: 'a', type: 'directory', location: '/a', domains: ['device:a'], readOnly: false }],
          tiers: [{ name: 'daily', backends: ['a'], profile, survives: 1, required: 1, lock: null }],
          notes: [],
        };
      },
    });
    const { exit, stdout } = await runCli(['backup', 'config', ...argv]);
    expect(exit).toBe(0);
    expect(edits).toEqual([edit]);
    expect(stdout).toMatch(/TIER +PROFILE +SURVIVES +LOCK +BACKENDS\ndaily +2\/3 +1 +- +a\n$/);
  });
});
