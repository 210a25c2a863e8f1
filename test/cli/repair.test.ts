import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Valence } from '../../src/app.ts';
import type { BackupCalls, RepairOptions, RepairRecord } from '../../src/app/backup-calls.ts';
import { jsonLines, runCli } from './run-cli.ts';

/** The library behind the command line, as these tests want it. */
const library = vi.hoisted(() => ({ valence: {} as Partial<Valence> }));

vi.mock('../../src/app.ts', () => ({
  openValence: () => ({ ...library.valence, [Symbol.asyncDispose]: async () => {} }),
}));

const RECORD: RepairRecord = {
  type: 'repair',
  tier: 'daily',
  dryRun: false,
  snapshots: 2,
  stripes: 7,
  repaired: 3,
  recoded: 0,
  shards: 6,
  bytesRead: 2048,
  storedBytes: 4096,
  lacking: 0,
  archived: 0,
  lost: [],
  survives: 2,
  promised: 2,
  replaced: null,
  notes: [],
  status: 'ok',
};

let asked: RepairOptions[] = [];

function answer(...records: readonly Partial<RepairRecord>[]): void {
  const repair: BackupCalls['repair'] = async function* (options) {
    asked.push(options);
    for (const record of records) yield { ...RECORD, ...record };
  };
  library.valence = { backup: { repair } as BackupCalls };
}

beforeEach(() => {
  asked = [];
});

describe('backup repair', () => {
  it.for([
    ['ok', 0],
    ['degraded', 3],
    ['lost', 41],
  ] as const)('%s ends with %i', async ([status, exit]) => {
    answer({ status });
    expect((await runCli(['backup', 'repair'])).exit).toBe(exit);
  });

  it('ends with the worst of several tiers', async () => {
    answer({ status: 'degraded' }, {}, { status: 'lost' }, { status: 'degraded' });
    expect((await runCli(['backup', 'repair'])).exit).toBe(41);
  });

  it('passes its options on', async () => {
    answer({});
    await runCli(['backup', 'repair']);
    await runCli(['backup', 'repair', '--tier', 'daily', '--data', '--dry-run', '--replace', 'a=b']);
    expect(asked).toEqual([
      { tier: undefined, data: false, dryRun: false, replace: undefined },
      { tier: 'daily', data: true, dryRun: true, replace: { old: 'a', new: 'b' } },
    ]);
  });

  it('says what it did', async () => {
    answer({ notes: ['/b took no part: it is away'] });
    expect((await runCli(['backup', 'repair'])).stdout).toBe(
      [
        'daily: placed 6 shards of 3 stripes; survives the loss of any 2 failure domains',
        '  looked at 7 stripes of 2 snapshots; read 2.0 KiB, stored 4.0 KiB',
        '  /b took no part: it is away',
        '',
      ].join('\n'),
    );
  });

  it('says what lacks and what is lost', async () => {
    answer({ status: 'degraded', lacking: 2, survives: 1, recoded: 3 });
    const degraded = (await runCli(['backup', 'repair'])).stdout;
    expect(degraded).toContain(
      '3 stripes coded anew; DEGRADED: survives the loss of any 1 failure domain, of 2 promised',
    );
    expect(degraded).toContain('2 shards found no backend');
    const missing = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `shards/${name}`);
    answer({ status: 'lost', survives: -1, lost: [{ what: 'abcd', reason: 'too few', missing }] });
    const lost = (await runCli(['backup', 'repair'])).stdout;
    expect(lost).toContain('LOST: 1 part cannot be had from anywhere');
    expect(lost).toContain('lost: abcd: too few\n    shards/a');
    expect(lost).toContain('and 2 more');
    expect(lost).not.toContain('shards/f');
  });

  it('says nothing of what a dry run has not done', async () => {
    answer({ dryRun: true });
    expect((await runCli(['backup', 'repair', '--dry-run'])).stdout).toContain(
      'would place 6 shards of 3 stripes; would survive',
    );
    answer({ dryRun: true, shards: 0 });
    expect((await runCli(['backup', 'repair', '--dry-run'])).stdout).toContain('nothing to place');
  });

  it('gives the record as JSON', async () => {
    answer({ lost: [{ what: 'x', reason: 'y', missing: ['z'] }] });
    const { stdout } = await runCli(['backup', 'repair', '--json']);
    expect(jsonLines(stdout)).toEqual([{ ...RECORD, lost: [{ what: 'x', reason: 'y', missing: ['z'] }] }]);
  });

  it('asks before it leaves a backend, where it does more than say so', async () => {
    answer({});
    const { exit, stderr } = await runCli(['backup', 'repair', '--replace', 'a=b']);
    expect([exit, asked]).toEqual([2, []]);
    expect(stderr).toContain('from a to b');
    expect((await runCli(['backup', 'repair', '--replace', 'a=b', '--yes'])).exit).toBe(0);
  });

  it.for(['a', 'a=', '=b', 'a=b=c', ''])('refuses --replace %j', async (given) => {
    answer({});
    const { exit } = await runCli(['backup', 'repair', '--replace', given, '--yes']);
    expect([exit, asked]).toEqual([2, []]);
  });
});
