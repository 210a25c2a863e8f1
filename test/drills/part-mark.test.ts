import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/schema/open-database.ts';
import { readPart } from '../../src/schema/part-mark.ts';
import type { PartOf } from '../../src/schema/part-mark.ts';
import { jsonLines } from '../cli/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { beliefNumber, buildVault, filesIn, onHome, restoreFrom } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** A part of a snapshot that was restored knows that it is one, and never becomes the vault's newest snapshot. */

let folder: TemporaryFolder;
let vault: VaultFolders;
let part: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
  part = join(folder.path, 'part');
  await restorePart(part, beliefNumber(2));
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

async function restorePart(to: string, ...ids: readonly string[]): Promise<void> {
  const more = ['--beliefs', ids.join(',')];
  const { exit, stderr } = await restoreFrom({ from: vault.places, to, masterKey: vault.masterKey, more });
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
}

const from = (): string[] => vault.places.flatMap((place) => ['--from', place]);

function attach(home: string): ReturnType<typeof onHome> {
  return onHome({ home }, 'vault', 'attach', ...from(), '--key-file', vault.masterKey);
}

async function findings(home: string): Promise<readonly Record<string, unknown>[]> {
  return jsonLines((await onHome({ home }, 'doctor')).stdout);
}

async function markOf(home: string): Promise<PartOf | null> {
  await using database = await openDatabase({ folder: join(home, 'database') });
  return await readPart(database);
}

describe('a part', () => {
  it('holds of which snapshot of which vault it is', async () => {
    const newest = vault.snapshots.at(-1)!;
    const mark = await markOf(part);
    expect(mark).toMatchObject({ tier: 'main', sequence: 3, id: newest.id });
    const [view] = jsonLines((await onHome(vault, 'backup', 'config')).stdout);
    expect(mark?.vaultId).toBe(view?.['vaultId']);
    expect(await markOf(vault.home)).toBeNull();
  });

  it('is not attached, and nothing is written', async () => {
    const before = [await filesIn(part), await filesIn(vault.places[0]!), await readFile(join(part, 'valence.yaml'))];
    const { exit, stdout, stderr } = await attach(part);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(jsonLines(stderr)[0]).toMatchObject({
      code: 'usage/invalid',
      message: expect.stringContaining('holds only a part of snapshot 3 of the tier main'),
      hint: expect.stringMatching(/restore the whole snapshot.*valence keys init/),
    });
    const after = [await filesIn(part), await filesIn(vault.places[0]!), await readFile(join(part, 'valence.yaml'))];
    expect(after).toEqual(before);
  });

  it('is told of by doctor, who does not say to attach it', async () => {
    const told = await findings(part);
    expect(told).toContainEqual(
      expect.objectContaining({
        level: 'info',
        what: expect.stringMatching(/only a part of snapshot 3 of the tier main/),
      }),
    );
    expect(JSON.stringify(told)).not.toContain('vault attach');
    expect(told).toContainEqual(
      expect.objectContaining({ level: 'error', todo: 'run `valence keys init` for a new vault' }),
    );
    expect(JSON.stringify(await findings(vault.home))).not.toContain('part of snapshot');
  });

  it('may begin a vault of its own', async () => {
    expect((await onHome({ home: part }, 'keys', 'init')).exit).toBe(0);
    const place = join(folder.path, 'own');
    const config = ['backup', 'config'];
    await onHome({ home: part }, ...config, '--add-backend', 'own', '--type', 'directory', '--path', place);
    await onHome({ home: part }, ...config, '--tier', 'main', '--backends', 'own', '--copies', '1');
    const run = await onHome({ home: part }, 'backup', 'run');
    expect(jsonLines(run.stdout), run.stderr).toMatchObject([{ sequence: 1, counts: { beliefs: 1 } }]);
    expect((await findings(part)).filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('the mark', () => {
  it('goes when the whole comes', async () => {
    const to = join(folder.path, 'all');
    await restorePart(to, ...Array.from({ length: 150 }, (_, i) => beliefNumber(i + 1)));
    expect(await markOf(to)).not.toBeNull();
    const whole = await restoreFrom({ from: vault.places, to, masterKey: vault.masterKey });
    expect(jsonLines(whole.stdout)[0], whole.stderr).toMatchObject({ resumed: true });
    expect(await markOf(to)).toBeNull();
    expect((await attach(to)).exit).toBe(0);
    await rm(to, { recursive: true });
  });
});
