import { describe, expect, it } from 'vitest';
import { hookedBackend } from '../support/hooked-backend.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import type { MemoryVault } from '../support/memory-vault.ts';
import { repairVault } from '../support/repairing.ts';
import {
  TABLE,
  expectAll,
  shardNames,
  shardsAt,
  stripesOf,
  take,
  takenVault,
  verifyMain,
} from '../support/taken-vault.ts';
import { keyOf } from '../support/tree-fixture.ts';

/** What repairs mean to the runs that come after them. */

describe('a run after a repair', () => {
  const fewShards = (vault: MemoryVault): number =>
    vault.backends.reduce((sum, each) => sum + shardsAt(each).length, 0);

  it.for([true, false])('costs what changed, every row read: %s', async (fullScan) => {
    const fixture = await takenVault(`after ${fullScan}`, 3);
    const { vault, substrate } = fixture;
    for (const place of [0, 1]) vault.backends[place] = new MemoryBackend(`new ${place}`);
    await repairVault(vault);
    for (const { objects } of vault.backends.slice(2, 4))
      for (const name of shardsAt({ objects })) objects.delete(name);
    await repairVault(vault);
    const before = fewShards(vault);
    substrate.put(TABLE, keyOf('more', 16), 'more', 300);
    const [done] = await vault.run(() => substrate.source(), ['main'], { fullScan });
    expect(done!.scan).toBe(fullScan ? 'everything' : 'changes');
    expect(done!.snapshot.summary).toMatchObject({ survives: 2, degraded: false });
    expect(done!.snapshot.summary.newBytes).toBeLessThan(20_000);
    expect(fewShards(vault)).toBe(before);
    fixture.taken.push({ id: done!.snapshot.manifest.digest, state: substrate.state() });
    await expectAll(fixture);
  });

  it('lives with stripes that were coded anew', async () => {
    const fixture = await takenVault('recoded, then run', 3);
    const { vault, substrate } = fixture;
    const profile = { k: 2, n: 5 };
    await repairVault(vault, { profile });
    const old = new Set((await stripesOf(vault)).flatMap(shardNames));
    for (const { objects } of vault.backends) for (const name of old) objects.delete(name);
    substrate.put(TABLE, keyOf('more', 16), 'more', 300);
    const [done] = await vault.run(() => substrate.source(), ['main'], { tiers: [vault.tier('main', profile)] });
    expect(done!.scan).toBe('changes');
    expect(done!.snapshot.summary).toMatchObject({ survives: 3, degraded: false });
    fixture.taken.push({ id: done!.snapshot.manifest.digest, state: substrate.state() });
    await expectAll(fixture);
  });
});

describe('the debt of a run', () => {
  it('is paid by the next one that has the backend again', async () => {
    const fixture = await takenVault('debt', 3);
    const { vault, substrate } = fixture;
    const away = vault.backends.pop()!;
    substrate.put(TABLE, keyOf('meanwhile', 16), 'meanwhile', 100_000);
    await take(fixture);
    vault.backends.push(away);
    const before = shardsAt(away).length;
    substrate.put(TABLE, keyOf('again', 16), 'again', 300);
    const [paying] = await vault.run(() => substrate.source(), ['main']);
    expect(paying!.notes).toContain('paid: 1 shard to place-4');
    expect(shardsAt(away).length).toBeGreaterThan(before);
    substrate.put(TABLE, keyOf('later', 16), 'later', 300);
    const [later] = await vault.run(() => substrate.source(), ['main']);
    expect(later!.notes).toEqual([]);
    expect(later!.snapshot.summary).toMatchObject({ survives: 2, degraded: false });
    expect(await verifyMain(vault, true)).toMatchObject({ status: 'ok', restorable: true });
    for (const gone of [0, 1]) vault.backends[gone]!.objects.clear();
    fixture.taken.push({ id: later!.snapshot.manifest.digest, state: substrate.state() });
    await expectAll(fixture);
  });
});

describe('a run without repairs and debts', () => {
  it('reads nothing for them, and lists once where there might be some', async () => {
    const { vault, substrate } = await takenVault('nothing owed', 3);
    const calls: string[] = [];
    const tier = vault.tier('main');
    const backends = tier.backends.map((each) => ({
      ...each,
      backend: hookedBackend(each.backend, {
        before: ({ operation, name }) => void calls.push(`${operation} ${name.split('/')[0]!}`),
      }),
    }));
    substrate.put(TABLE, keyOf('more', 16), 'more', 300);
    const [done] = await vault.run(() => substrate.source(), ['main'], { tiers: [{ ...tier, backends }] });
    expect(done!.notes).toEqual([]);
    expect(calls.filter((call) => call === 'list repairs')).toHaveLength(backends.length);
    expect(calls.filter((call) => call === 'get repairs' || call === 'get shards')).toEqual([]);
  });
});
