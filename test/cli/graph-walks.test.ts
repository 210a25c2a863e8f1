import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

const [A, B, C, D, E, F] = 'abcdef'.split('').map((digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`) as [
  ...[string, string, string, string, string, string],
];
const ALL = ['supports', 'contradicts', 'supersedes', 'derives_from'];

/** A supports B, B supports C, A contradicts D, D contradicts C, E derives from D; F is alone. */
const LINES = [
  { id: A, content: 'a', provenance: { source_type: 'book', source_id: 'isbn:1' } },
  ...[B, C, E, F].map((id) => ({ id, content: `belief ${id[0]}` })),
  { id: D, content: 'd', valid_from: '2020-01-01T00:00:00Z', status: 'disputed' },
  { source: A, target: B, type: 'supports', weight: 0.5 },
  { source: B, target: C, type: 'supports', weight: 0.5 },
  { source: A, target: D, type: 'contradicts', weight: 0.875 },
  { source: D, target: C, type: 'contradicts', weight: 0.25 },
  { source: E, target: D, type: 'derives_from', valid_from: '2021-01-01T00:00:00Z' },
].map((line) => JSON.stringify(line));

describe('queries that walk the graph', () => {
  let folder: TemporaryFolder;

  const cli = (...argv: string[]): Promise<CliResult> => runCli([...argv, '--home', join(folder.path, 'home')]);

  async function json(...argv: string[]): Promise<Record<string, unknown>> {
    const { exit, stdout, stderr } = await cli('graph', ...argv, '--json');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const [answer, ...rest] = jsonLines(stdout);
    expect(rest).toEqual([]);
    return answer ?? {};
  }

  async function said(...argv: string[]): Promise<string> {
    const { exit, stdout, stderr } = await cli('graph', ...argv);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    return stdout;
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    await cli('init');
    const home = join(folder.path, 'home');
    await runCli(['import', '-', '--home', home], { stdin: LINES.join('\n') });
  });

  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
  });

  it('shows a tree', async () => {
    const lines = (await said('show', A.slice(0, 4), '--depth', '2')).split('\n');
    expect(lines).toEqual([
      `${A}  1.00  a`,
      expect.stringMatching(/^ {2}source [0-9a-f-]{36} {2}book isbn:1$/),
      `├─ → supports (0.5)  ${B}  1.00  belief b`,
      `│  └─ → supports (0.5)  ${C}  1.00  belief c`,
      `└─ → contradicts (0.875), opposes  ${D}  1.00 [disputed]  d [valid 2020-01-01T00:00:00Z – open]`,
      `   ├─ ← contradicts (0.25), supports  ${C}  1.00  belief c  (also above)`,
      `   └─ ← derives_from (1) [valid 2021-01-01T00:00:00Z – open], opposes  ${E}  1.00  belief e`,
      '5 edges within 2 hops; walked: all types, both directions',
      '',
    ]);
  });

  it('shows the same as JSON', async () => {
    expect(await json('show', A, '--depth', '2', '--types', 'contradicts,derives_from')).toMatchObject({
      ...{ type: 'neighbourhood', depth: 2, more: null, stopped: null, as_of: null, known_at: null },
      ...{ types: ['contradicts', 'derives_from'], direction: 'both' },
      belief: { type: 'belief', id: A },
      sources: [{ type: 'source', source_type: 'book', source_id: 'isbn:1' }],
      edges: [
        { parent: A, direction: 'outgoing', belief: { id: D }, hops: 1, polarity: 'opposes', repeated: false },
        { parent: D, direction: 'incoming', belief: { id: C }, hops: 2, polarity: 'supports', repeated: false },
        { parent: D, direction: 'incoming', belief: { id: E }, hops: 2, polarity: 'opposes', repeated: false },
      ],
    });
    expect(await json('show', F)).toMatchObject({ edges: [], sources: [] });
  });

  it('looks at what was valid or known at a time', async () => {
    const ids = async (...argv: string[]): Promise<unknown> =>
      ((await json('neighbors', A, '--hops', '9', ...argv))['beliefs'] as { id: string }[]).map(({ id }) => id);
    expect(await ids()).toEqual([B, D, C, E]);
    expect(await ids('--as-of', '2020-06-01T00:00:00Z')).toEqual([B, D, C]);
    expect(await ids('--as-of', '2019-06-01T00:00:00Z')).toEqual([B, C]);
    const then = ['--known-at', '2019-06-01T00:00:00Z'];
    expect(await cli('graph', 'neighbors', A, ...then)).toMatchObject({ exit: 2, stdout: '' });
    expect(await cli('graph', 'show', D, '--as-of', '2019-06-01T00:00:00Z')).toMatchObject({ exit: 2, stdout: '' });
    expect(await cli('graph', 'show', D, '--as-of', 'yesterday')).toMatchObject({ exit: 2, stdout: '' });
  });

  it('lists neighbors, and cuts out subgraphs', async () => {
    expect(await json('neighbors', A, '--direction', 'outgoing', '--types', 'supports', '--hops', '2')).toMatchObject({
      ...{ type: 'neighbors', hops: 2, direction: 'outgoing', types: ['supports'], stopped: null },
      ...{
        belief: { id: A },
        beliefs: [
          { type: 'belief', id: B, hops: 1 },
          { id: C, hops: 2 },
        ],
      },
    });
    expect(await said('neighbors', A)).toBe(
      `${A}  1.00  a\n  1  ${B}  1.00  belief b\n  1  ${D}  1.00 [disputed]  d\n` +
        '2 beliefs within 1 hop; walked: all types, both directions\n',
    );
    const cut = await json('subgraph', A, C.slice(0, 6), A, '--hops', '0', '--types', 'supports');
    expect(cut).toMatchObject({ type: 'subgraph', seeds: [A, C], hops: 0, edges: [] });
    expect(await json('subgraph', A, B, '--hops', '1')).toMatchObject({
      beliefs: [
        { id: A, hops: 0 },
        { id: B, hops: 0 },
        { id: C, hops: 1 },
        { id: D, hops: 1 },
      ],
      edges: [{}, {}, {}, {}],
    });
    expect(await said('subgraph', B, '--hops', '1')).toMatch(/3 beliefs, 2 edges within 1 hop; walked: all types/);
  });

  it('finds paths, and tells none from given up', async () => {
    expect(await json('path', A, C, '--types', 'supports', '--direction', 'outgoing')).toMatchObject({
      ...{ type: 'path-search', outcome: 'found', from: A, to: C, stopped: null },
      ...{ types: ['supports'], direction: 'outgoing' },
      paths: [
        { type: 'path', hops: 2, strength: 0.25, polarity: 'supports', beliefs: [{ id: A }, { id: B }, { id: C }] },
      ],
    });
    expect(await json('path', A, A)).toMatchObject({ outcome: 'found', paths: [{ hops: 0, strength: 1, edges: [] }] });
    expect(await json('path', A, F)).toMatchObject({ outcome: 'none', paths: [], stopped: null, types: ALL });
    expect(await json('path', A, E, '--max-hops', '1')).toMatchObject({ outcome: 'limit', paths: [], stopped: 'hops' });
    expect(await said('path', A, F)).toBe('no path\nwalked: all types, both directions\n');
    expect(await said('path', A, E, '--max-hops', '1')).toBe(
      'no path found\nwalked: all types, both directions\nstopped at the limit of hops; --max-hops allows more\n',
    );
    expect(await said('path', E, A)).toBe(
      `${E}  1.00  belief e\n  ↓ derives_from (1)\n${D}  1.00 [disputed]  d\n  ↑ contradicts (0.875)\n${A}  1.00  a\n` +
        '2 hops, strength 0.875, opposes\n\nwalked: all types, both directions\n',
    );
  });

  it('finds the strongest path, and several', async () => {
    expect(await json('path', A, C, '--strongest')).toMatchObject({
      paths: [{ hops: 2, strength: 0.25, beliefs: [{}, { id: B }, {}] }],
    });
    expect(await json('path', A, C, '--k', '5')).toMatchObject({
      ...{ outcome: 'found', stopped: null },
      paths: [
        { strength: 0.25, polarity: 'supports', beliefs: [{ id: A }, { id: B }, { id: C }] },
        { strength: 0.21875, polarity: 'supports', beliefs: [{ id: A }, { id: D }, { id: C }] },
      ],
    });
    expect(await json('path', A, F, '--strongest')).toMatchObject({ outcome: 'none', paths: [] });
    expect(await cli('graph', 'path', A, '9999', '--strongest')).toMatchObject({ exit: 2 });
  });

  it('says which limit it came to', async () => {
    expect(await json('neighbors', A, '--max-beliefs', '2')).toMatchObject({
      stopped: 'beliefs',
      beliefs: [{ id: B }],
    });
    expect(await said('show', A, '--max-edges', '1')).toMatch(
      /stopped at the limit of edges; --max-edges allows more\n$/,
    );
    expect((await cli('graph', 'show', A, '--timeout', '0')).exit).toBe(2);
    expect((await cli('graph', 'show', A, '--types', 'supports,likes')).stderr).toContain('likes');
  });
});
