import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

const A = '11111111-1111-4111-8111-111111111111';
const B = '22222222-2222-4222-8222-222222222222';
const S = '33333333-3333-4333-8333-333333333333';
const EDGE = '44444444-4444-4444-8444-444444444444';

let folder: TemporaryFolder;
let home = '';

async function cli(...argv: string[]): Promise<CliResult> {
  return runCli([...argv, '--home', home]);
}

async function succeed(...argv: string[]): Promise<void> {
  expect(await cli(...argv)).toMatchObject({ exit: 0, stderr: '' });
}

beforeAll(async () => {
  folder = await temporaryFolder();
  home = join(folder.path, 'home');
  await succeed('init');
  const file = join(folder.path, 'lines.jsonl');
  const times = { created_at: '2020-01-01T00:00:00Z' };
  const lines = [
    {
      ...{
        id: A,
        content: 'water boils at 99.97 °C',
        confidence: 0.75,
        domains: ['chemistry'],
        valid_from: '1900-01-01T00:00:00Z',
      },
      ...{ metadata: { by: 'me', n: [1] }, version: 2, ...times, updated_at: '2020-01-05T00:00:00.000001Z' },
      provenance: { source_type: 'book', source_id: 'b1', created_at: '2020-01-02T00:00:00Z' },
    },
    {
      ...{ version_of: A, version: 1, recorded_at: '2020-01-01T00:00:00Z', replaced_at: '2020-01-05T00:00:00.000001Z' },
      was: { content: 'water boils at 100 °C', confidence: 0.5, domains: ['physics'], metadata: { by: 'you' } },
    },
    { source_type: 'book', source_id: 'b1', id: S, ...times },
    { id: B, content: 'pressure\u001b[2J lowers it', ...times, updated_at: '2020-01-01T00:00:00Z' },
    {
      ...{ source: B, target: A, type: 'supports', weight: 0.5, id: EDGE },
      ...{ created_at: '2020-01-03T00:00:00Z', retired_at: '2020-01-04T00:00:00Z' },
    },
  ];
  await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  await succeed('import', file);
});

afterAll(() => folder[Symbol.asyncDispose]());

test('tells for people what changed when', async () => {
  const { stdout, exit } = await cli('belief', 'history', '1111');
  expect(exit).toBe(0);
  expect(stdout.trimEnd().split('\n')).toEqual([
    '2020-01-01T00:00:00Z  version 1, until 2020-01-05T00:00:00.000001Z',
    '    content     water boils at 100 °C',
    '    confidence  0.5',
    '    domains     physics',
    '    metadata    {"by":"you"}',
    '2020-01-02T00:00:00Z  + source book b1',
    `2020-01-03T00:00:00Z  + edge ${EDGE}  ← supports (0.5)  ${B}  pressure\\u001b[2J lowers it`,
    `2020-01-04T00:00:00Z  - edge ${EDGE}  ← supports (0.5)  ${B}  pressure\\u001b[2J lowers it`,
    '2020-01-05T00:00:00.000001Z  version 2, as it stands',
    '    content     water boils at [-100-]{+99.97+} °C',
    '    confidence  0.5 → 0.75',
    '    valid_from  none → 1900-01-01T00:00:00Z',
    '    domains     -physics +chemistry',
    '    metadata    by you → me',
    '    metadata    n none → [1]',
  ]);
});

test('is cut where it was asked to be, and says so', async () => {
  const { stdout } = await cli('belief', 'history', A, '--limit', '2');
  expect(stdout.split('\n')[0]).toBe('… 3 earlier not shown; --limit 5 shows all');
  const lines = jsonLines((await cli('belief', 'history', A, '--limit', '2', '--json')).stdout);
  expect(lines.map(({ type, change }) => [type, change])).toEqual([
    ['change', 'edge-retired'],
    ['change', 'changed'],
    ['history', undefined],
  ]);
  expect(lines.at(-1)).toEqual({ type: 'history', id: A, shown: 2, total: 5 });
});

test('shows what was on record at a time, and says when there was nothing', async () => {
  const shown = await cli('belief', 'show', A, '--known-at', '2020-01-05T00:00:00Z', '--json');
  expect(jsonLines(shown.stdout)).toMatchObject([{ type: 'belief', version: 1, content: 'water boils at 100 °C' }]);
  expect((await cli('belief', 'show', A, '--as-of', '1900-01-01T00:00:00Z')).stdout).toContain('99.97');
  for (const [flag, time, reason] of [
    ['--known-at', '2019-12-31T23:59:59Z', `belief ${A} was not recorded before 2020-01-01T00:00:00Z`],
    [
      '--as-of',
      '1899-12-31T23:59:59Z',
      `belief ${A} is not valid at 1899-12-31T23:59:59Z, only from 1900-01-01T00:00:00Z`,
    ],
  ] as const) {
    const { exit, stdout, stderr } = await cli('belief', 'show', A, flag, time);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain(reason);
  }
  expect((await cli('belief', 'show', A, '--known-at', 'yesterday')).stderr).toContain(
    '--known-at: "yesterday" is not a time',
  );
});
