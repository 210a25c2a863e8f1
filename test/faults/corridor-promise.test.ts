import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jsonLines } from '../cli/run-cli.ts';
import type { CliResult } from '../cli/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildVault, copyVault, onHost, restoreFrom } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** A run promises what is there, not what was: objects that vanished or changed behind its back. */

let folder: TemporaryFolder;
let original: VaultFolders;
let vault: VaultFolders;
let count = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
  original = await buildVault(join(folder.path, 'original'));
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

beforeEach(async () => {
  count += 1;
  vault = await copyVault(original, join(folder.path, `copy-${count}`));
});

function run(): Promise<CliResult> {
  return onHost(vault, 'backup', 'run');
}

function snapshotOf(result: CliResult): Record<string, unknown> {
  return jsonLines(result.stdout)[0]!;
}

describe('shards that were deleted', () => {
  it('in two places are not counted', async () => {
    for (const place of vault.places.slice(0, 2)) await rm(join(place, 'shards'), { recursive: true });
    const result = await run();
    expect(result.exit).toBe(3);
    expect(snapshotOf(result)).toMatchObject({ survives: 0, degraded: true });
  });

  it('in three places are stored anew while the rows are still at hand', async () => {
    for (const place of vault.places.slice(0, 3)) await rm(join(place, 'shards'), { recursive: true });
    const result = await run();
    expect(result.exit, result.stderr).toBe(0);
    expect(snapshotOf(result)).toMatchObject({ survives: 2, degraded: false });
    expect(snapshotOf(result)['newBytes']).toBeGreaterThan(0);
    const to = join(vault.root, 'restored');
    expect((await restoreFrom({ from: vault.places.slice(2), to, masterKey: vault.masterKey })).exit).toBe(0);
  });
});

it('damaged copies of the index are replaced by the next run', async () => {
  for (const place of vault.places.slice(0, 4)) {
    for (const name of await readdir(join(place, 'index'))) await truncate(join(place, 'index', name), 0);
  }
  expect((await run()).exit).toBe(0);
  const to = join(vault.root, 'restored');
  expect((await restoreFrom({ from: vault.places.slice(0, 3), to, masterKey: vault.masterKey })).exit).toBe(0);
});

it('what one place alone lists and nobody can read stops nobody', async () => {
  const junk = join(vault.places[0]!, 'snapshots', 'main', `0000009999-${'f'.repeat(64)}`);
  await writeFile(junk, 'junk');
  for (let again = 0; again < 2; again += 1) expect((await run()).exit).toBe(0);
  expect((await onHost(vault, 'backup', 'list')).exit).toBe(0);
  const to = join(vault.root, 'restored');
  expect((await restoreFrom({ from: vault.places.slice(0, 3), to, masterKey: vault.masterKey })).exit).toBe(0);
  const verified = await onHost(vault, 'backup', 'verify');
  expect(verified.stdout).toContain('0000009999-');
});

it('a backend inside another one is refused', async () => {
  const inside = join(vault.places[0]!, 'shards');
  const result = await onHost(
    vault,
    'backup',
    'config',
    '--add-backend',
    'inner',
    '--type',
    'directory',
    '--path',
    inside,
  );
  expect(result.exit).toBe(20);
  expect(result.stderr).toContain('lies inside that of backend d1');
});
