import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult, CliSettings } from './run-cli.ts';

const A = '11111111-1111-4111-8111-111111111111';
const B = '22222222-2222-4222-8222-222222222222';
const C = '33333333-3333-4333-8333-333333333333';
const ABSENT = '99999999-9999-4999-8999-999999999999';

const LINES = [
  {
    id: A,
    content: 'water boils at 100 °C',
    confidence: 0.5,
    domains: ['physics'],
    provenance: { source_type: 'book', source_id: 'b1' },
  },
  { id: B, content: 'water boils at 100 °C at sea level', confidence: 0.9, embedding: [1, 0, 0.5] },
  { id: C, content: 'pressure lowers\u001b[2J the boiling point', confidence: 0.75 },
  { source: B, target: A, type: 'supports', weight: 0.5 },
  { source: C, target: B, type: 'contradicts' },
  { source: B, target: C, type: 'contradicts' },
].map((line) => JSON.stringify(line));

describe('knowledge from the command line, on an embedded database', () => {
  let folder: TemporaryFolder;
  let home = '';
  let imported: Record<string, unknown>[] = [];

  async function cli(argv: readonly string[], settings: CliSettings = {}): Promise<CliResult> {
    return runCli([...argv, '--home', home], settings);
  }

  async function json(...argv: string[]): Promise<Record<string, unknown>[]> {
    const { exit, stdout, stderr } = await cli([...argv, '--json']);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    return jsonLines(stdout);
  }

  async function failure(...argv: string[]): Promise<Record<string, unknown>> {
    const { stdout, stderr, exit } = await cli([...argv, '--json']);
    expect(stdout).toBe('');
    const [error] = jsonLines(stderr);
    expect(error?.['exit']).toBe(exit);
    return error ?? {};
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    home = join(folder.path, 'home');
    await json('init');
    const file = join(folder.path, 'lines.jsonl.gz');
    await writeFile(file, gzipSync(LINES.join('\n')));
    imported = await json('import', file, '--model', 'tiny');
  });

  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
  });

  it('counts what it imported', () => {
    expect(imported).toEqual([
      { type: 'import', beliefs: 3, edges: 2, sources: 1, embeddings: 1, folded: 1, skipped: 0, updated: 0 },
    ]);
  });

  it('makes a home once, and brings it up to date again', async () => {
    const absent = await runCli(['digest', '--home', join(folder.path, 'absent')]);
    expect(absent.exit).toBe(20);
    expect(absent.stderr).toContain('run `valence init`');
    expect(await json('init')).toMatchObject([{ type: 'home', home, database: join(home, 'database') }]);
  });

  it('says after making a home only what is still to be done', async () => {
    const other = ['--home', join(folder.path, 'other')];
    const next = async (): Promise<string | undefined> =>
      /\n\nnext: (.*)\n$/.exec((await runCli(['init', ...other])).stdout)?.[1];
    expect(await next()).toBe('`valence import FILE`, then `valence keys init` and `valence backup config`');
    expect((await runCli(['belief', 'add', 'water is wet', ...other])).exit).toBe(0);
    expect(await next()).toBe('`valence keys init` and `valence backup config`');
    expect((await runCli(['keys', 'init', ...other], { env: { VALENCE_PASSPHRASE: 'correct horse' } })).exit).toBe(0);
    expect(await next()).toBe('`valence backup config`');
    const config = ['backup', 'config', ...other];
    expect((await runCli([...config, '--add-backend', 'directory', '--path', join(folder.path, 'place')])).exit).toBe(
      0,
    );
    expect((await runCli([...config, '--tier', 'daily', '--backends', 'directory', '--copies', '1'])).exit).toBe(0);
    expect(await next()).toBeUndefined();
  });

  it('copies all of it by export --full and import, to an equal digest', async () => {
    const file = join(folder.path, 'full.jsonl');
    const [written] = await json('export', '--full', '--out', file);
    const { stdout } = await cli(['export', '--full']);
    expect(await readFile(file, 'utf8')).toBe(stdout);
    expect((await cli(['export', '--full', '--out', '-'])).stdout).toBe(stdout);
    expect(written).toEqual({ type: 'export', file, lines: stdout.split('\n').length - 1 });

    const copy = join(folder.path, 'copy');
    expect((await runCli(['--home', copy, 'init'])).exit).toBe(0);
    expect((await runCli(['import', file, '--home', copy])).exit).toBe(0);
    const [original] = await json('digest');
    const again = await runCli(['digest', '--json'], { env: { VALENCE_HOME: copy } });
    expect(jsonLines(again.stdout)).toEqual([original]);
    expect((await runCli(['digest'], { env: { VALENCE_HOME: copy } })).stdout).toBe(
      `${String(original?.['digest'])}\n`,
    );
  });

  it('refuses a bad import whole, and lists what is wrong with it', async () => {
    const stdin = `{"content":"fine"}\n{"content":""}\nnot json\n`;
    const text = await cli(['import', '-'], { stdin });
    expect(text.exit).toBe(60);
    expect(text.stderr).toMatch(/standard input:2: content is empty\n.*standard input:3: not JSON/);
    const before = await json('digest');
    const { stderr } = await cli(['import', '-', '--json'], { stdin });
    expect(jsonLines(stderr)[0]).toMatchObject({ code: 'import/invalid', context: { total: 2 } });
    expect(await json('digest')).toEqual(before);
    expect(await failure('import', join(folder.path, 'absent.jsonl'))).toMatchObject({
      code: 'import/invalid',
      exit: 60,
    });
  });

  it('adds, shows, lists, changes and retires beliefs', async () => {
    const [added] = await json(
      'belief',
      'add',
      'ice floats',
      '--confidence',
      '0.25',
      '--domain',
      'physics',
      '--domain',
      'ice',
      '--source',
      'web:https://example.org',
      '--metadata',
      '{"a":1}',
      '--valid-from',
      '2026-01-01T00:00:00Z',
    );
    expect(added).toMatchObject({
      type: 'belief',
      content: 'ice floats',
      confidence: 0.25,
      domains: ['physics', 'ice'],
      status: 'active',
      metadata: { a: 1 },
      version: 1,
    });
    const id = String(added?.['id']);
    const [changed] = await json('belief', 'set', id, '--content', 'ice floats on water');
    expect(changed).toMatchObject({ content: 'ice floats on water', confidence: 0.25, version: 2 });
    expect(await json('belief', 'show', id)).toMatchObject([
      {
        type: 'belief-details',
        sources: [{ source_type: 'web', source_id: 'https://example.org' }],
        versions: [{ version: 1, content: 'ice floats' }],
      },
    ]);
    expect((await cli(['belief', 'show', id])).stdout).toContain('ice floats on water\n');
    expect((await json('belief', 'list', '--domain', 'ice')).map((belief) => belief['id'])).toEqual([id]);
    expect(await json('belief', 'list', '--limit', '2')).toHaveLength(2);

    expect((await cli(['belief', 'retire', id])).exit).toBe(2);
    expect(await json('belief', 'retire', id, '--yes')).toMatchObject([{ id, status: 'archived' }]);
    expect(await json('belief', 'list', '--status', 'archived')).toHaveLength(1);
  });

  it('adds, lists and retires sources', async () => {
    const [added] = await json('source', 'add', 'paper', 'doi:10/x', '--title', 'On water');
    const id = String(added?.['id']);
    expect(added).toMatchObject({
      type: 'source',
      source_type: 'paper',
      source_id: 'doi:10/x',
      title: 'On water',
      retired_at: null,
    });
    expect(await failure('source', 'add', 'paper', 'doi:10/x')).toMatchObject({ code: 'graph/refused', exit: 50 });
    expect(await json('--yes', 'source', 'retire', id)).toMatchObject([{ id }]);
    expect(await json('source', 'list', '--type', 'paper')).toEqual([]);
    expect(await json('source', 'list', '--type', 'paper', '--all')).toHaveLength(1);
  });

  it('asks the graph', async () => {
    const [around] = await json('graph', 'show', A.slice(0, 8));
    expect(around).toMatchObject({
      type: 'neighbourhood',
      belief: { id: A },
      edges: [{ direction: 'incoming', belief: { id: B } }],
    });
    expect(await json('graph', 'path', A, C)).toMatchObject([
      {
        ...{ type: 'path-search', from: A, to: C, outcome: 'found', stopped: null },
        paths: [{ type: 'path', hops: 2, polarity: 'opposes', beliefs: [{ id: A }, { id: B }, { id: C }] }],
      },
    ]);
    const text = await cli(['graph', 'path', A, C]);
    expect(text.stdout).toMatch(/supports[^]*contradicts[^]*2 hops, strength 0.5, opposes\n/);
    expect(text.stdout).not.toContain('\u001b');
  });

  it('adds and retires edges, and refuses what breaks a rule', async () => {
    const [edge] = await json('graph', 'add-edge', A, C, '--type', 'derives_from', '--weight', '0.5');
    expect(edge).toMatchObject({
      type: 'edge',
      source: A,
      target: C,
      edge_type: 'derives_from',
      weight: 0.5,
      retired_at: null,
    });
    const valid = ['--valid-from', '2020-01-01T00:00:00Z', '--valid-until', '2021-01-01T00:00:00+01:00'];
    expect(await json('graph', 'add-edge', B, C, '--type', 'supports', ...valid)).toMatchObject([
      { valid_from: '2020-01-01T00:00:00Z', valid_until: '2020-12-31T23:00:00Z' },
    ]);
    expect(await failure('graph', 'add-edge', C, B, '--type', 'supports', '--valid-from', 'soon')).toMatchObject({
      code: 'usage/invalid',
    });
    expect(await failure('graph', 'add-edge', A, C, '--type', 'derives_from')).toMatchObject({
      code: 'graph/refused',
      exit: 50,
    });
    expect(await failure('graph', 'add-edge', A, A, '--type', 'supports')).toMatchObject({
      code: 'graph/refused',
      exit: 50,
    });
    expect(await failure('graph', 'add-edge', A, ABSENT, '--type', 'supports')).toMatchObject({
      code: 'graph/not-found',
      exit: 2,
    });
    const [retired] = await json('graph', 'retire-edge', String(edge?.['id']), '--yes');
    expect(retired?.['retired_at']).not.toBeNull();
    expect(await failure('belief', 'show', ABSENT)).toMatchObject({ code: 'graph/not-found', exit: 2 });
  });

  it('says that the home is in use while it is', async () => {
    const { openValence } = await import('../../src/app.ts');
    await using valence = openValence({ home, env: {} });
    await valence.digest();
    expect(await failure('digest')).toMatchObject({ code: 'home/locked', exit: 35 });
  });

  it('is cancelled by its signal', async () => {
    const { ValenceError } = await import('../../src/core/errors.ts');
    const signal = AbortSignal.abort(new ValenceError('cancelled', 'cancelled'));
    expect(await cli(['digest'], { signal })).toMatchObject({ exit: 130, stdout: '', stderr: 'valence: cancelled\n' });
  });

  it('refuses a database that is none, without repeating it', async () => {
    expect(await failure('digest', '--database', 'mysql://u:secret@h/d')).toMatchObject({
      code: 'usage/invalid',
      exit: 2,
    });
    const { exit, stderr } = await cli(['digest'], { env: { DATABASE_URL: 'mysql://u:secret@h/d' } });
    expect(exit).toBe(20);
    expect(stderr).not.toContain('secret');
    expect(await failure('digest', '--database', 'postgres://u:secret@127.0.0.1:1/d')).toMatchObject({
      code: 'database/unavailable',
      exit: 50,
    });
  });

  it('refuses an unknown level of the log, with the nearest', async () => {
    const { exit, stderr } = await cli(['digest'], { env: { VALENCE_LOG: 'inof' } });
    expect(exit).toBe(20);
    expect(stderr).toContain('did you mean info?');
  });
});

describe('the library', () => {
  it('lists while other calls are made', async () => {
    await using folder = await temporaryFolder();
    const { openValence } = await import('../../src/app.ts');
    await using valence = openValence({ home: join(folder.path, 'home'), env: {} });
    await valence.init();
    await valence.belief.add({ content: 'one' });
    await valence.belief.add({ content: 'two' });
    for await (const belief of valence.belief.list()) await valence.belief.set(belief.id, { confidence: 0.5 });
    const lines: string[] = [];
    for await (const line of valence.export()) {
      lines.push(line);
      break;
    }
    expect(lines).toHaveLength(1);
    expect(await valence.digest()).toMatchObject({ counts: { beliefs: 2, belief_versions: 2 } });
  });
});
