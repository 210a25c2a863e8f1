import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import { openValence } from '../../src/index.ts';
import type { SnapshotRecord, Valence } from '../../src/index.ts';
import { readAll } from '../support/disk-vault.ts';
import { rejection } from '../support/expect-code.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { beliefNumber, buildVault, importLines, PASSPHRASE, PLACES } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** Two homes with embedded databases, attached to one vault, and two processes at one home. */

let folder: TemporaryFolder;
let vault: VaultFolders;

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
}, 300_000);

afterAll(() => folder[Symbol.asyncDispose]());

function open(home: string): Valence {
  return openValence({ home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
}

async function run(valence: Valence): Promise<SnapshotRecord> {
  const [record] = await Array.fromAsync(valence.backup.run({}));
  return record!;
}

describe('two at one home', () => {
  it('the second is told to wait, and the first is not disturbed', async () => {
    await using first = open(vault.home);
    await using second = open(vault.home);
    await first.belief.set(beliefNumber(7), { confidence: 0.25 });
    await rejection(run(second), 'home/locked');
    expect(await run(first)).toMatchObject({ sequence: 4, scan: 'changes', survives: 2 });
  });
});

describe('two homes on one vault', () => {
  it('run at once: both are stored and restore, and each goes on from its own', async () => {
    await using first = open(vault.home);
    await using second = open(join(folder.path, 'second'));
    await second.init();
    await importLines(second, [{ id: beliefNumber(1), content: 'another home knows little' }]);
    await second.vault.attach({ from: vault.places, keyFile: vault.masterKey });
    await first.belief.set(beliefNumber(8), { confidence: 0.25 });
    const both = await Promise.all([run(first), run(second)]);
    await first.belief.set(beliefNumber(9), { confidence: 0.25 });
    await second.belief.set(beliefNumber(1), { confidence: 0.25 });
    const next = [await run(first), await run(second)];
    expect(next.map(({ scan, degraded }) => ({ scan, degraded }))).toEqual([
      { scan: 'changes', degraded: false },
      { scan: 'changes', degraded: false },
    ]);
    expect(next[1]!.notes).toEqual([expect.stringContaining('another host wrote')]);
    const sealed = parseMasterKey(await readFile(vault.masterKey));
    const owner = ownerIdentity(await openMasterKey(sealed, PASSPHRASE));
    const all = await readAll({ root: vault.root, places: PLACES, owner });
    const ids = all.map(({ digest }) => digest);
    expect(ids).toEqual(expect.arrayContaining([...vault.snapshots, ...both, ...next].map(({ id }) => id)));
    for (const valence of [first, second]) {
      const [report] = await Array.fromAsync(valence.backup.verify({ data: true }));
      expect(report).toMatchObject({ status: 'ok', restorable: true, findings: [] });
    }
  });
});
