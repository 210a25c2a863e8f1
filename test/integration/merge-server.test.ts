import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jsonLines, runCli } from '../cli/run-cli.ts';
import { testEngine } from '../support/engines.ts';
import { rejection } from '../support/expect-code.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { merge, rowsOf } from '../support/merging.ts';
import { beliefId, digestOf, importLines } from '../support/sample-knowledge.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { beliefNumber, buildVault, PASSPHRASE } from '../support/vault-folders.ts';

/** Merging into a server, where others write meanwhile. */

const { openMigrated } = testEngine('postgres');

const belief = (number: number, content: string): object => ({ id: beliefId(number), content });

test('a part of a vault comes into a database that --database names, once', async () => {
  await using folder = await temporaryFolder();
  const vault = await buildVault(join(folder.path, 'vault'));
  await using database = await freshDatabase();
  const home = join(folder.path, 'other');
  expect((await runCli(['init', '--home', home, '--database', database.url])).exit).toBe(0);
  const ids = Array.from({ length: 150 }, (_, i) => beliefNumber(i + 1)).join(',');
  const from = vault.places.flatMap((place) => ['--from', place]);
  const words = ['backup', 'restore', ...from, '--key-file', vault.masterKey, '--beliefs', ids, '--merge', '--yes'];
  const restore = (): ReturnType<typeof runCli> =>
    runCli([...words, '--home', join(folder.path, 'none'), '--database', database.url, '--json'], {
      env: { VALENCE_PASSPHRASE: PASSPHRASE },
    });
  const first = await restore();
  expect({ exit: first.exit, stderr: first.stderr }).toEqual({ exit: 0, stderr: '' });
  expect(jsonLines(first.stdout)).toContainEqual(expect.objectContaining({ type: 'merged' }));
  const digest = await runCli(['digest', '--home', home, '--json']);
  expect(jsonLines(digest.stdout)).toMatchObject([{ digest: vault.digests.at(-1) }]);
  expect(jsonLines((await restore()).stdout)).toContainEqual(expect.objectContaining({ nothingToDo: true }));
});

test('what others write while the plan is looked at is not run over', async () => {
  const [original, target] = [await openMigrated(), await openMigrated()];
  await importLines(original, [belief(1, 'as it was'), belief(2, 'two')]);
  await importLines(target, [belief(1, 'as it is'), belief(3, 'three')]);
  const rows = await rowsOf(original);
  const meanwhile = (statement: string): Promise<unknown> =>
    merge(target, rows, {
      overwrite: true,
      consent: async () => {
        await target.execute(statement);
        return true;
      },
    });
  // A row that would have been overwritten, seen only in another state.
  const update = `UPDATE valence.beliefs SET content = 'as it came to be' WHERE id = '${beliefId(1)}'`;
  await rejection(meanwhile(update), 'graph/refused');
  // A row that would have come in.
  const insert = `INSERT INTO valence.beliefs (id, content) VALUES ('${beliefId(2)}', 'mine')`;
  await rejection(meanwhile(insert), 'graph/refused');
  const before = await digestOf(target);
  await merge(target, rows, { consent: async () => false });
  expect(await digestOf(target)).toBe(before);
  // What the merge has nothing to do with.
  await meanwhile(`UPDATE valence.beliefs SET confidence = 0.5 WHERE id = '${beliefId(3)}'`);
  await meanwhile(`UPDATE valence.beliefs SET confidence = 0.75 WHERE id = '${beliefId(3)}'`);
  expect((await merge(target, rows)).plan).toMatchObject({ conflicts: [], nothingToDo: true });
});
