import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult, CliSettings } from './run-cli.ts';

const A = '11111111-1111-4111-8111-111111111111';
const B = '22222222-2222-4222-8222-222222222222';
const C = '33333333-3333-4333-8333-333333333333';

const LINES = [
  {
    ...{ id: A, content: 'water boils', confidence: 0.5, domains: ['physics'], embedding: [1, 0] },
    provenance: { source_type: 'book', source_id: 'b:1' },
  },
  { id: B, content: 'water boils earlier in the mountains', confidence: 0.9, embedding: [0.8, 0.6] },
  { id: C, content: 'air is thin up there\u001b[2J', status: 'archived', embedding: [0, 1] },
  { source: C, target: B, type: 'supports' },
].map((line) => JSON.stringify(line));

/** What these tests look at of a line of JSON. */
interface Line {
  readonly type: string;
  readonly belief?: { readonly id: string };
  readonly scores?: { readonly vector?: number };
  readonly via?: { readonly hit: string };
}

describe('valence search', () => {
  let folder: TemporaryFolder;
  let home = '';

  const cli = (argv: readonly string[], settings: CliSettings = {}): Promise<CliResult> =>
    runCli(['--home', home, ...argv], settings);

  async function json(argv: readonly string[], settings: CliSettings = {}): Promise<Line[]> {
    const { exit, stdout, stderr } = await cli(['search', '--json', ...argv], settings);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    return jsonLines(stdout) as unknown as Line[];
  }

  const found = async (...argv: string[]): Promise<unknown[]> =>
    (await json(argv)).filter(({ type }) => type === 'hit').map(({ belief }) => belief?.id);

  beforeAll(async () => {
    folder = await temporaryFolder();
    home = join(folder.path, 'home');
    const file = join(folder.path, 'lines.jsonl');
    await writeFile(file, LINES.join('\n'));
    await cli(['init']);
    await cli(['import', file, '--model', 'tiny']);
  });

  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
  });

  it('finds by text alone, and says so', async () => {
    const { exit, stdout, stderr } = await cli(['search', 'boiling', 'water']);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toBe(`0.0164  ${A}  0.50  water boils
0.0161  ${B}  0.90  water boils earlier in the mountains
2 hits
text     english, every text read, there is no index
vectors  none: no embedder is configured, so full text alone was searched
`);
  });

  it('prints hits and a summary as JSON lines', async () => {
    const lines = await json(['boiling water', '--limit', '1', '--explain']);
    expect(lines).toMatchObject([
      {
        ...{ type: 'hit', score: 1 / 61, ranks: { text: 1 }, belief: { type: 'belief', id: A } },
        explanation: { words: ['boil', 'water'], headline: '«water» «boils»' },
      },
      { type: 'search', hits: 1, text: { matches: 2, indexed: false }, withoutVectors: { reason: 'no-embedder' } },
    ]);
  });

  it('compares with a vector from a file or standard input', async () => {
    const file = join(folder.path, 'vector.json');
    await writeFile(file, '[0.6, 0.8]');
    expect(await found('--vector', file)).toEqual([B, A]);
    const lines = await json(['--vector', '-', '--status', 'all', '--explain'], { stdin: '[0, 1]\n' });
    expect(lines.map(({ scores }) => scores?.vector)).toEqual([1, expect.closeTo(0.6), 0, undefined]);
    expect(lines.at(-1)).toMatchObject({ model: 'tiny', vector: { matches: 3, exact: true }, withoutText: 'no-text' });
    const { stdout } = await cli(['search', 'mountains', '--vector', file, '--explain', '--limit', '1']);
    expect(stdout).toContain(`${B}  0.90`);
    expect(stdout).toContain('text place 1 (rank 0.0621); vector place 1 (cosine 0.9600); words: mountain');
    expect(stdout).toContain('vectors  tiny, compared exactly');
  });

  it.each([
    ['[1]', 'graph/refused'],
    ['[0, 0]', 'graph/refused'],
    ['[1, "2"]', 'usage/invalid'],
    ['{}', 'usage/invalid'],
    ['[]', 'usage/invalid'],
    ['[1,', 'usage/invalid'],
    ['[1, NaN]', 'usage/invalid'],
    ['[1e400, 1]', 'graph/refused'],
    [`[${'1,'.repeat(3_000_000)}1]`, 'usage/invalid'],
  ])('refuses what is no vector: %.20s', async (stdin, code) => {
    const { exit, stderr } = await cli(['search', 'water', '--vector', '-', '--json'], { stdin });
    expect(exit).not.toBe(0);
    expect(jsonLines(stderr)[0]).toMatchObject({ code, hint: expect.any(String) });
  });

  it('narrows what it looks at', async () => {
    expect(await found('water', '--domain', 'physics', '--domain', 'none')).toEqual([A]);
    expect(await found('water', '--min-confidence', '0.9')).toEqual([B]);
    expect(await found('water', '--source', 'book')).toEqual([A]);
    expect(await found('water', '--source', 'book:b:1', '--source', 'web')).toEqual([A]);
    expect(await found('water', '--source', 'book:b')).toEqual([]);
    expect(await found('air', '--status', 'archived,active')).toEqual([C]);
    expect(await found('air')).toEqual([]);
    expect(await found('water', '--since', '2100-01-01T00:00:00Z')).toEqual([]);
    expect(await found('water', '--until', '2100-01-01T00:00:00Z', '--as-of', '2100-01-01T00:00:00Z')).toEqual([A, B]);
    expect(await found('water', '--known-at', '2000-01-01T00:00:00Z')).toEqual([]);
    expect(await found('--', 'water', '-mountains')).toEqual([A]);
    for (const wrong of [
      ['--source', ':x'],
      ['--since', 'yesterday'],
      ['--limit', '0'],
      ['--status', 'gone'],
      ['--timeout', '0'],
      ['--limit', '1001'],
      ['--expand', '11'],
    ])
      expect((await cli(['search', 'water', ...wrong])).exit).toBe(2);
    // What was asked for by name is never left out in silence.
    expect((await cli(['search', 'water', '--model', 'x'])).stderr).toContain(
      'no embedder is configured for the model x',
    );
    expect((await cli(['search', 'water', '--text-only', '--model', 'x'])).exit).toBe(50);
    expect((await cli(['search'])).stderr).toContain('give a text, or a vector');
  });

  it('adds neighbours of hits', async () => {
    const { stdout } = await cli(['search', 'mountains', '--expand', '1']);
    expect(stdout).toContain(`  ~ ${C}  1.00 [archived]  air is thin up there\\u001b[2J  (1 hop from ${B})`);
    expect(stdout).toContain('1 hit, 1 neighbour');
    expect((await json(['mountains', '--expand', '2'])).map(({ type, via }) => [type, via?.hit])).toEqual([
      ['hit', undefined],
      ['neighbour', B],
      ['search', undefined],
    ]);
  });

  it('says when there is nothing to look for', async () => {
    const { exit, stdout } = await cli(['search', 'the', 'of']);
    expect(exit).toBe(0);
    expect(stdout).toContain('0 hits\ntext     nothing to look for: only stop words of english');
  });

  it('searches in the language of valence.yaml, and names those there are', async () => {
    const file = join(home, 'valence.yaml');
    const before = await readFile(file, 'utf8');
    await writeFile(file, `${before}\nsearch: { language: simple }\n`);
    expect(await found('boiling')).toEqual([]);
    expect(await found('the')).toEqual([B]);
    await writeFile(file, `${before}\nsearch: { language: germn }\n`);
    for (const argv of [['search', 'x'], ['init']]) {
      const { exit, stderr } = await cli(argv);
      expect(exit).toBe(20);
      expect(stderr).toContain('no text search configuration germn');
      expect(stderr).toContain('did you mean german?');
    }
    expect((await cli(['doctor'])).stdout).toContain('no text search configuration germn');
    await writeFile(file, before);
  });
});
