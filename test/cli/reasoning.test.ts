import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

const SEEN = '11111111-1111-4111-8111-111111111111';
const WHITE = '22222222-2222-4222-8222-222222222222';
const BLACK = '33333333-3333-4333-8333-333333333333';
const LIVE = '44444444-4444-4444-8444-444444444444';
const OLD = '55555555-5555-4555-8555-555555555555';
const DERIVES = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';

/** 2 derives from 1, which a book says; 3 contradicts 2; 4 supports 1 and 3; 2 supersedes 5. */
const LINES = [
  {
    ...{ id: SEEN, content: 'all swans seen\nwere white', confidence: 0.9, domains: ['birds'] },
    provenance: { source_type: 'book', source_id: 'b1' },
  },
  { id: WHITE, content: 'all swans are white', confidence: 0.8 },
  { id: BLACK, content: 'a black swan\u001b[2J was seen', confidence: 0.5, domains: ['birds'] },
  { id: LIVE, content: 'swans live' },
  { id: OLD, content: 'swans are pale', confidence: 0.25 },
  { id: DERIVES, source: WHITE, target: SEEN, type: 'derives_from', weight: 0.5 },
  { source: WHITE, target: BLACK, type: 'contradicts', weight: 0.5 },
  { source: LIVE, target: SEEN, type: 'supports', weight: 0.5 },
  { source: LIVE, target: BLACK, type: 'supports' },
  { source: WHITE, target: OLD, type: 'supersedes' },
];

describe('asking for reasons from the command line', () => {
  let folder: TemporaryFolder;
  let home = '';
  let source = '';

  const cli = (...argv: string[]): Promise<CliResult> => runCli([...argv, '--home', home]);

  async function json(...argv: string[]): Promise<Record<string, unknown>[]> {
    const { exit, stdout, stderr } = await cli(...argv, '--json');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    return jsonLines(stdout);
  }

  async function text(...argv: string[]): Promise<string> {
    const { exit, stdout, stderr } = await cli(...argv);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).not.toContain('\u001b');
    return stdout;
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    home = join(folder.path, 'home');
    await json('init');
    const file = join(folder.path, 'lines.jsonl');
    await writeFile(file, LINES.map((line) => JSON.stringify(line)).join('\n'));
    await json('import', file);
    source = String((await json('source', 'list'))[0]?.['id']);
  });

  afterAll(() => folder[Symbol.asyncDispose]());

  it('shows what a belief rests on, and what rests on it', async () => {
    expect(await text('graph', 'lineage', '2222')).toBe(
      [
        `${WHITE}  0.80  all swans are white`,
        `  → derives_from (0.5)  ${SEEN}  0.90  all swans seen were white`,
        `    source ${source}  book b1`,
        `    ← supports (0.5)  ${LIVE}  1.00  swans live`,
        'rests on 2 beliefs and 1 source\n',
      ].join('\n'),
    );
    const [lineage] = await json('graph', 'lineage', WHITE, '--depth', '1');
    expect(lineage).toMatchObject({
      ...{ type: 'lineage', belief: WHITE, direction: 'rests-on', stopped: 'hops' },
      beliefs: [
        { id: WHITE, hops: 0, sources: [] },
        { id: SEEN, hops: 1, sources: [source] },
      ],
      steps: [{ edge: { id: DERIVES }, from: WHITE, to: SEEN }],
      sources: [{ id: source }],
    });
    expect(await text('graph', 'lineage', WHITE, '--depth', '1')).toMatch(
      /\nthere are more levels; --depth shows them\n$/,
    );
    const dependents = await text('graph', 'lineage', LIVE, '--dependents', '--max-edges', '2');
    expect(dependents).toMatch(
      /→ supports \(0.5\) {2}1111[^]*2 beliefs rest on it\nstopped at the limit of edges; --max-edges/,
    );
  });

  it('shows what falls with a source', async () => {
    const whole = await text('graph', 'lineage', source);
    expect(whole).toMatch(
      new RegExp(`^source ${source}  book b1\n  ${SEEN}  0.90  all swans seen were white\n1 belief names it\n\n`),
    );
    expect(whole).toMatch(
      /if it is wrong, 2 beliefs lose their ground, 0 become weaker\n {2}no ground {2}0\.9\d\d → 0\.\d{3} {2}1111/,
    );
    const [found] = await json('graph', 'lineage', '--source', source.slice(0, 8));
    expect(found).toMatchObject({
      ...{ type: 'source-lineage', source: { id: source }, named_by: 1, beliefs: [{ id: SEEN }] },
      lost: { ungrounded: 2, weakened: 0, beliefs: [{ before: { grounded: true }, after: { grounded: false } }, {}] },
    });
    expect((await cli('graph', 'lineage', '--source', WHITE)).exit).toBe(2);
    expect((await cli('graph', 'lineage', 'ffff')).exit).toBe(2);
  });

  it('shows versions, the newest first', async () => {
    expect(await text('graph', 'supersession', '5555')).toBe(
      `current     ${WHITE}  0.80  all swans are white\nit          ${OLD}  0.25 [superseded]  swans are pale\n2 versions, 1 of them current\n`,
    );
    expect(await json('graph', 'supersession', WHITE)).toMatchObject([
      {
        type: 'supersession',
        beliefs: [
          { id: WHITE, relation: 'itself', hops: 0, current: true },
          { id: OLD, relation: 'older', hops: 1, current: false },
        ],
        ...{ edges: [{ source: WHITE, target: OLD }], stopped: null },
      },
    ]);
  });

  it('ranks contradictions, and finds what leads to both ends', async () => {
    const shown = await text('graph', 'contradictions', '--grounds');
    expect(shown).toMatch(
      /^0\.250 at stake {2}\S+ {2}weight 0\.5\n {2}2222[^\n]*\n {2}3333[^\n]*\n {2}1 common ground\n {4}4444[^\n]*\(2 and 1 hop away\)\n1 contradiction\n$/,
    );
    expect(await json('graph', 'contradictions', '--domain', 'birds')).toMatchObject([
      { type: 'contradictions', total: 1, contradictions: [{ at_stake: 0.25, open: true, grounds: null }] },
    ]);
    expect(await text('graph', 'contradictions', '--domain', 'fish')).toBe('0 contradictions\n');
    expect((await cli('graph', 'contradictions', '--as-of', 'yesterday')).exit).toBe(2);
  });

  it('weighs reasons, and what would be lost without some', async () => {
    const [propagation] = await json('graph', 'propagate', '--limit', '2');
    expect(propagation).toMatchObject({ type: 'propagation', grounded: 4, ungrounded: 0, total: 4 });
    expect(propagation?.['beliefs']).toHaveLength(2);
    expect((await json('graph', 'propagate', '--all'))[0]).toMatchObject({
      total: 5,
      beliefs: [{ id: OLD, strength: 0, grounded: false, confidence: 0.25 }, {}, {}, {}, {}],
    });
    const shown = await text('graph', 'propagate', '--domain', 'birds', '--limit', '1');
    expect(shown).toMatch(
      /^STATED +STRENGTH +GROUND +BELIEF\n0\.500 +0\.5\d\d +yes +3333[^]*\n4 in use have a ground, 0 have none; 1 more is not shown: --limit shows more\n/,
    );
    expect(await json('graph', 'propagate', '--without', '1111')).toMatchObject([
      { type: 'what-if', without: [{ kind: 'belief', id: SEEN }], lost: { ungrounded: 1, weakened: 0 } },
    ]);
    const without = await text('graph', 'propagate', '--without', source, '--without', DERIVES, '--limit', '1');
    expect(without).toMatch(
      new RegExp(`^without source ${source}\nwithout edge ${DERIVES}\n1 belief loses its ground, 1 becomes weaker\n`),
    );
    expect(without).toMatch(/\n1 more is not shown: --limit shows more\n$/);
    expect((await cli('graph', 'propagate', '--without', '1111', '--domain', 'birds')).exit).toBe(2);
    // Nothing of it was written.
    expect((await json('belief', 'show', WHITE))[0]).toMatchObject({ confidence: 0.8, version: 1 });
  });

  it('checks the graph: notices are no failure, errors are', async () => {
    expect(await text('graph', 'check')).toBe('nothing found\n');
    await json('belief', 'add', 'alone', '--confidence', '0.5');
    expect(await text('graph', 'check')).toMatch(
      /^notice {2}isolated \(1\): beliefs in use that no live edge[^]*\n0 errors, 1 notice\n$/,
    );
    const { openDatabase } = await import('../../src/schema/open-database.ts');
    {
      await using database = await openDatabase({ folder: join(home, 'database'), existing: true });
      await database.execute(`
        SET session_replication_role = replica;
        UPDATE valence.beliefs SET status = 'active' WHERE id = '${OLD}';
        SET session_replication_role = DEFAULT`);
      await database.sync();
    }
    const { exit, stdout } = await cli('graph', 'check', '--json');
    expect(exit).toBe(3);
    expect(jsonLines(stdout)).toMatchObject([
      { type: 'graph-finding', code: 'active-superseded', severity: 'error', count: 1, examples: [OLD] },
      { code: 'isolated' },
      { type: 'graph-check', errors: 1, notices: 1 },
    ]);
    await json('belief', 'set', OLD, '--status', 'superseded');
  });

  it('says what a retirement takes with it', async () => {
    const belief = await text('belief', 'retire', LIVE, '--yes');
    expect(belief).toMatch(/ \[archived\] {2}swans live\nwithout it, 0 beliefs lose their ground, 2 become weaker\n/);
    const [retired] = await json('source', 'retire', source, '--yes');
    expect(retired).toMatchObject({
      ...{ type: 'source', id: source },
      lost: {
        ungrounded: 2,
        beliefs: [{ id: SEEN, before: { grounded: true }, after: { grounded: false, strength: 0 } }, { id: WHITE }],
      },
    });
    expect(await text('source', 'retire', source, '--yes')).toMatch(/^\S+ {2}book b1 \[retired\]\n$/);
  });
});
