import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openValence } from '../../src/index.ts';
import type { KillPoint } from '../support/kill-switch.ts';
import { notedRestore, runUntilKilled } from '../support/killed-process.ts';
import type { NotedChange } from '../support/noted-files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildVault, filesIn, PASSPHRASE } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/**
 * `backup restore` into a folder, killed by SIGKILL at one named point after another, all with the same target: each process begins with
 * what the last one left.
 */

interface NamedPoint extends KillPoint {
  readonly name: string;
  /** Whether the target has its name afterwards; then it is whole. */
  readonly isThere?: true;
}

const POINTS: readonly NamedPoint[] = [
  { name: 'in the middle of the rows', operation: 'stage', about: 'restoring belief_edges', number: 1, when: 'before' },
  { name: 'before it commits', operation: 'stage', about: 'comparing with the snapshot', number: 1, when: 'before' },
  { name: 'before the target gets its name', operation: 'rename', about: '/target', number: 1, when: 'before' },
  {
    name: 'once the target has its name',
    operation: 'rename',
    about: '/target',
    number: 1,
    when: 'after',
    isThere: true,
  },
  { name: 'before a vector index', operation: 'stage', about: 'event index', number: 1, when: 'before', isThere: true },
];

let folder: TemporaryFolder;
let vault: VaultFolders;
let target: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
  target = join(folder.path, 'restored', 'target');
}, 300_000);

afterAll(() => folder[Symbol.asyncDispose]());

describe('a restore killed', () => {
  it.each(POINTS)(
    '$name',
    async ({ name: seed, isThere, ...point }) => {
      const order = { home: vault.home, passphrase: PASSPHRASE, restoreTo: target, armed: 'first', point } as const;
      const { signal, errors } = await runUntilKilled({ ...order, beliefs: 0, length: 0, seed });
      expect({ signal, errors }).toEqual({ signal: 'SIGKILL', errors: '' });
      const found = await stat(target).then(
        () => true,
        () => false,
      );
      expect(found).toBe(isThere ?? false);
    },
    120_000,
  );

  it('anywhere is ended by the next, which leaves the snapshot and nothing else', async () => {
    const options = { from: vault.places, to: target, snapshot: 'latest', keyFile: vault.masterKey, dryRun: false };
    const nowhere = join(folder.path, 'no-home');
    await using valence = openValence({ home: nowhere, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
    const events = await Array.fromAsync(valence.backup.restore(options));
    expect(events[0]).toMatchObject({ type: 'plan', resumed: true });
    expect(events.at(-1)).toMatchObject({ type: 'restored', snapshot: vault.snapshots.at(-1)!.id, orphanEdges: 0 });
    await using restored = openValence({ home: target, env: {} });
    expect((await restored.digest()).digest).toBe(vault.digests.at(-1));
    const beside = await filesIn(join(folder.path, 'restored'));
    expect(beside.filter((path) => !path.startsWith('target/'))).toEqual([]);
  }, 120_000);
});

describe('a restore that loses its power', () => {
  it('has nothing under its name before all of it is durable', async () => {
    const below = join(folder.path, 'noted');
    const to = join(below, 'target');
    const notes = await notedRestore({ home: vault.home, passphrase: PASSPHRASE, restoreTo: to, below });
    const named = notes.findIndex(({ kind, path }) => kind === 'rename' && path === to);
    expect(named).toBeGreaterThan(1000);
    // What comes before the rename has other names, and is synced after its last change.
    const before = notes.slice(0, named).filter(({ path }) => path !== below);
    expect(before.filter(({ path }) => path.startsWith(to))).toEqual([]);
    expect(unsynced(before)).toEqual([]);
    expect(unsynced(notes.filter(({ path }) => path === below))).toEqual([]);
  }, 120_000);
});

/** Files whose content, and folders whose names, changed after they were synced last; what is gone does not count. */
function unsynced(notes: readonly NotedChange[]): string[] {
  const open = new Set<string>();
  for (const { kind, path, from = '' } of notes) {
    if (kind === 'content' || kind === 'name' || (kind === 'rename' && open.has(from))) open.add(path);
    else open.delete(path);
    open.delete(from);
  }
  return [...open];
}
