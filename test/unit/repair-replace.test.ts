import { describe, expect, it } from 'vitest';
import { backendError } from '../../src/backends/backend-error.ts';
import { shardObjectName } from '../../src/format/shard/name.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { repairVault } from '../support/repairing.ts';
import { TABLE, expectAll, stripesOf, take, takenVault } from '../support/taken-vault.ts';
import { keyOf } from '../support/tree-fixture.ts';

const isShard = (name: string): boolean => name.startsWith('shards/');

describe('a backend that is to go', () => {
  it('may be half alive, and the new one full halfway: what it says is true, and the next try ends it', async () => {
    const fixture = await takenVault('half alive', 2);
    const { vault } = fixture;
    const old = vault.backends[3]!;
    const names = [...old.objects.keys()].filter(isShard);
    old.objects.delete(names[0]!);
    const fresh = new MemoryBackend('fresh');
    vault.backends[3] = fresh;
    let puts = 0;
    const filling = hookedBackend(fresh, {
      before: ({ operation, name }) => {
        puts += operation === 'put' && isShard(name) ? 1 : 0;
        if (operation === 'put' && puts > 1)
          throw backendError('backend/full', { backend: 'fresh', operation, object: name }, 'no room');
      },
    });
    const half = vault.backends.map((backend) => (backend === fresh ? filling : backend));
    const first = await repairVault(vault, { onto: half, from: [old] });
    expect(first).toMatchObject({ status: 'degraded', survives: 1, lost: [] });
    expect(await repairVault(vault, { from: [old], seed: 'again' })).toMatchObject({ status: 'ok', lacking: 0 });
    vault.backends[0]!.objects.clear();
    vault.backends[1]!.objects.clear();
    await expectAll(fixture);
  });

  it('may come back as the new one of another', async () => {
    const fixture = await takenVault('back again', 2);
    const { vault } = fixture;
    const [a, b] = [vault.backends[0]!, vault.backends[1]!];
    vault.backends[0] = new MemoryBackend('instead of a');
    expect(await repairVault(vault, { from: [a] })).toMatchObject({ status: 'ok' });
    vault.backends[1] = a;
    expect(await repairVault(vault, { from: [b], dryRun: true })).toMatchObject({ status: 'ok', shards: 2 });
    expect(await repairVault(vault, { from: [b], seed: 'second' })).toMatchObject({ status: 'ok', survives: 2 });
    expect(await repairVault(vault)).toMatchObject({ status: 'ok', shards: 0 });
    fixture.substrate.put(TABLE, keyOf('more', 16), 'more', 300);
    const { snapshot } = await take(fixture);
    expect(snapshot.summary).toMatchObject({ survives: 2, degraded: false });
    vault.backends[0] = new MemoryBackend('after it');
    vault.backends[4]!.objects.clear();
    await expectAll(fixture);
    // The only one with two of a stripe gives one of them up to the new place.
    expect(await repairVault(vault, { seed: 'third' })).toMatchObject({ status: 'ok', survives: 2 });
    vault.backends[1].objects.clear();
    vault.backends[2]!.objects.clear();
    await expectAll(fixture);
  });

  it('may be cleared of all that it had, and a run afterwards folds what is left', async () => {
    const fixture = await takenVault('pruned', 2);
    const { vault, substrate } = fixture;
    const old = vault.backends[2]!;
    vault.backends[2] = new MemoryBackend('new');
    expect(await repairVault(vault, { from: [old] })).toMatchObject({ status: 'ok' });
    old.objects.clear();
    for (let round = 0; round < 4; round += 1) {
      substrate.put(TABLE, keyOf(`later ${round}`, 16), `later ${round}`, 300);
      await take(fixture);
    }
    vault.backends[0]!.objects.clear();
    vault.backends[1]!.objects.clear();
    await expectAll(fixture);
    expect(await repairVault(vault, { seed: 'third' })).toMatchObject({ status: 'ok', lacking: 0 });
    vault.backends[3]!.objects.clear();
    vault.backends[4]!.objects.clear();
    await expectAll(fixture);
  });
});

describe('a profile that is changed there and back', () => {
  it('gives every snapshot, though the first coding was lost meanwhile', async () => {
    const fixture = await takenVault('there and back', 2);
    const { vault, substrate } = fixture;
    const wide = { k: 5, n: 9 };
    const first = await stripesOf(vault);
    for (let i = 5; i < 9; i += 1) vault.backends.push(new MemoryBackend(`${i}`));
    expect(await repairVault(vault, { profile: wide })).toMatchObject({ status: 'ok', recoded: 2 });
    substrate.put(TABLE, keyOf('wide', 16), 'wide', 120_000);
    await take(fixture, wide);
    const gone = new Set(first.flatMap(({ shards }) => shards.slice(0, 3).map(({ name }) => shardObjectName(name))));
    for (const { objects } of vault.backends) for (const name of gone) objects.delete(name);
    vault.backends.splice(5, 4);
    const back = await repairVault(vault, { seed: 'back' });
    expect(back).toMatchObject({ status: 'ok', lost: [], lacking: 0 });
    vault.backends[0]!.objects.clear();
    vault.backends[2]!.objects.clear();
    await expectAll(fixture);
  });
});

describe('a debt', () => {
  it('goes to a holder that has none of the stripe, not to one that a repair gave some', async () => {
    for (const seed of ['a', 'b', 'c', 'd']) {
      const fixture = { vault: new MemoryVault(`debt ${seed}`), substrate: new MemorySubstrate(), taken: [] };
      const { vault, substrate } = fixture;
      const [late] = vault.backends.splice(4, 1);
      substrate.put(TABLE, keyOf('0', 16), 'zero', 120_000);
      await take(fixture);
      // One place is lost and its shard rebuilt at another, while the fifth is away still.
      const gone = vault.backends[0]!;
      vault.backends[0] = new MemoryBackend('instead');
      expect(await repairVault(vault)).toMatchObject({ repaired: 1, lacking: 1 });
      gone.objects.clear();
      vault.backends.push(late!);
      substrate.put(TABLE, keyOf('more', 16), 'more', 300);
      const { notes } = await take(fixture);
      expect(notes).toContain('paid: 1 shard to place-4');
      substrate.put(TABLE, keyOf('later', 16), 'later', 300);
      expect((await take(fixture)).snapshot.summary).toMatchObject({ survives: 2, degraded: false });
      for (const lost of [1, 2]) vault.backends[lost]!.objects.clear();
      await expectAll(fixture);
    }
  });
});
