import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeProjection, describeReport } from '../../src/cli/render/projection.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

test('without Apache AGE a projection is refused with what to do, and the status is an answer', async () => {
  await using folder = await temporaryFolder();
  const home = join(folder.path, 'home');
  const cli = (...argv: string[]): Promise<CliResult> => runCli([...argv, '--home', home]);
  expect((await cli('init')).exit).toBe(0);

  const refused = await cli('graph', 'project', '--age');
  expect(refused).toMatchObject({ exit: 50, stdout: '' });
  expect(refused.stderr).toContain('the embedded database has no Apache AGE');
  expect(refused.stderr).toContain('only Cypher needs it');

  expect(await cli('graph', 'project', '--age', '--status')).toMatchObject({
    ...{ exit: 0, stderr: '' },
    stdout: 'no projection valence_graph; `valence graph project --age` makes it\n',
  });
  const { stdout } = await cli('graph', 'project', '--age', '--status', '--name', 'mine', '--json');
  expect(jsonLines(stdout)).toEqual([
    {
      ...{ type: 'projection', name: 'mine', state: 'none', reason: null },
      ...{ beliefs: null, edges: null, since: null, changed: null },
    },
  ]);
  const dropped = await cli('graph', 'project', '--age', '--drop', '--yes', '--json');
  expect(jsonLines(dropped.stdout)).toEqual([{ type: 'dropped', name: 'valence_graph', dropped: false }]);

  for (const [reason, ...words] of [
    ['--age'],
    ['contradict', '--age', '--status', '--drop'],
    ['cannot be the name of a graph', '--age', '--name', 'valence'],
  ] as const) {
    const { exit, stderr } = await cli('graph', 'project', ...words);
    expect(exit).not.toBe(0);
    expect(stderr).toContain(reason);
  }
});

test('says in words how a projection stands and what was done', () => {
  const held = { name: 'g', beliefs: 117_659, edges: 1, since: '2026-01-31T12:00:00Z' };
  const status = { type: 'projection', ...held, reason: null, changed: null } as const;
  const line = 'g  117,659 beliefs and 1 edge of 2026-01-31T12:00:00Z';
  expect(describeProjection({ ...status, state: 'fresh' })).toBe(`${line}\nfresh`);
  expect(describeProjection({ ...status, state: 'stale', changed: { beliefs: 1, edges: 2 } })).toBe(
    `${line}\nstale: 1 belief and 2 edges changed since 2026-01-31T12:00:00Z`,
  );
  expect(describeProjection({ ...status, state: 'stale' })).toBe(
    `${line}\nstale: more than can be told changed since 2026-01-31T12:00:00Z`,
  );
  expect(describeProjection({ ...status, state: 'unknown', reason: 'it was lost' })).toBe(
    `${line}\nunknown: it was lost`,
  );
  const report = { type: 'projected', name: 'g', beliefs: 2, edges: 1, changed: null, reason: null } as const;
  expect(describeReport({ ...report, how: 'built', was: 'none' })).toBe('g  2 beliefs and 1 edge\nbuilt whole');
  expect(describeReport({ ...report, how: 'built', was: 'unknown', reason: 'it was lost' })).toBe(
    'g  2 beliefs and 1 edge\nbuilt whole (it was lost)',
  );
  expect(describeReport({ ...report, how: 'unchanged', was: 'fresh' })).toBe('g  2 beliefs and 1 edge\nwas fresh');
  expect(describeReport({ ...report, how: 'updated', was: 'stale', changed: { beliefs: 0, edges: 1 } })).toBe(
    'g  2 beliefs and 1 edge\nupdated: 0 beliefs and 1 edge had changed',
  );
});
