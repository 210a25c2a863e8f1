import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openValence } from '../../src/index.ts';
import { jsonLines } from '../cli/run-cli.ts';
import type { CliResult } from '../cli/run-cli.ts';
import { copyFolder } from '../support/copy-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildVault, contentsOf, copyVault, filesIn, longText, onHost, restoreFrom } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** Places that go away, fill up, or are not what they were. */

let folder: TemporaryFolder;
let original: VaultFolders;
let vault: VaultFolders;
let count = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
  original = await buildVault(join(folder.path, 'original'), ['main', 'weekly']);
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

beforeEach(async () => {
  count += 1;
  if (count > 1) await rm(vault.root, { recursive: true });
  vault = await copyVault(original, join(folder.path, `copy-${count}`));
});

function run(tier = 'main'): Promise<CliResult> {
  return onHost(vault, 'backup', 'run', '--tier', tier);
}

function snapshotOf(result: CliResult): { notes: string[] } & Record<string, unknown> {
  return jsonLines(result.stdout)[0] as ReturnType<typeof snapshotOf>;
}

describe('degraded', () => {
  it('one folder away: stored all the same, with less to promise, and it is said which', async () => {
    await rm(vault.places[3]!, { recursive: true });
    const result = await run();
    expect(result.exit, result.stderr).toBe(3);
    expect(snapshotOf(result)).toMatchObject({ sequence: 4, degraded: true, survives: 1 });
    expect(snapshotOf(result).notes).toEqual([expect.stringContaining(vault.places[3]!)]);
    const listed = jsonLines((await onHost(vault, 'backup', 'list')).stdout);
    expect(listed.find(({ sequence, tier }) => sequence === 4 && tier === 'main')).toMatchObject({
      degraded: true,
      survives: 1,
    });
    const verified = await onHost(vault, 'backup', 'verify', '--tier', 'main');
    expect(verified.exit).toBe(3);
    const [report] = jsonLines(verified.stdout) as unknown as [
      { findings: Record<string, unknown>[]; restorable: boolean },
    ];
    expect(report).toMatchObject({ restorable: true, status: 'damaged' });
    expect(report.findings.map(({ kind, location, object }) => ({ kind, location, object }))).toEqual([
      { kind: 'backend-unavailable', location: vault.places[3], object: null },
      { kind: 'shard-missing', location: 'd4', object: null },
    ]);
    await mkdir(vault.places[3]!);
  });

  it('three folders away: nothing is committed, and nothing of it can be seen', async () => {
    for (const place of vault.places.slice(2)) await rm(place, { recursive: true });
    const before = await Promise.all(vault.places.slice(0, 2).map(contentsOf));
    const result = await run();
    expect({ exit: result.exit, stdout: result.stdout }).toEqual({ exit: 30, stdout: '' });
    const error = jsonLines(result.stderr)[0] as { message: string; context: { reasons: { location: string }[] } };
    expect(error.message).toContain('nothing was committed');
    expect(error.context.reasons.map(({ location }) => location)).toEqual(vault.places.slice(2));
    expect(await Promise.all(vault.places.slice(0, 2).map(contentsOf))).toEqual(before);
    for (const place of vault.places.slice(2))
      await cp(join(original.root, place.slice(-2)), place, { recursive: true });
    const again = await run();
    expect(snapshotOf(again), again.stderr).toMatchObject({ sequence: 4, degraded: false, survives: 2 });
  });
});

describe('a folder that is not the old one', () => {
  it('emptied: it begins as a new place, and what it kept is not counted', async () => {
    for (const name of await readdir(vault.places[4]!)) await rm(join(vault.places[4]!, name), { recursive: true });
    const result = await run();
    expect(result.exit, result.stderr).toBe(3);
    expect(snapshotOf(result)).toMatchObject({ survives: 1, degraded: true });
    expect(snapshotOf(result).notes).toEqual([
      `${vault.places[4]} held nothing of this vault and begins as a new place`,
    ]);
  });

  it('a copy of another: it counts once', async () => {
    await rm(vault.places[4]!, { recursive: true });
    copyFolder(vault.places[3]!, vault.places[4]!);
    const before = await contentsOf(vault.places[4]!);
    const result = await run();
    expect(result.exit, result.stderr).toBe(3);
    expect(snapshotOf(result)).toMatchObject({ survives: 1, degraded: true });
    expect(snapshotOf(result).notes).toEqual([expect.stringContaining('copy of backend d4')]);
    expect(await contentsOf(vault.places[4]!), 'nothing is written to the copy').toEqual(before);
    const verified = await onHost(vault, 'backup', 'verify', '--tier', 'main');
    expect(verified.exit).toBe(3);
    expect(verified.stdout).toContain('"holder-repeated"');
    // Four places, one of them twice, and one of the others gone: still enough.
    const from = [vault.places[4]!, vault.places[3]!, vault.places[0]!, vault.places[1]!];
    const to = join(vault.root, 'target');
    const plan = await restoreFrom({ from, to, masterKey: vault.masterKey, more: ['--dry-run'] });
    expect(plan.exit, plan.stderr).toBe(0);
    const tooFew = await restoreFrom({ from: from.slice(0, 3), to, masterKey: vault.masterKey, more: ['--dry-run'] });
    expect(tooFew.exit, 'a copy is no third place').toBe(41);
  });

  it('that of another vault: refused, and left as it is', async () => {
    const foreign = await buildVault(join(folder.path, `foreign-${count}`));
    await rm(vault.places[4]!, { recursive: true });
    copyFolder(foreign.places[0]!, vault.places[4]!);
    const before = await Promise.all(vault.places.map(contentsOf));
    for (const command of [['run'], ['verify'], ['list']]) {
      const refused = await onHost(vault, 'backup', ...command);
      expect({ exit: refused.exit, stdout: refused.stdout }, command[0]).toEqual({ exit: 34, stdout: '' });
      expect(refused.stderr).toContain(vault.places[4]);
    }
    const to = join(vault.root, 'target');
    const refused = await restoreFrom({ from: vault.places, to, masterKey: vault.masterKey });
    expect({ exit: refused.exit, stdout: refused.stdout }).toEqual({ exit: 34, stdout: '' });
    expect(await readdir(vault.root)).not.toContain('target');
    expect(await Promise.all(vault.places.map(contentsOf))).toEqual(before);
    const wrong = await restoreFrom({ from: vault.places.slice(0, 4), to, masterKey: foreign.masterKey });
    expect({ exit: wrong.exit, code: jsonLines(wrong.stderr)[0]!['code'] }).toEqual({
      exit: 11,
      code: 'key/wrong-key',
    });
    const passphrase = await restoreFrom({
      from: vault.places.slice(0, 4),
      to,
      masterKey: vault.masterKey,
      passphrase: 'guess',
    });
    expect({ exit: passphrase.exit, stdout: passphrase.stdout }).toEqual({ exit: 10, stdout: '' });
    expect(await readdir(vault.root)).not.toContain('target');
  });
});

describe('nothing changed', () => {
  it('a second run stores nothing but a manifest in each place', async () => {
    const before = await Promise.all(vault.places.map(contentsOf));
    const result = await run();
    expect(snapshotOf(result), result.stderr).toMatchObject({
      newBytes: 0,
      survives: 2,
      degraded: false,
      root: vault.snapshots[2]!.root,
    });
    for (const [i, place] of vault.places.entries()) {
      const after = await contentsOf(place);
      const added = Object.keys(after).filter((name) => !(name in before[i]!));
      expect(added).toEqual([expect.stringMatching(/^snapshots\/main\/0000000004-[0-9a-f]{64}$/)]);
      expect(after).toMatchObject(before[i]!);
    }
  });

  it('without --tier every tier is taken from one state, and stores nothing but its manifest', async () => {
    const before = await Promise.all(vault.places.map(filesIn));
    const result = await onHost(vault, 'backup', 'run');
    expect(result.exit, result.stderr).toBe(0);
    const taken = jsonLines(result.stdout);
    expect(taken.map(({ tier, sequence, newBytes, root }) => ({ tier, sequence, newBytes, root }))).toEqual(
      ['main', 'weekly'].map((tier) => ({ tier, sequence: 4, newBytes: 0, root: vault.snapshots[2]!.root })),
    );
    for (const [i, place] of vault.places.entries()) {
      const added = (await filesIn(place)).filter((name) => !before[i]!.includes(name));
      expect(added.map((name) => name.slice(0, 26))).toEqual([
        'snapshots/main/0000000004-',
        'snapshots/weekly/000000000',
      ]);
    }
  });
});

describe('a disk that is full', () => {
  const mounts = mayMount();

  it.skipIf(!mounts)('too few places take shards: 33, and the vault is as before', async () => {
    const small = vault.places.slice(0, 3);
    const before = await Promise.all(vault.places.slice(3).map((place) => filesIn(join(place, 'snapshots'))));
    for (const place of small) await onTinyDisk(place);
    try {
      await using valence = openValence({ home: vault.home, env: {} });
      await valence.belief.add({ content: longText('more than fits', 2_000_000) });
      await valence[Symbol.asyncDispose]();
      const result = await run();
      expect({ exit: result.exit, stdout: result.stdout }, result.stderr).toEqual({ exit: 33, stdout: '' });
      expect(jsonLines(result.stderr)[0]).toMatchObject({ code: 'backend/full' });
      expect(await Promise.all(vault.places.slice(3).map((place) => filesIn(join(place, 'snapshots'))))).toEqual(
        before,
      );
      const listed = jsonLines((await onHost(vault, 'backup', 'list')).stdout);
      expect(listed.filter(({ tier }) => tier === 'main')).toHaveLength(3);
    } finally {
      for (const place of small) execFileSync('umount', [place]);
    }
  });

  /** The place as it is, on a file system with next to no space left. */
  async function onTinyDisk(place: string): Promise<void> {
    const kept = `${place}-kept`;
    copyFolder(place, kept);
    await rm(place, { recursive: true });
    await mkdir(place);
    const size = Number(execFileSync('du', ['-sk', '--apparent-size', kept]).toString().split('\t')[0]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size + 160}k`, 'tmpfs', place]);
    copyFolder(kept, place);
  }
});

/** Whether this machine lets us mount a file system. */
function mayMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
