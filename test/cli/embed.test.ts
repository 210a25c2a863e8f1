import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddingServer } from '../support/servers/embedding-server.ts';
import type { EmbeddingServer } from '../support/servers/embedding-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { beliefId } from '../support/sample-knowledge.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

const BIN = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));
const KEY = 'sk-Very5ecretKeyThatNobodyMayEverSee0123456789';
const COUNT = 40;

describe('embeddings from the command line, on an embedded database', () => {
  let folder: TemporaryFolder;
  let server: EmbeddingServer;
  let home = '';

  async function cli(...argv: string[]): Promise<CliResult> {
    return runCli([...argv, '--home', home], { env: { EMBED_KEY: KEY, VALENCE_LOG: 'trace' } });
  }

  async function json(exit: number, ...argv: string[]): Promise<Record<string, unknown>[]> {
    const { stdout, stderr, ...result } = await cli(...argv, '--json');
    expect({ ...result, stderr }).toMatchObject({ exit });
    expect(stderr).not.toContain('Very5ecret');
    return jsonLines(exit === 0 || exit === 3 ? stdout : stderr).filter(({ type }) => type !== undefined);
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    server = await startEmbeddingServer();
    home = join(folder.path, 'home');
    await json(0, 'init');
    const file = join(folder.path, 'lines.jsonl');
    const lines = Array.from({ length: COUNT }, (_, n) => ({ id: beliefId(n + 1), content: `belief ${n + 1} is so` }));
    await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
    await json(0, 'import', file);
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('says how to configure what is missing', async () => {
    const [error] = await json(20, 'embed');
    expect(error).toMatchObject({ code: 'config/invalid', message: 'no embedder is configured' });
    const config = `\nembedders:\n  tiny: { url: "${server.url}", key: env:EMBED_KEY, batch: 4, concurrency: 1 }\n`;
    await appendFile(join(home, 'valence.yaml'), config);
    expect(await json(0, 'embed', '--dry-run')).toEqual([
      {
        ...{ type: 'embed', model: 'tiny', host: server.host, dimensions: null, dryRun: true, embedded: COUNT },
        ...{ cut: 0, failed: 0, failures: [], missing: COUNT, complete: true },
      },
    ]);
    expect((await cli('embed', '--model', 'tinny')).stderr).toContain('did you mean tiny?');
    expect((await cli('model', 'list')).stdout).toMatch(
      /^MODEL +DIMENSIONS.*\ntiny +- +0 +40 +no +127\.0\.0\.1:\d+\n$/,
    );
  });

  it('says what an endpoint that fails says, and never the key', async () => {
    server.plan = ({ headers }) => ({ kind: 'answer', status: 401, body: `no: ${headers.authorization}` });
    const [error] = await json(71, 'embed');
    expect(error).toMatchObject({
      code: 'embedding/refused',
      message: expect.stringMatching(/401: no: Bearer \*\*\*$/),
    });
    server.plan = () => ({ kind: 'answer', status: 200, body: '<html>' });
    expect(await json(72, 'embed')).toMatchObject([{ code: 'embedding/malformed' }]);
  });

  it('keeps what a killed process had stored, and goes on from there', async () => {
    const child = spawn(process.execPath, [BIN, 'embed', '--home', home], {
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], EMBED_KEY: KEY },
    });
    let asked = 0;
    server.plan = () => {
      if ((asked += 1) < 4) return null;
      child.kill('SIGKILL');
      return { kind: 'silence' };
    };
    await once(child, 'close');
    expect(child.signalCode).toBe('SIGKILL');
    server.plan = () => null;
    const [report] = await json(0, 'embed');
    // Three pages of four had been answered; the third may not have been stored.
    const left = Number(report?.['embedded']);
    expect([COUNT - 12, COUNT - 8]).toContain(left);
    expect(report).toMatchObject({ dimensions: 16, missing: 0, complete: true });
    expect(await json(0, 'model', 'list')).toMatchObject([
      { name: 'tiny', embeddings: COUNT, missing: 0, indexed: true },
    ]);
  });

  it('makes them again where the content changed, and names what it cannot', async () => {
    await json(0, 'belief', 'set', beliefId(3), '--content', 'other');
    await json(0, 'belief', 'set', beliefId(4), '--content', 'poison\u001b[2J');
    server.plan = ({ input }) =>
      input.some((text) => text.includes('poison')) ? { kind: 'answer', status: 400, body: 'too long' } : null;
    const { exit, stdout } = await cli('embed');
    expect(stdout).toBe(
      [
        `embedded 1 belief with tiny (16 dimensions) at ${server.host}`,
        '1 not taken:',
        `  ${beliefId(4)}  embedder tiny at ${server.host}: answers 400: too long`,
        '1 belief still without',
        '',
      ].join('\n'),
    );
    expect(exit).toBe(3);
  });

  it('removes a model when it is told so', async () => {
    expect(await json(2, 'model', 'remove', 'tiny')).toMatchObject([{ code: 'usage/invalid' }]);
    expect(await json(0, 'model', 'remove', 'tiny', '--yes')).toEqual([
      { type: 'model-removed', name: 'tiny', embeddings: COUNT - 1 },
    ]);
    expect(await json(2, 'model', 'remove', 'tiny', '--yes')).toMatchObject([{ code: 'graph/not-found' }]);
    expect(await json(0, 'embed', '--limit', '3')).toMatchObject([{ embedded: 3, missing: COUNT - 3, complete: true }]);
  });
});
