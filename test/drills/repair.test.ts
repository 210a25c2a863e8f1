import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonLines } from '../cli/run-cli.ts';
import type { CliResult } from '../cli/run-cli.ts';
import { copyFolder } from '../support/copy-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildVault, copyVault, filesIn, onHost, PLACES, restoreFrom } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** `backup repair` as a person types it, on folders: lose, repair, lose again, restore. */

let folder: TemporaryFolder;
let original: VaultFolders;

beforeAll(async () => {
  folder = await temporaryFolder();
  original = await buildVault(join(folder.path, 'vault'));
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

function copied(name: string): Promise<VaultFolders> {
  return copyVault(original, join(folder.path, name));
}

function line({ exit, stdout, stderr }: CliResult, expected = 0): Record<string, unknown> {
  expect({ exit, stderr }).toEqual({ exit: expected, stderr: '' });
  const [only, ...more] = jsonLines(stdout);
  expect(more).toEqual([]);
  return only!;
}

async function empty(vault: VaultFolders, ...places: readonly number[]): Promise<void> {
  for (const place of places) {
    await rm(vault.places[place]!, { recursive: true });
    await mkdir(vault.places[place]!);
  }
}

/** From these places alone. */
async function expectRestored(vault: VaultFolders, from: readonly string[], name: string): Promise<void> {
  const to = join(vault.root, name);
  const { exit, stdout } = await restoreFrom({ from, to, masterKey: vault.masterKey });
  expect(exit).toBe(0);
  expect(jsonLines(stdout).at(-1)).toMatchObject({ type: 'restored', root: vault.snapshots[2]!.root });
}

describe('backup repair', () => {
  it('brings back what two places had, and then any other two may go', async () => {
    const vault = await copied('pairs');
    await empty(vault, 0, 1);
    const dry = line(await onHost(vault, 'backup', 'repair', '--dry-run'));
    expect(dry).toMatchObject({ type: 'repair', dryRun: true, repaired: 2, shards: 4, storedBytes: 0, status: 'ok' });
    expect(await filesIn(vault.places[0]!)).toEqual([]);
    const done = line(await onHost(vault, 'backup', 'repair'));
    expect(done).toMatchObject({
      tier: 'main',
      repaired: 2,
      shards: 4,
      lacking: 0,
      survives: 2,
      lost: [],
      status: 'ok',
    });
    expect(line(await onHost(vault, 'backup', 'repair'))).toMatchObject({ shards: 0, storedBytes: 0, status: 'ok' });
    expect(line(await onHost(vault, 'backup', 'verify', '--data'))).toMatchObject({ status: 'ok', restorable: true });
    await empty(vault, 2, 3);
    await expectRestored(
      vault,
      [0, 1, 4].map((i) => vault.places[i]!),
      'restored',
    );
    expect(line(await onHost(vault, 'backup', 'repair'))).toMatchObject({ shards: 4, status: 'ok' });
    expect(line(await onHost(vault, 'backup', 'verify', '--data'))).toMatchObject({ status: 'ok', restorable: true });
  });

  it('finds silent damage with --data', async () => {
    const vault = await copied('silent');
    const names = (await filesIn(vault.places[3]!)).filter((name) => name.startsWith('shards/'));
    for (const name of names) {
      const bytes = await readFile(join(vault.places[3]!, name));
      bytes[5]! ^= 1;
      await rm(join(vault.places[3]!, name));
      await writeFile(join(vault.places[3]!, name), bytes);
    }
    expect(line(await onHost(vault, 'backup', 'repair'))).toMatchObject({ shards: 0, status: 'ok' });
    expect(line(await onHost(vault, 'backup', 'verify', '--data'), 3)).toMatchObject({ status: 'damaged' });
    expect(line(await onHost(vault, 'backup', 'repair', '--data'))).toMatchObject({
      shards: names.length,
      status: 'ok',
    });
    expect(line(await onHost(vault, 'backup', 'verify', '--data'))).toMatchObject({ status: 'ok' });
  });

  it('says what is lost with 41, and what still lacks with 3', async () => {
    const vault = await copied('lost');
    await rm(vault.places[2]!, { recursive: true });
    const degraded = line(await onHost(vault, 'backup', 'repair'), 3);
    expect(degraded).toMatchObject({ status: 'degraded', lacking: 2, survives: 1, promised: 2 });
    expect(String(degraded['notes'])).toContain(`${vault.places[2]!} took no part`);
    await empty(vault, 0, 1);
    const lost = line(await onHost(vault, 'backup', 'repair'), 41) as { lost: { missing: string[] }[] };
    expect(lost).toMatchObject({ status: 'lost', survives: -1 });
    expect(lost.lost).toHaveLength(2);
    expect(lost.lost[0]!.missing).toHaveLength(3);
  });

  it('moves a tier off a backend, which then may go', async () => {
    const vault = await copied('replaced');
    const fresh = join(vault.root, 'd6');
    await onHost(vault, 'backup', 'config', '--add-backend', 'd6', '--type', 'directory', '--path', fresh);
    const refused = await onHost(vault, 'backup', 'repair', '--replace', 'd2=d6');
    expect(refused.exit).toBe(2);
    expect(refused.stderr).toContain('--yes');
    const done = line(await onHost(vault, 'backup', 'repair', '--replace', 'd2=d6', '--yes'));
    expect(done).toMatchObject({ shards: 2, replaced: true, status: 'ok' });
    expect(await readFile(join(vault.home, 'valence.yaml'), 'utf8')).toMatch(/backends: *\[ *d1, d6, d3, d4, d5 *\]/);
    await rm(vault.places[1]!, { recursive: true });
    await onHost(vault, 'backup', 'config', '--remove-backend', 'd2');
    expect(line(await onHost(vault, 'backup', 'verify', '--data'))).toMatchObject({ status: 'ok' });
    await expectRestored(vault, [fresh, vault.places[2]!, vault.places[4]!], 'restored');
    expect(line(await onHost(vault, 'backup', 'run'))).toMatchObject({ sequence: 4, survives: 2, degraded: false });
  });

  it('leaves the tier as it is where not everything could be moved', async () => {
    const vault = await copied('not replaced');
    const fresh = join(vault.root, 'd6');
    await onHost(vault, 'backup', 'config', '--add-backend', 'd6', '--type', 'directory', '--path', fresh);
    const before = await readFile(join(vault.home, 'valence.yaml'), 'utf8');
    await rm(vault.places[4]!, { recursive: true });
    const done = line(await onHost(vault, 'backup', 'repair', '--replace', 'd2=d6', '--yes'), 3);
    expect(done).toMatchObject({ replaced: false, status: 'degraded' });
    expect(await readFile(join(vault.home, 'valence.yaml'), 'utf8')).toBe(before);
  });

  it('codes everything anew for another profile', async () => {
    const vault = await copied('recoded');
    await onHost(vault, 'backup', 'config', '--tier', 'main', '--erasure', '2/5');
    const done = line(await onHost(vault, 'backup', 'repair'));
    expect(done).toMatchObject({ recoded: 2, shards: 10, survives: 3, promised: 3, status: 'ok' });
    expect(line(await onHost(vault, 'backup', 'repair'))).toMatchObject({ recoded: 0, shards: 0, status: 'ok' });
    expect(line(await onHost(vault, 'backup', 'verify', '--data'))).toMatchObject({ status: 'ok' });
    expect(line(await onHost(vault, 'backup', 'run'))).toMatchObject({ sequence: 4, survives: 3, degraded: false });
    const two = join(vault.root, 'two');
    for (const name of PLACES.slice(3)) copyFolder(join(vault.root, name), join(two, name));
    await expectRestored(
      vault,
      PLACES.slice(3).map((name) => join(two, name)),
      'restored',
    );
  });

  it.for([
    [['--replace', 'd2'], 'OLD=NEW'],
    [['--replace', 'd2=d9'], 'there is no backend d9'],
    [['--replace', 'd2=d3'], 'has backend d3 already'],
    [['--tier', 'other'], 'there is no tier other'],
  ] as const)('refuses %j', async ([argv, said]) => {
    const { exit, stderr } = await onHost(original, 'backup', 'repair', ...argv, '--yes');
    expect(exit).toBe(2);
    expect(stderr).toContain(said);
  });
});
