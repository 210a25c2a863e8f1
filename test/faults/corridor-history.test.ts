import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jsonLines, runCli } from '../cli/run-cli.ts';
import type { CliResult } from '../cli/run-cli.ts';
import { copyFolder } from '../support/copy-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildVault, contentsOf, copyVault, onHome, onHost, restoreFrom } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** Snapshots that were committed and are gone: holes, rollbacks, and the way back to a vault that can be used. */

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

/** Removes one snapshot of a tier from every place. */
async function removeSnapshot(tier: string, sequence: number): Promise<void> {
  for (const path of await manifestsOf(tier, sequence)) await rm(path);
}

async function manifestsOf(tier: string, sequence: number): Promise<string[]> {
  const paths: string[] = [];
  for (const place of vault.places) {
    const at = join(place, 'snapshots', tier);
    const names = (await readdir(at)).filter((name) => Number(name.slice(0, 10)) === sequence);
    paths.push(...names.map((name) => join(at, name)));
  }
  expect(paths).toHaveLength(5);
  return paths;
}

/** Verifies as a host that remembers nothing. */
async function verifyWithoutMemory(tier: string): Promise<{ exit: number; kinds: unknown[] }> {
  const argv = ['backup', 'verify', '--tier', tier, '--home', vault.home, '--json'];
  const { exit, stdout } = await runCli(argv, { env: { DATABASE_URL: 'postgres://127.0.0.1:1/none' } });
  const [report] = jsonLines(stdout) as unknown as [{ findings: { kind: string; severity: string }[] }];
  return {
    exit,
    kinds: [...new Set(report.findings.filter(({ severity }) => severity !== 'info').map(({ kind }) => kind))],
  };
}

function plan(...more: string[]): Promise<CliResult> {
  const to = join(vault.root, 'target');
  return restoreFrom({ from: vault.places, to, masterKey: vault.masterKey, more: ['--dry-run', ...more] });
}

function errorOf({ stderr }: CliResult): {
  code: string;
  message: string;
  hint: string;
  context: Record<string, unknown>;
} {
  return jsonLines(stderr)[0] as unknown as ReturnType<typeof errorOf>;
}

describe('a snapshot in the middle is removed everywhere', () => {
  it('verify and restore of the latest end with 42, and the others can be restored', async () => {
    await removeSnapshot('main', 2);
    const [first, second, third] = vault.snapshots as [
      (typeof vault.snapshots)[0],
      (typeof vault.snapshots)[0],
      (typeof vault.snapshots)[0],
    ];
    expect(await verifyWithoutMemory('main')).toEqual({ exit: 42, kinds: ['snapshot-missing'] });
    const latest = await plan('--tier', 'main');
    expect(latest.exit).toBe(42);
    expect(errorOf(latest)).toMatchObject({ code: 'integrity/chain-broken', context: { digest: second.id } });
    expect(errorOf(latest).hint).toContain(`--snapshot ${third.id.slice(0, 12)}`);
    for (const { id } of [first, third]) {
      const named = await plan('--snapshot', id.slice(0, 12));
      expect(named.exit, named.stderr).toBe(0);
      expect(jsonLines(named.stdout)[0]).toMatchObject({ restorable: true, snapshot: { id } });
    }
    expect((await plan('--snapshot', second.id)).exit).toBe(2);
  });
});

describe('the newest snapshot is removed everywhere', () => {
  it('this host says so and writes nothing; attached anew, it goes on', async () => {
    for (const tier of ['main', 'weekly']) await removeSnapshot(tier, 3);
    const verified = await onHost(vault, 'backup', 'verify', '--tier', 'main');
    expect(verified.exit).toBe(42);
    const [report] = jsonLines(verified.stdout) as [{ status: string; findings: { severity: string }[] }];
    expect(report.status).toBe('chain-broken');
    expect(report.findings.filter(({ severity }) => severity === 'error')).toEqual([
      expect.objectContaining({ kind: 'snapshot-missing', object: vault.snapshots[2]!.id }),
    ]);
    const before = await Promise.all(vault.places.map(contentsOf));
    const refused = await onHost(vault, 'backup', 'run', '--tier', 'main');
    expect({ exit: refused.exit, stdout: refused.stdout }).toEqual({ exit: 42, stdout: '' });
    expect(errorOf(refused).hint).toContain('valence vault attach');
    expect(errorOf(refused).context).toMatchObject({ tier: 'main', sequence: 3, digest: vault.snapshots[2]!.id });
    expect(await Promise.all(vault.places.map(contentsOf))).toEqual(before);
    expect((await onHome(vault, 'vault', 'attach', ...vault.places.flatMap((place) => ['--from', place]))).exit).toBe(
      0,
    );
    const again = await onHost(vault, 'backup', 'run');
    expect({ exit: again.exit, stderr: again.stderr }).toEqual({ exit: 0, stderr: '' });
    const [main] = jsonLines(again.stdout);
    expect(main).toMatchObject({ tier: 'main', sequence: 3, survives: 2, root: vault.snapshots[2]!.root });
    expect((await onHost(vault, 'backup', 'verify', '--data')).exit).toBe(0);
    expect((await onHost(vault, 'backup', 'run')).exit).toBe(0);
  });

  it('a host that remembers nothing learns it from the other tier', async () => {
    await removeSnapshot('main', 3);
    expect(await verifyWithoutMemory('main')).toEqual({ exit: 42, kinds: ['snapshot-missing'] });
    expect(await verifyWithoutMemory('weekly')).toEqual({ exit: 0, kinds: [] });
    const latest = await plan('--tier', 'main');
    expect({ exit: latest.exit, code: errorOf(latest).code }).toEqual({ exit: 42, code: 'integrity/chain-broken' });
    const any = await plan();
    expect(any.exit, any.stderr).toBe(0);
    expect(jsonLines(any.stdout)[0]).toMatchObject({
      snapshot: { tier: 'weekly', sequence: 3, root: vault.snapshots[2]!.root },
    });
  });
});

describe('the newest snapshot is damaged everywhere', () => {
  it('run refuses to build on it until the vault is attached anew', async () => {
    for (const path of await manifestsOf('main', 3)) await writeFile(path, (await readFile(path)).subarray(100));
    expect(await verifyWithoutMemory('main')).toEqual({ exit: 41, kinds: ['snapshot-lost'] });
    const refused = await onHost(vault, 'backup', 'run', '--tier', 'main');
    expect({ exit: refused.exit, stdout: refused.stdout }).toEqual({ exit: 40, stdout: '' });
    expect(errorOf(refused).hint).toContain('valence vault attach');
    const latest = await plan('--tier', 'main');
    expect(latest.exit).toBe(40);
    expect(errorOf(latest).hint).toContain(`--snapshot ${vault.snapshots[1]!.id.slice(0, 12)}`);
    const named = await plan('--snapshot', vault.snapshots[2]!.id.slice(0, 20));
    expect({ exit: named.exit, code: errorOf(named).code }).toEqual({
      exit: 40,
      code: 'integrity/authentication-failed',
    });
    const listed = await onHost(vault, 'backup', 'list');
    expect(listed.exit).toBe(40);
    expect(jsonLines(listed.stdout).map(({ tier, sequence }) => `${String(tier)} ${String(sequence)}`)).toEqual([
      'main 1',
      'main 2',
      'weekly 1',
      'weekly 2',
      'weekly 3',
    ]);
    expect((await onHome(vault, 'vault', 'attach', ...vault.places.flatMap((place) => ['--from', place]))).exit).toBe(
      0,
    );
    const again = await onHost(vault, 'backup', 'run', '--tier', 'main');
    expect(again.exit, again.stderr).toBe(0);
    expect(jsonLines(again.stdout)[0]).toMatchObject({
      sequence: 3,
      notes: expect.arrayContaining([expect.stringContaining('damaged')]),
    });
  });
});

describe('what this host remembers', () => {
  it('may lag behind its own snapshots: the chain goes on from the newest', async () => {
    const memory = join(vault.root, 'memory');
    copyFolder(join(vault.home, 'database'), memory);
    expect((await onHost(vault, 'backup', 'run', '--tier', 'main')).exit).toBe(0);
    await rm(join(vault.home, 'database'), { recursive: true });
    await rename(memory, join(vault.home, 'database'));
    const run = await onHost(vault, 'backup', 'run', '--tier', 'main');
    expect(run.exit, run.stderr).toBe(0);
    const [fifth] = jsonLines(run.stdout);
    expect(fifth).toMatchObject({ sequence: 5, root: vault.snapshots[2]!.root, survives: 2 });
    expect(await verifyWithoutMemory('main')).toEqual({ exit: 0, kinds: [] });
    const [sixth] = jsonLines((await onHost(vault, 'backup', 'run', '--tier', 'main')).stdout);
    expect(sixth).toMatchObject({ sequence: 6, newBytes: 0 });
  });

  it('an index that is lost everywhere stops no backup', async () => {
    for (const place of vault.places) {
      for (const name of await readdir(join(place, 'index'))) await writeFile(join(place, 'index', name), 'gone');
    }
    const run = await onHost(vault, 'backup', 'run', '--tier', 'main');
    expect(run.exit, run.stderr).toBe(0);
    expect(jsonLines(run.stdout)[0]).toMatchObject({
      sequence: 4,
      survives: 2,
      notes: [expect.stringContaining('every row was read'), expect.stringContaining('stored anew')],
    });
    const latest = await plan('--tier', 'main');
    expect(latest.exit, latest.stderr).toBe(0);
    const verified = await onHost(vault, 'backup', 'verify', '--tier', 'main');
    expect(verified.exit).toBe(41);
    expect(jsonLines(verified.stdout)[0]).toMatchObject({ status: 'lost', restorable: true });
  });
});
