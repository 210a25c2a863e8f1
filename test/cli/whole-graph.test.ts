import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { openValence as open, Valence } from '../../src/app.ts';
import { beliefId } from '../support/sample-knowledge.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { library } from './mocked-library.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

// The real library, opened once for all command lines: opening an embedded database takes a second.
vi.mock('../../src/app.ts', async () => (await import('./mocked-library.ts')).app);
const { openValence } = await vi.importActual<{ readonly openValence: typeof open }>('../../src/app.ts');

const edge = (source: number, target: number, type: string, rest: object = {}): object => ({
  ...{ source: beliefId(source), target: beliefId(target), type, ...rest },
});

/** A circle of derivation 1 → 2 → 3 → 1 that 4 supports for a year; 5 against 6; 7 alone and archived. */
const LINES = [
  {
    ...{ id: beliefId(1), content: 'one\u001b[2J', confidence: 0.5, domains: ['physics', 'ice'] },
    ...{ provenance: { source_type: 'book', source_id: 'b1' }, embedding: [1, 0, 0.5] },
  },
  { id: beliefId(2), content: 'two', confidence: 0.75 },
  { id: beliefId(3), content: 'three' },
  { id: beliefId(4), content: 'four' },
  { id: beliefId(5), content: 'five', domains: ['physics'] },
  { id: beliefId(6), content: 'six' },
  { id: beliefId(7), content: 'seven', status: 'archived' },
  edge(1, 2, 'derives_from'),
  edge(2, 3, 'derives_from', { weight: 0.5 }),
  edge(3, 1, 'derives_from'),
  edge(4, 1, 'supports', { weight: 0.25, valid_from: '2020-01-01T00:00:00Z', valid_until: '2021-01-01T00:00:00Z' }),
  edge(5, 6, 'contradicts'),
];
const SCOPE = { as_of: null, known_at: null, more: 0 };
const ALL_TYPES = ['supports', 'contradicts', 'supersedes', 'derives_from'];
const DIRECTED = ['supports', 'supersedes', 'derives_from'];

describe('queries over the whole graph', () => {
  let folder: TemporaryFolder;
  let valence: Valence;

  async function cli(...argv: string[]): Promise<CliResult> {
    return runCli(['graph', ...argv]);
  }

  async function json(...argv: string[]): Promise<Record<string, unknown>[]> {
    const { exit, stdout, stderr } = await cli(...argv, '--json');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    return jsonLines(stdout);
  }

  async function text(...argv: string[]): Promise<string> {
    const { exit, stdout } = await cli(...argv);
    expect(exit).toBe(0);
    return stdout;
  }

  async function failure(...argv: string[]): Promise<Record<string, unknown>> {
    const { stdout, stderr, exit } = await cli(...argv, '--json');
    expect(stdout).toBe('');
    const [error] = jsonLines(stderr);
    return { exit, code: error?.['code'] };
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    valence = openValence({ home: join(folder.path, 'home'), env: {} });
    library.valence = valence;
    await valence.init();
    const stdin = LINES.map((line) => JSON.stringify(line)).join('\n');
    await runCli(['import', '-', '--model', 'tiny'], { stdin });
  });

  afterAll(async () => {
    await valence[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('lists components, largest first, and the summary last', async () => {
    const component = (number: number, size: number): object => ({
      ...{
        type: 'component',
        name: beliefId(number),
        size,
        belief: { type: 'belief', id: beliefId(number) },
        members: null,
      },
    });
    const summary = { type: 'components', components: 3, beliefs: 7, largest: 4, alone: 1, types: ALL_TYPES, ...SCOPE };
    expect(await json('components')).toMatchObject([
      component(1, 4),
      component(5, 2),
      component(7, 1),
      { ...summary, shown: 3 },
    ]);
    expect(await json('components', '--min-size', '2', '--limit', '1')).toMatchObject([
      component(1, 4),
      { ...summary, shown: 1, more: 1 },
    ]);
    expect(await json('components', '--types', 'supports,contradicts')).toMatchObject([
      ...[component(1, 2), component(5, 2), component(2, 1), component(3, 1), component(7, 1)],
      { components: 5, types: ['supports', 'contradicts'] },
    ]);
    expect(await text('components')).toBe(
      [
        'BELIEFS  COMPONENT, BY ITS LEAST ID',
        `4        ${beliefId(1)}  0.50  one\\u001b[2J`,
        `2        ${beliefId(5)}  1.00  five`,
        `1        ${beliefId(7)}  1.00 [archived]  seven`,
        '3 components of 7 beliefs, 1 of one alone\n',
      ].join('\n'),
    );
    expect(await text('components', '--limit', '1')).toContain('; 2 more are not shown: --limit shows more\n');
  });

  it('lists what the component of a belief holds', async () => {
    const [component, summary] = await json('components', '--of', beliefId(4), '--limit', '3');
    expect(component).toMatchObject({
      ...{ name: beliefId(1), size: 4 },
      members: { beliefs: [1, 2, 3].map((number) => ({ id: beliefId(number) })), more: 1 },
    });
    expect(summary).toMatchObject({ components: 3, shown: 1, more: 0 });
    expect(await text('components', '--of', beliefId(4), '--limit', '3')).toMatch(
      /^component .*: 4 beliefs\n(  0{8}.*\n){3}1 more is not shown: --limit shows more\n$/,
    );
  });

  it('passes over what is not valid at a time', async () => {
    const during = await json('components', '--as-of', '2020-06-01T00:00:00Z');
    expect(during).toMatchObject([{ size: 4 }, { size: 2 }, { size: 1 }, { as_of: '2020-06-01T00:00:00Z' }]);
    const after = await json('components', '--as-of', '2021-01-01T00:00:00Z');
    expect(after).toMatchObject([{ size: 3 }, { size: 2 }, { name: beliefId(4) }, { name: beliefId(7) }, {}]);
    expect(await failure('components', '--as-of', 'yesterday')).toEqual({ exit: 2, code: 'usage/invalid' });
    const before = await json('components', '--known-at', '2001-01-01T00:00:00Z');
    expect(before).toMatchObject([{ type: 'components', components: 0, beliefs: 0, largest: 0, shown: 0 }]);
    expect(await text('components', '--known-at', '2001-01-01T00:00:00Z')).toBe(
      '0 components of 0 beliefs, 0 of one alone\n',
    );
    expect(await failure('components', '--of', beliefId(1), '--known-at', '2001-01-01T00:00:00Z')).toEqual({
      ...{ exit: 2, code: 'graph/not-found' },
    });
    expect(await failure('communities', '--of', beliefId(8))).toEqual({ exit: 2, code: 'graph/not-found' });
  });

  it('lists communities with what is central to them', async () => {
    // All of the weight is in one of them; apart, each edge of the circle would be expected more rarely than it is.
    const rows = await json('communities', '--types', 'derives_from');
    expect(rows).toMatchObject([
      {
        ...{ type: 'community', name: beliefId(1), size: 3, members: null },
        central: [1, 2, 3].map((number) => ({ id: beliefId(number) })),
      },
      ...[4, 5, 6, 7].map((number) => ({ size: 1, central: [{ id: beliefId(number) }] })),
      {
        ...{ type: 'communities', communities: 5, beliefs: 7, largest: 3, alone: 4, modularity: 0, resolution: 1 },
        ...{ types: ['derives_from'], ...SCOPE, shown: 5 },
      },
    ]);
    const [, ...more] = await json('communities', '--types', 'derives_from,contradicts', '--min-size', '2');
    expect(more).toMatchObject([
      { name: beliefId(5), size: 2 },
      { more: 0, communities: 4 },
    ]);
    // Strengths 2, 1.5 and 1.5 in one, 1 and 1 in the other, of 7 in all.
    expect(more[1]?.['modularity']).toBeCloseTo(1 - (5 / 7) ** 2 - (2 / 7) ** 2, 12);
    const output = await text('communities', '--limit', '1', '--types', 'derives_from');
    expect(output).toMatch(
      /^BELIEFS  MOST CENTRAL\n3 {8}0{8}.*one.*\n {9}0{8}.*two\n {9}0{8}.*three\n5 communities of 7/,
    );
    expect(output).toContain('modularity 0.0000 at resolution 1; 4 more are not shown');
    const [of] = await json('communities', '--of', beliefId(3), '--limit', '1');
    expect(of).toMatchObject({ size: 4, members: { beliefs: [{ id: beliefId(1) }], more: 3 } });
    expect(await json('communities', '--resolution', '100')).toMatchObject(
      Array.from({ length: 8 }, (_, at) => (at < 7 ? { size: 1 } : { alone: 7, types: DIRECTED })),
    );
    expect((await cli('communities', '--resolution', '0')).exit).toBe(2);
  });

  it('ranks beliefs by votes, around some, by support and in a domain', async () => {
    const rows = await json('rank', '--limit', '3');
    expect(rows.map((row) => row['place'])).toEqual([1, 2, 3, undefined]);
    expect(rows[3]).toMatchObject({
      ...{ type: 'ranks', by: 'pagerank', beliefs: 7, around: [], domain: null, types: DIRECTED, ...SCOPE },
      ...{ shown: 3, more: 4 },
    });
    expect(rows[0]).toMatchObject({ type: 'rank', belief: { id: beliefId(1) } });
    const whole = await json('rank');
    const scores = whole.slice(0, -1).map((row) => Number(row['score']));
    expect(scores.reduce((one, other) => one + other, 0)).toBeCloseTo(1, 9);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    const around = await json('rank', '--around', beliefId(5), '--limit', '2');
    expect(around).toMatchObject([
      { score: 1, belief: { id: beliefId(5) } },
      { score: 0, belief: { id: beliefId(1) } },
      { around: [beliefId(5)] },
    ]);
    const domain = await json('rank', '--domain', 'physics');
    expect(domain).toMatchObject([
      { place: 1, score: scores[0], belief: { id: beliefId(1) } },
      { place: 2, belief: { id: beliefId(5) } },
      { domain: 'physics', beliefs: 7, shown: 2, more: 0 },
    ]);
    const support = await json('rank', '--by', 'support', '--limit', '4');
    expect(support).toMatchObject([
      { score: 1 * 0.75 + 0.25, belief: { id: beliefId(1) } },
      { score: 0.5, belief: { id: beliefId(2) } },
      { score: 0.5, belief: { id: beliefId(3) } },
      { score: 0, belief: { id: beliefId(4) } },
      { by: 'support', types: ['supports', 'derives_from'] },
    ]);
    expect(await failure('rank', '--by', 'support', '--around', beliefId(1))).toEqual({
      exit: 50,
      code: 'graph/refused',
    });
    expect(await json('rank', '--types', 'contradicts', '--limit', '1')).toMatchObject([
      { score: 1 / 7 },
      { types: [] },
    ]);
    expect(await text('rank', '--by', 'support', '--limit', '1')).toBe(
      `PLACE  SCORE  BELIEF\n1      1.000  ${beliefId(1)}  0.50  one\\u001b[2J\n7 beliefs ranked by what supports them; 6 more are not shown: --limit shows more\n`,
    );
    expect(await text('rank', '--around', beliefId(5), '--limit', '1')).toContain(`PageRank around ${beliefId(5)};`);
  });

  it('finds cycles with a shortest way around, and says when there is none', async () => {
    expect(await json('cycles')).toMatchObject([
      {
        ...{ type: 'cycle', name: beliefId(1), size: 3, length: 3 },
        beliefs: [1, 2, 3].map((number) => ({ id: beliefId(number) })),
        edges: [1, 2, 3].map((number) => ({ type: 'edge', source: beliefId(number), edge_type: 'derives_from' })),
      },
      { type: 'cycles', cycles: 1, beliefs: 3, types: DIRECTED, ...SCOPE, shown: 1 },
    ]);
    expect(await json('cycles', '--types', 'contradicts')).toMatchObject([
      { name: beliefId(5), size: 2, length: 2, edges: [{ source: beliefId(5) }, { source: beliefId(5) }] },
      { cycles: 1 },
    ]);
    expect(await text('cycles')).toBe(
      [
        '3 edges around, among 3 beliefs',
        `${beliefId(1)}  0.50  one\\u001b[2J`,
        '  ↓ derives_from (1)',
        `${beliefId(2)}  0.75  two`,
        '  ↓ derives_from (0.5)',
        `${beliefId(3)}  1.00  three`,
        '  ↓ derives_from (1)',
        '  back to the first',
        '',
        '1 group of beliefs that lead back to themselves, 3 beliefs in all\n',
      ].join('\n'),
    );
    expect(await text('cycles', '--types', 'contradicts')).toContain('  ↑ contradicts (1)\n  back to the first\n');
    expect(await json('cycles', '--types', 'supports')).toMatchObject([
      { type: 'cycles', cycles: 0, beliefs: 0, shown: 0 },
    ]);
    expect(await text('cycles', '--types', 'supports')).toBe('no cycles over supports\n');
  });

  it('counts what there is', async () => {
    const [stats, ...rest] = await json('stats');
    expect(rest).toEqual([]);
    expect(stats).toMatchObject({
      type: 'graph-stats',
      beliefs: { total: 7, active: 6, superseded: 0, disputed: 0, archived: 1, isolated: 1, without_source: 6 },
      edges: {
        ...{ live: 5, retired: 0 },
        types: [
          { edge_type: 'supports', live: 1, retired: 0 },
          { edge_type: 'contradicts', live: 1, retired: 0 },
          { edge_type: 'supersedes', live: 0, retired: 0 },
          { edge_type: 'derives_from', live: 3, retired: 0 },
        ],
      },
      degrees: { mean: 10 / 7, median: 1, p95: 3, max: 3 },
      components: { total: 3, largest: 4 },
      sources: { total: 1, retired: 0 },
      embeddings: [{ model: 'tiny', dimensions: 3, beliefs: 1 }],
      domains: {
        total: 2,
        top: [
          { domain: 'physics', beliefs: 2 },
          { domain: 'ice', beliefs: 1 },
        ],
      },
    });
    const hubs = stats?.['hubs'] as { belief: { id: string }; outgoing: number; incoming: number }[];
    expect(hubs.map(({ belief, outgoing, incoming }) => [belief.id, outgoing, incoming])).toEqual([
      [beliefId(1), 1, 2],
      [beliefId(2), 1, 1],
      [beliefId(3), 1, 1],
      [beliefId(4), 1, 0],
      [beliefId(5), 1, 0],
      [beliefId(6), 0, 1],
    ]);
    const tables = stats?.['tables'] as { table: string; bytes: number }[];
    expect(tables).toHaveLength(7);
    for (const { bytes } of tables) expect(bytes).toBeGreaterThan(0);
    expect(await text('stats')).toMatch(
      new RegExp(
        [
          '^beliefs     7     6 active, 1 archived',
          ' {18}6 without a source, 1 without an edge',
          'edges       5     1 supports, 1 contradicts, 3 derives_from',
          'degree      1.43  mean; median 1, p95 3, max 3',
          'components  3     the largest of 4 beliefs',
          'sources     1',
          'domains     2     physics 2, ice 1',
          'embeddings  1     tiny, 3 dimensions',
          '',
          'HUBS',
          `1 out  2 in  ${beliefId(1)}  0.50  one`,
        ].join('\n'),
      ),
    );
  });

  it('answers for an empty base', async () => {
    await using empty = openValence({ home: join(folder.path, 'empty'), env: {} });
    await empty.init();
    library.valence = empty;
    try {
      for (const verb of ['components', 'communities', 'rank', 'cycles', 'stats']) {
        expect(await json(verb)).toHaveLength(1);
        expect(await text(verb)).toMatch(/\b(0|no)\b/);
      }
    } finally {
      library.valence = valence;
    }
  });
});
