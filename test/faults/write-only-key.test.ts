import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { backendError } from '../../src/backends/backend-error.ts';
import { rememberWrites } from '../../src/backends/wrappers/remembering.ts';
import type { Snapshot } from '../../src/vault/snapshots.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import type { MemoryBackend } from '../support/memory-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { keyOf } from '../support/tree-fixture.ts';

/** With a key that may only put and list. */
function writeOnly(inner: MemoryBackend): Backend {
  const before = ({ operation, name }: { operation: string; name: string }): void => {
    if (operation === 'put' || operation === 'list') return;
    throw backendError('backend/denied', { backend: inner.location, operation, object: name }, 'access denied');
  };
  return hookedBackend(inner, { before });
}

/** The same, with a home that remembers what was written. */
function remembered({ path }: TemporaryFolder): (inner: MemoryBackend) => Backend {
  return (inner) => {
    const name = inner.location.replace(':', '-');
    return rememberWrites(writeOnly(inner), { name, folder: join(path, name) });
  };
}

function change(substrate: MemorySubstrate, run: number): void {
  for (let row = 0; row < 40; row += 1)
    if (run === 0 || row % 5 === run) substrate.put({ name: 'beliefs' }, keyOf(`${row}`, 16), `${run} ${row}`, 9_000);
  if (run > 1) substrate.remove({ name: 'beliefs' }, substrate.keys({ name: 'beliefs' })[run]!);
}

describe('a key that may only write and list', () => {
  it('is enough for runs from an empty start, which a full key restores', async () => {
    await using home = await temporaryFolder();
    const vault = new MemoryVault('write only');
    vault.around = remembered(home);
    const substrate = new MemorySubstrate();
    const taken: { snapshot: Snapshot; state: ReturnType<MemorySubstrate['state']> }[] = [];
    for (let run = 0; run < 6; run += 1) {
      change(substrate, run);
      const [done] = await vault.run(() => substrate.source(), ['t']);
      expect([done!.snapshot.summary.survives, done!.snapshot.summary.degraded, done!.notes]).toEqual([2, false, []]);
      expect(done!.scan).toBe(run === 0 ? 'everything' : 'changes');
      taken.push({ snapshot: done!.snapshot, state: substrate.state() });
    }
    for (const { snapshot, state } of taken)
      expect((await vault.readBack(snapshot.manifest.digest)).state).toMatchObject(rowsOf(state));
  });

  it('is enough for a full scan', async () => {
    await using home = await temporaryFolder();
    const vault = new MemoryVault('write only');
    vault.around = remembered(home);
    const substrate = new MemorySubstrate();
    change(substrate, 0);
    await vault.run(() => substrate.source(), ['t']);
    change(substrate, 1);
    const [done] = await vault.run(() => substrate.source(), ['t'], { fullScan: true });
    expect(done!.notes).toEqual(['every row was read: the change log had missed nothing']);
    expect((await vault.readBack(done!.snapshot.manifest.digest)).state).toMatchObject(rowsOf(substrate.state()));
  });

  it('cannot replace a damaged copy: that is told, and the run goes on', async () => {
    await using home = await temporaryFolder();
    const vault = new MemoryVault('write only');
    vault.around = remembered(home);
    const substrate = new MemorySubstrate();
    change(substrate, 0);
    await vault.run(() => substrate.source(), ['t']);
    const { objects } = vault.backends[2]!;
    const segment = [...objects.keys()].find((name) => name.startsWith('index/'))!;
    objects.set(segment, objects.get(segment)!.slice(1));
    change(substrate, 1);
    const [done] = await vault.run(() => substrate.source(), ['t'], { fullScan: true });
    const kept = done!.notes.filter((note) => note.includes('keeps a damaged object'));
    expect(kept).toEqual([expect.stringMatching(/^memory:2 keeps a damaged object: /)]);
    expect(done!.notes.some((note) => note.includes('refused'))).toBe(false);
    expect([done!.snapshot.summary.survives, done!.snapshot.summary.degraded]).toEqual([2, false]);
    expect((await vault.readBack(done!.snapshot.manifest.digest)).state).toMatchObject(rowsOf(substrate.state()));
  });

  it('takes no part where it meets what somebody else wrote', async () => {
    await using home = await temporaryFolder();
    const vault = new MemoryVault('write only');
    const substrate = new MemorySubstrate();
    change(substrate, 0);
    await vault.run(() => substrate.source(), ['t']);
    vault.around = (inner) => (inner === vault.backends[0] ? remembered(home)(inner) : inner);
    const [done] = await vault.run(() => substrate.source(), ['t']);
    expect(done!.notes).toEqual([expect.stringMatching(/^memory:0 took no part: .*access denied/)]);
    expect([done!.snapshot.summary.survives, done!.snapshot.summary.degraded]).toEqual([1, true]);
  });
});

/** Trees that others are computed from are not read back. */
function rowsOf(state: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(state).filter(([name]) => name !== 'belief_edges_reverse'));
}
