import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { MergePlanned, RestoreEvent } from '../../src/app/backup-calls.ts';
import { ValenceError } from '../../src/core/errors.ts';
import { SNAPSHOT, backup, each, resetLibrary } from './mocked-library.ts';
import { runCli } from './run-cli.ts';

vi.mock('../../src/app.ts', async () => (await import('./mocked-library.ts')).app);

beforeEach(resetLibrary);

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
        return each<RestoreEvent>(
          plan,
          queryable,
          { type: 'index', model: 'm', language: null, state: 'built' },
          restored,
        );
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
