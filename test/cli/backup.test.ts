import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { VerificationReport } from '../../src/app/backup-calls.ts';
import { ValenceError } from '../../src/core/errors.ts';
import { SNAPSHOT, REPORT, backup, each, library, resetLibrary } from './mocked-library.ts';
import { jsonLines, runCli } from './run-cli.ts';

vi.mock('../../src/app.ts', async () => (await import('./mocked-library.ts')).app);

beforeEach(resetLibrary);

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
