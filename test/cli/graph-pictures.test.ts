import { once } from 'node:events';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beliefId } from '../support/sample-knowledge.ts';
import { elementsOf, parseXml } from '../support/strict-xml.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

const [A, B, C, ALONE] = [beliefId(1), beliefId(2), beliefId(3), beliefId(4)];

const LINES = [
  { id: A, content: '<script>alert("a")</script>' },
  { id: B, content: 'b' },
  { id: C, content: 'c', status: 'disputed' },
  { id: ALONE, content: 'alone' },
  { source: A, target: B, type: 'supports', weight: 0.5 },
  { source: B, target: C, type: 'contradicts' },
].map((line) => JSON.stringify(line));

describe('graphs as files and pictures', () => {
  let folder: TemporaryFolder;
  let home = '';

  async function cli(...argv: string[]): Promise<CliResult> {
    return runCli([...argv, '--home', home], { env: { BROWSER: '/nowhere/browser' } });
  }

  async function setUp(...argv: string[]): Promise<void> {
    const { exit, stderr } = await cli(...argv);
    if (exit !== 0) throw new Error(stderr);
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    home = join(folder.path, 'home');
    const file = join(folder.path, 'lines.jsonl');
    await writeFile(file, LINES.join('\n'));
    await setUp('init');
    await setUp('import', file);
  });

  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
  });

  it('prints a subgraph in each format', async () => {
    const printed = async (format: string): Promise<string> => {
      const { exit, stdout, stderr } = await cli('graph', 'subgraph', A, '--format', format);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      return stdout;
    };
    const json = JSON.parse(await printed('json')) as { nodes: { id: string }[]; links: object[] };
    expect(json.nodes.map(({ id }) => id)).toEqual([A, B, C]);
    expect(json.links).toHaveLength(2);
    expect(elementsOf(parseXml(await printed('graphml')), 'node')).toHaveLength(3);
    expect(await printed('dot')).toMatch(/^digraph valence \{\n/);
    expect(await printed('cypher')).toContain(`MERGE (b:Belief {id: '${A}'}) SET`);
    const svg = await printed('svg');
    expect(parseXml(svg).name).toBe('svg');
    expect(svg).not.toContain('<script');
  });

  it('takes - for standard output', async () => {
    const subgraph = ['graph', 'subgraph', A, '--output', '-'];
    expect((await cli(...subgraph, '--format', 'dot')).stdout).toMatch(/^digraph valence \{\n/);
    expect(await cli(...subgraph)).toMatchObject({ exit: 2, stdout: '' });
    await expect(stat('-')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('writes to a file, in the format of its ending, and replaces one after a yes only', async () => {
    const file = join(folder.path, 'out.graphml');
    const subgraph = ['graph', 'subgraph', A, '--hops', '1', '--output', file];
    const first = await cli(...subgraph, '--json');
    expect(jsonLines(first.stdout)).toEqual([
      { type: 'graph-file', file, format: 'graphml', beliefs: 2, edges: 1, stopped: null },
    ]);
    const written = await readFile(file, 'utf8');
    expect(elementsOf(parseXml(written), 'edge')).toHaveLength(1);

    const again = await cli(...subgraph, '--hops', '2');
    expect(again.exit).toBe(2);
    const refused = await cli('graph', 'subgraph', A, '--output', file, '--format', 'dot');
    expect(refused.exit).toBe(2);
    expect(refused.stderr).toContain('add --yes');
    expect(await readFile(file, 'utf8')).toBe(written);

    const replaced = await cli('graph', 'subgraph', A, '--output', file, '--format', 'dot', '--yes');
    expect(replaced.stdout).toBe(`wrote 3 beliefs and 2 edges to ${file}\n`);
    expect(await readFile(file, 'utf8')).toMatch(/^digraph/);
  });

  it('refuses what cannot be a file before it asks the graph', async () => {
    const taken = join(folder.path, 'taken.svg');
    await mkdir(taken);
    for (const [output, message] of [
      [taken, 'is a folder'],
      [join(folder.path, 'absent', 'a.svg'), 'there is no folder'],
      [join(folder.path, 'a.png'), 'does not say a format'],
    ] as const) {
      const { exit, stdout, stderr } = await cli('graph', 'subgraph', beliefId(99), '--output', output);
      expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
      expect(stderr).toContain(message);
    }
    expect((await cli('graph', 'subgraph', A, '--open', '--format', 'svg')).stderr).toContain('--open writes a file');
  });

  it('says beside a file when a limit ended the query', async () => {
    const { stdout, stderr } = await cli('graph', 'subgraph', A, '--format', 'json', '--max-beliefs', '2');
    expect((JSON.parse(stdout) as { nodes: object[] }).nodes).toHaveLength(2);
    expect(stderr).toContain('this is not all of it: the query ended at the limit on beliefs');
  });

  it.for([
    ['graph', 'show', A],
    ['graph', 'path', A, C],
    ['graph', 'subgraph', A, ALONE],
  ] as const)(
    '%s %s draws a page that nobody else can read, and gives its path where nothing can open it',
    async (words) => {
      const { stdout, stderr, exit } = await cli(...words, '--open', '--json');
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      const [picture] = jsonLines(stdout);
      expect(picture).toMatchObject({ type: 'picture', opened: false, stopped: null });
      const file = String(picture?.['file']);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const page = await readFile(file, 'utf8');
      expect(page).toMatch(/^<!doctype html>\n/);
      expect(page).toContain("default-src 'none'");
      expect(page).not.toContain('<script');
      expect(page).not.toContain('<?xml');
      expect(page).toContain(A.replaceAll('-', '&#45;'));
      await rm(dirname(file), { recursive: true });
    },
  );

  it('prints the path alone for people', async () => {
    const { stdout } = await cli('graph', 'show', ALONE, '--open');
    expect(await readFile(stdout.trimEnd(), 'utf8')).toContain('alone');
    await rm(dirname(stdout), { recursive: true });
  });

  it('draws nothing where there is no path', async () => {
    const { stdout } = await cli('graph', 'path', A, ALONE, '--open', '--json');
    expect(jsonLines(stdout)).toMatchObject([{ outcome: 'none' }]);
  });

  it('opens the page with the browser that the environment names', async () => {
    // A program that tells this server which file it was given.
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const browser = join(folder.path, 'browser');
    const { port } = server.address() as AddressInfo;
    await writeFile(
      browser,
      `#!${process.execPath}\nfetch('http://127.0.0.1:${port}/', { method: 'POST', body: process.argv[2] })\n`,
    );
    await chmod(browser, 0o755);
    const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
    const { stdout } = await runCli(['graph', 'show', A, '--open', '--json', '--home', home], {
      env: { BROWSER: browser },
    });
    const [request, response] = await asked;
    const given = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
    response.end();
    server.close();
    expect(jsonLines(stdout)).toMatchObject([{ type: 'picture', file: given, opened: true }]);
    await rm(dirname(given), { recursive: true });
  });
});
