import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/schema/open-database.ts';
import { jsonLines, runCli } from '../cli/run-cli.ts';
import type { CliResult } from '../cli/run-cli.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildVault, restoreFrom } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** A server as the target of a restore: what it may hold before, and what it holds afterwards. */

let folder: TemporaryFolder;
let vault: VaultFolders;

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
});

afterAll(() => folder[Symbol.asyncDispose]());

function restoreTo(to: string, ...more: string[]): Promise<CliResult> {
  return restoreFrom({ from: vault.places.slice(0, 3), to, masterKey: vault.masterKey, more });
}

async function execute(url: string, statement: string): Promise<void> {
  await using database = await openDatabase({ url });
  await database.transaction({}, (session) => session.execute(statement));
}

describe('a database on a server', () => {
  it('takes a snapshot beside tables that are not ours, is resumed at its indexes, and refuses another', async () => {
    await using server = await freshDatabase();
    const { url } = server;
    const home = join(folder.path, 'none');
    await execute(url, 'CREATE TABLE public.recipes (name text)');
    const dry = await restoreTo(url, '--dry-run');
    expect(dry.exit, dry.stderr).toBe(0);
    expect(
      (await runCli(['digest', '--database', url, '--home', home, '--json'])).exit,
      'a dry run sets nothing up',
    ).toBe(50);
    const first = await restoreTo(url, '--snapshot', vault.snapshots[0]!.id);
    expect({ exit: first.exit, stderr: first.stderr }).toEqual({ exit: 0, stderr: '' });
    const digest = async (): Promise<unknown> =>
      jsonLines((await runCli(['digest', '--database', url, '--home', home, '--json'])).stdout)[0]!['digest'];
    expect(await digest()).toBe(vault.digests[0]);
    await execute(
      url,
      `DO $$ DECLARE name text; BEGIN
        SELECT format('%I.%I', schemaname, indexname) INTO STRICT name FROM pg_indexes WHERE indexdef LIKE '%hnsw%';
        EXECUTE 'DROP INDEX ' || name; END $$`,
    );
    const again = await restoreTo(url, '--snapshot', vault.snapshots[0]!.id);
    const events = jsonLines(again.stdout);
    expect(events.map(({ type }) => type)).toEqual(['plan', 'queryable', 'index', 'index', 'restored']);
    expect(events[0]).toMatchObject({ resumed: true });
    const other = await restoreTo(url);
    expect({ exit: other.exit, stdout: other.stdout }).toEqual({ exit: 52, stdout: '' });
    expect(await digest()).toBe(vault.digests[0]);
    const said = [first, again, other].map(({ stdout, stderr }) => stdout + stderr).join('');
    const { password } = new URL(url);
    if (password !== '') expect(said).not.toContain(password);
  });
});
