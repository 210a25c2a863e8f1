import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Valence, ValenceOptions } from '../../src/app.ts';
import type {
  BackupCalls,
  MergePlanned,
  RestoreEvent,
  SnapshotRecord,
  VerificationReport,
} from '../../src/app/backup-calls.ts';
import { ValenceError } from '../../src/core/errors.ts';
import { jsonLines, runCli } from './run-cli.ts';

/** The library behind the command line, as these tests want it. */
const library = vi.hoisted(() => ({ valence: {} as Partial<Valence>, options: [] as ValenceOptions[], closed: 0 }));

vi.mock('../../src/app.ts', () => ({
  openValence: (options: ValenceOptions) => {
    library.options.push(options);
    return { ...library.valence, [Symbol.asyncDispose]: async () => void (library.closed += 1) };
  },
}));

const SNAPSHOT: SnapshotRecord = {
  type: 'snapshot',
  id: 'ab'.repeat(32),
  sequence: 7,
  tier: 'daily',
  createdAt: '2026-01-02T03:04:05Z',
  root: 'cd'.repeat(32),
  counts: { beliefs: 1200, belief_edges: 3 },
  logicalBytes: 5_000_000,
  newBytes: 2048,
  storedBytes: 4096,
  survives: 2,
  degraded: false,
  notes: [],
};

const REPORT: VerificationReport = {
  type: 'verification',
  tier: 'daily',
  snapshots: 1,
  stripes: 2,
  shards: 10,
  bytesRead: 0,
  findings: [],
  restorable: true,
  status: 'ok',
};

async function* each<T>(...values: T[]): AsyncGenerator<T, void, undefined> {
  yield* values;
}

function backup(calls: Partial<BackupCalls>): void {
  library.valence = { backup: calls as BackupCalls };
}

beforeEach(() => {
  library.valence = {};
  library.options.length = 0;
  library.closed = 0;
});

describe('backup run', () => {
  it('prints each snapshot as one JSON object, and closes what it opened', async () => {
    backup({ run: ({ tier }) => each(SNAPSHOT, { ...SNAPSHOT, tier: tier ?? 'all' }) });
    const { exit, stdout } = await runCli(['backup', 'run', '--json', '--home', '/h', '--database', 'postgres://d']);
    expect(exit).toBe(0);
    expect(jsonLines(stdout)).toEqual([SNAPSHOT, { ...SNAPSHOT, tier: 'all' }]);
    expect(library.options).toMatchObject([{ home: '/h', database: 'postgres://d' }]);
    expect(library.closed).toBe(1);
  });

  it('ends with 3 when one of them is degraded, and says so', async () => {
    const notes = ['backend c could not be reached'];
    backup({ run: () => each(SNAPSHOT, { ...SNAPSHOT, survives: 1, degraded: true, notes }) });
    const { exit, stdout, stderr } = await runCli(['backup', 'run']);
    expect({ exit, stderr }).toEqual({ exit: 3, stderr: '' });
    expect(stdout).toContain('survives the loss of any 2 failure domains');
    expect(stdout).toContain('degraded: survives the loss of any 1 failure domain, less than the tier promises');
    expect(stdout).toContain(notes[0]);
  });

  it('ends with the status of the error, after what was done before it', async () => {
    backup({
      async *run() {
        yield SNAPSHOT;
        throw new ValenceError('backend/full', 'no space left on b', { hint: 'make room', context: { backend: 'b' } });
      },
    });
    const { exit, stdout, stderr } = await runCli(['backup', 'run', '--json']);
    expect(exit).toBe(33);
    expect(jsonLines(stdout)).toEqual([SNAPSHOT]);
    expect(jsonLines(stderr)).toEqual([
      {
        type: 'error',
        code: 'backend/full',
        exit: 33,
        message: 'no space left on b',
        hint: 'make room',
        context: { backend: 'b' },
      },
    ]);
    expect(library.closed).toBe(1);
  });

  it('hides a defect behind a sentence, and shows its stack on request', async () => {
    backup({
      run: () => {
        throw new TypeError('x is not a function');
      },
    });
    const plain = await runCli(['backup', 'run']);
    expect(plain.exit).toBe(1);
    expect(plain.stderr).toMatch(/^valence: x is not a function\n {2}this is a defect; please report it.*\n$/);
    const traced = await runCli(['backup', 'run'], { env: { VALENCE_DEBUG: '1' } });
    expect(traced.stderr).toContain('at ');
  });
});

describe('backup list and show', () => {
  it('lists from the locations given', async () => {
    const asked: unknown[] = [];
    backup({
      list: (options) => {
        asked.push(options);
        return each(SNAPSHOT);
      },
    });
    const { stdout } = await runCli(['backup', 'list', '--from', '/a', '--from=/b']);
    expect(asked).toEqual([{ from: ['/a', '/b'], warn: expect.any(Function) }]);
    expect(stdout).toMatch(
      /^TIER +# +ID .*\ndaily +7 +abababababab +2026-01-02T03:04:05Z +1,200 +2\.0 KiB +4\.0 KiB +2\n$/,
    );
    expect(jsonLines((await runCli(['backup', 'list', '--json'])).stdout)).toEqual([SNAPSHOT]);
  });

  it('warns on standard error, one line each, and lists all the same', async () => {
    backup({
      list: ({ tier, warn }) => {
        warn?.('/b: it is not there');
        warn?.('/c: it is\u001b[2J empty');
        return each({ ...SNAPSHOT, tier: tier ?? 'all' });
      },
    });
    const people = await runCli(['backup', 'list', '--tier', 'weekly']);
    expect(people.exit).toBe(0);
    expect(people.stdout).toMatch(/\nweekly /);
    expect(people.stderr).toBe('valence: warning: /b: it is not there\nvalence: warning: /c: it is\\u001b[2J empty\n');
    const programs = await runCli(['backup', 'list', '--json']);
    expect(programs.exit).toBe(0);
    expect(jsonLines(programs.stderr)).toEqual([
      { type: 'warning', message: '/b: it is not there' },
      { type: 'warning', message: '/c: it is\u001b[2J empty' },
    ]);
  });

  it('shows one', async () => {
    backup({
      show: async (id) => ({
        ...SNAPSHOT,
        type: 'snapshot',
        id: `${id}00`,
        previous: null,
        writer: 'w',
        generation: 'g',
        schemaVersion: 2,
        engine: 'PostgreSQL 17',
        locations: ['/a', '/b'],
      }),
    });
    const { exit, stdout } = await runCli(['backup', 'show', 'abab']);
    expect(exit).toBe(0);
    expect(stdout).toContain('id          abab00');
    expect(stdout).toContain('found at    /a, /b');
  });
});

describe('backup verify', () => {
  it.for([
    ['ok', 0],
    ['damaged', 3],
    ['chain-broken', 42],
    ['lost', 41],
  ] as const)('%s ends with %i', async ([status, exit]) => {
    backup({ verify: () => each({ ...REPORT, status }) });
    expect((await runCli(['backup', 'verify'])).exit).toBe(exit);
  });

  it('ends with the worst of several tiers, and lists what it found', async () => {
    const finding = {
      kind: 'shard-missing',
      severity: 'error',
      location: '/b',
      object: 'shards/ab/abc',
      detail: 'it is not there',
    } as const;
    backup({ verify: () => each<VerificationReport>({ ...REPORT, status: 'damaged', findings: [finding] }, REPORT) });
    const { exit, stdout } = await runCli(['backup', 'verify', '--data']);
    expect(exit).toBe(3);
    expect(stdout).toContain('error: shard-missing at /b shards/ab/abc: it is not there');
  });

  it('says of many objects of which the same is to be said how many they are, and lists them as JSON', async () => {
    const finding = (
      location: string,
      object: string | null,
      detail: string,
    ): VerificationReport['findings'][number] => ({
      kind: 'unexpected-object',
      severity: 'info',
      location,
      object,
      detail,
    });
    const findings = [
      ...Array.from({ length: 4 }, (_, i) => finding('/a', `shards/ab/${i}`, 'nobody needs it')),
      ...Array.from({ length: 3 }, (_, i) => finding('/b', `shards/cd/${i}`, 'nobody needs it')),
      finding('/a', null, 'and 15 more'),
      { ...finding('/a', 'shards/ef/0', 'it is damaged'), severity: 'warning' } as const,
    ];
    backup({ verify: () => each({ ...REPORT, findings }) });
    const { stdout } = await runCli(['backup', 'verify']);
    expect(stdout.split('\n').slice(2, -1)).toEqual([
      '  info: unexpected-object at /a, 4 objects: nobody needs it; and 15 more',
      '  info: unexpected-object at /b shards/cd/0: nobody needs it',
      '  info: unexpected-object at /b shards/cd/1: nobody needs it',
      '  info: unexpected-object at /b shards/cd/2: nobody needs it',
      '  warning: unexpected-object at /a shards/ef/0: it is damaged',
    ]);
    expect(jsonLines((await runCli(['backup', 'verify', '--json'])).stdout)).toEqual([{ ...REPORT, findings }]);
  });

  it.for([
    ['ok', 0, 'holds no snapshot yet'],
    ['damaged', 3, 'holds no snapshot yet'],
    ['chain-broken', 42, 'the chain of snapshots is broken'],
    ['lost', 41, 'LOST'],
  ] as const)('without snapshots, %s', async ([status, exit, said]) => {
    backup({ verify: () => each({ ...REPORT, snapshots: 0, status }) });
    const result = await runCli(['backup', 'verify']);
    expect(result.exit).toBe(exit);
    expect(result.stdout).toContain(`daily: ${said}`);
  });
});

describe('backup restore', () => {
  const plan: RestoreEvent = {
    type: 'plan',
    snapshot: SNAPSHOT,
    to: '/t',
    stripes: 4,
    bytesToRead: 4096,
    restorable: true,
    findings: [],
    resumed: false,
  };
  const restored: RestoreEvent = {
    type: 'restored',
    snapshot: SNAPSHOT.id,
    to: '/t',
    counts: { beliefs: 1200 },
    root: SNAPSHOT.root,
    orphanEdges: 0,
    orphansFile: null,
    warnings: [],
  };

  it('hands over what was asked, and prints each event', async () => {
    const asked: unknown[] = [];
    const queryable: RestoreEvent = { type: 'queryable', to: '/t', counts: { beliefs: 1200 }, root: SNAPSHOT.root };
    backup({
      restore: (options) => {
        asked.push(options);
        return each<RestoreEvent>(plan, queryable, { type: 'index', model: 'm', state: 'built' }, restored);
      },
    });
    const { exit, stdout } = await runCli([
      'backup',
      'restore',
      '--from',
      'a',
      '--from',
      'b',
      '--to',
      '/t',
      '--key-file',
      'k',
    ]);
    expect(exit).toBe(0);
    expect(asked).toEqual([
      { from: ['a', 'b'], to: '/t', snapshot: 'latest', keyFile: 'k', dryRun: false, warn: expect.any(Function) },
    ]);
    expect(stdout).toMatch(/everything needed is there\nqueryable[^]*vector index of m: built\nrestored {3}\/t\n$/);
  });

  it('ends with 3 when edges were left out, with 41 when a plan cannot be carried out', async () => {
    backup({
      restore: () => each<RestoreEvent>(plan, { ...restored, orphanEdges: 2, orphansFile: '/t/orphans.jsonl' }),
    });
    const orphans = await runCli(['backup', 'restore', '--from', 'a', '--to', '/t']);
    expect(orphans.exit).toBe(3);
    expect(orphans.stdout).toContain('2 edges without both ends left out, listed in /t/orphans.jsonl');
    backup({ restore: () => each<RestoreEvent>({ ...plan, restorable: false }) });
    expect((await runCli(['backup', 'restore', '--from', 'a', '--to', '/t', '--dry-run'])).exit).toBe(41);
  });

  it('names each place that took no part, with its reason, once', async () => {
    const reasons = [
      { location: '/a', reason: 'backend a: /a is gone' },
      { location: '/b', reason: 'no space left' },
      { location: '/b', reason: 'no space left' },
    ];
    backup({
      run: () => {
        throw new ValenceError('backend/unavailable', 'too few', { hint: 'bring them back', context: { reasons } });
      },
    });
    const { exit, stderr } = await runCli(['backup', 'run']);
    expect(exit).toBe(30);
    expect(stderr).toBe('valence: too few\n  backend a: /a is gone\n  /b: no space left\n  bring them back\n');
  });

  it('lists what is missing', async () => {
    backup({
      restore: () => {
        throw new ValenceError('integrity/too-few-shards', '2 stripes cannot be rebuilt', {
          context: { missing: ['shards/ab/1', 'shards/cd/2'] },
        });
      },
    });
    const { exit, stderr } = await runCli(['backup', 'restore', '--from', 'a', '--to', '/t']);
    expect(exit).toBe(41);
    expect(stderr).toBe('valence: 2 stripes cannot be rebuilt\n  shards/ab/1\n  shards/cd/2\n');
  });
});

describe('backup restore --merge', () => {
  const NOTHING = { new: 0, same: 0, conflicting: 0, left: 0 };
  const part: RestoreEvent = {
    type: 'part',
    snapshot: SNAPSHOT,
    to: '/t',
    beliefs: 2,
    hops: 0,
    counts: { beliefs: 2 },
    findings: [],
  };
  const conflict = (reason: string | null): MergePlanned['conflicts'][number] => ({
    table: 'beliefs',
    id: 'a',
    columns: ['confidence'],
    outcome: 'left',
    reason,
  });
  const plan: MergePlanned = {
    type: 'merge-plan',
    to: '/t',
    overwrite: false,
    tables: { beliefs: { ...NOTHING, conflicting: 2 } },
    conflicts: [conflict(null), conflict(null)],
    superseded: [],
    nothingToDo: true,
  };
  const merged: RestoreEvent = {
    type: 'merged',
    snapshot: SNAPSHOT.id,
    to: '/t',
    inserted: { beliefs: 0 },
    overwritten: { beliefs: 0 },
    left: { beliefs: 2 },
    warnings: [],
  };
  const argv = ['backup', 'restore', '--from', 'a', '--beliefs', '00000000-0000-7000-8000-000000000001', '--merge'];

  it('says of conflicts that they stay, and how they would not', async () => {
    backup({ restore: () => each<RestoreEvent>(part, plan, merged) });
    const { exit, stdout } = await runCli(argv);
    expect(exit).toBe(0);
    expect(stdout).toContain('\n2 conflicts stay as they are here; --overwrite takes what the snapshot says\n');
    expect(stdout).toMatch(/\nunchanged {2}\/t: 2 not taken\n$/);
    expect(stdout).not.toContain('nothing to do');
  });

  it('does not promise that overwriting would help where it does not', async () => {
    const stubborn = { ...plan, conflicts: [conflict('it would close a circle')] };
    backup({ restore: () => each<RestoreEvent>(part, stubborn, merged) });
    expect((await runCli(argv)).stdout).toContain('\n1 conflict stays as it is here\n');
    backup({ restore: () => each<RestoreEvent>(part, { ...plan, overwrite: true }, merged) });
    expect((await runCli([...argv, '--overwrite'])).stdout).toContain('\n2 conflicts stay as they are here\n');
  });

  it('counts once in a dry run, and ends with that nothing was written', async () => {
    backup({ restore: () => each<RestoreEvent>(part, plan) });
    const { stdout } = await runCli([...argv, '--dry-run']);
    expect(stdout.match(/^ +beliefs /gm)).toHaveLength(1);
    expect(stdout.match(/nothing was written/g)).toHaveLength(1);
    expect(stdout).toMatch(/\nnothing was written \(--dry-run\)\n$/);
  });

  it('takes blanks after the commas of a list of beliefs', async () => {
    const asked: unknown[] = [];
    backup({
      restore: ({ part: of }) => {
        asked.push(of?.beliefs);
        return each<RestoreEvent>(part, plan, merged);
      },
    });
    const [a, b] = ['00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000000b'];
    expect((await runCli([...argv.slice(0, 5), `${a}, ${b}`, '--merge'])).exit).toBe(0);
    expect(asked).toEqual([[a, b]]);
  });
});

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

describe('keys, vault and doctor', () => {
  it('gives the passphrase of the environment, or says how to give one', async () => {
    const created = { type: 'keys', masterKeyPath: '/m', hostKeyPath: '/h', vaultId: 'v', fingerprint: 'f' } as const;
    const passphrases: (string | undefined)[] = [];
    library.valence = {
      keys: {
        init: async () => {
          passphrases.push(await library.options.at(-1)?.passphrase?.());
          return created;
        },
      },
    };
    const given = await runCli(['keys', 'init', '--json'], { env: { VALENCE_PASSPHRASE: 'correct horse' } });
    expect(jsonLines(given.stdout)).toEqual([created]);
    expect(passphrases).toEqual(['correct horse']);
    const none = await runCli(['keys', 'init']);
    expect(none.exit).toBe(10);
    expect(none.stderr).toContain('set VALENCE_PASSPHRASE');
  });

  it('attaches', async () => {
    library.valence = {
      vault: {
        attach: async ({ from }) => ({
          type: 'attached',
          vaultId: 'v',
          hostKeyPath: '/h',
          backends: from,
          tiers: ['daily'],
        }),
      },
    };
    const { exit, stdout } = await runCli(['vault', 'attach', '--from', 'a', '--from', 'b']);
    expect(exit).toBe(0);
    expect(stdout).toContain('2 backends, 1 tier');
  });

  it('ends with 3 when the doctor found an error', async () => {
    const warning = { type: 'finding', level: 'warning', what: 'one table is not backed up', todo: null } as const;
    library.valence = { doctor: async () => [warning] };
    expect((await runCli(['doctor'])).exit).toBe(0);
    library.valence = { doctor: async () => [{ ...warning, level: 'error', todo: 'do this' }, warning] };
    const { exit, stdout } = await runCli(['doctor']);
    expect({ exit, stdout }).toEqual({
      exit: 3,
      stdout: 'error    one table is not backed up\n  do this\nwarning  one table is not backed up\n',
    });
  });
});
