import { describe, expect, it } from 'vitest';
import { uuidBytes, uuidText } from '../../src/core/ids.ts';
import { encodeRepair } from '../../src/format/index/repair-record.ts';
import type { IndexedStripe, PlacedShard } from '../../src/format/index/segment-body.ts';
import { encodeStripe, storeShard, stripeId } from '../../src/format/sealing/stripe.ts';
import { sha256, shardObjectName } from '../../src/format/shard/name.ts';
import { loadRepairs, repairObjectName } from '../../src/vault/repairs.ts';
import { failsBefore, faultyBackend, listsTwice, lost, unavailable } from '../support/faulty-backend.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import type { MemoryVault } from '../support/memory-vault.ts';
import { repairVault } from '../support/repairing.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { TABLE, expectAll, stripesOf, take, takenVault, verifyMain } from '../support/taken-vault.ts';
import { filler, keyOf } from '../support/tree-fixture.ts';

const NEW_PROFILE = { k: 2, n: 5 };

async function told(vault: MemoryVault): Promise<IndexedStripe[]> {
  const { places, keyring } = await vault.open();
  return Array.from((await loadRepairs(places, keyring)).stripes.all(), ({ stripe }) => stripe);
}

/** A record by whoever has the index key, at every place; its name comes before those of the records that are there. */
async function tell(vault: MemoryVault, stripes: readonly IndexedStripe[]): Promise<void> {
  const { generation, vaultId, secrets } = vault.hostKey;
  const header = { vaultId: uuidText(vaultId), generation: uuidText(generation), tier: 'main' };
  const before = vault.backends.flatMap(({ objects }) => [...objects.keys()].filter((n) => n.startsWith('repairs/')));
  for (let i = 0; ; i += 1) {
    const record = encodeRepair(header, stripes, secrets.indexKey, seededRandom(`lie ${i}`));
    const name = repairObjectName(sha256(record));
    if (before.some((each) => each <= name)) continue;
    for (const { objects } of vault.backends) objects.set(name, record);
    return;
  }
}

function forgetShards(vault: MemoryVault, stripes: readonly IndexedStripe[]): void {
  const names = new Set(stripes.flatMap(({ shards }) => shards.map(({ name }) => shardObjectName(name))));
  for (const { objects } of vault.backends) for (const name of names) objects.delete(name);
}

describe('records that contradict each other', () => {
  it('about the chunks of a stripe leave the right ones to be found', async () => {
    const fixture = await takenVault('contradiction', 2);
    const { vault } = fixture;
    const old = await stripesOf(vault);
    await repairVault(vault, { profile: NEW_PROFILE });
    const lies = (await told(vault)).map((stripe) => ({
      ...stripe,
      shards: [],
      chunks: [{ name: filler('no chunk', 32), length: stripe.geometry.packLength }],
    }));
    await tell(vault, lies);
    forgetShards(vault, old);
    await expectAll(fixture);
  });

  it('about the length of a pack leave the right one to be found', async () => {
    const fixture = await takenVault('pack length', 2);
    const { vault } = fixture;
    const old = await stripesOf(vault);
    await repairVault(vault, { profile: NEW_PROFILE });
    const lies = (await told(vault)).map((stripe) => ({
      ...stripe,
      shards: [],
      geometry: { ...stripe.geometry, packLength: 1 },
      chunks: [{ name: filler('no chunk', 32), length: 1 }],
    }));
    await tell(vault, lies);
    forgetShards(vault, old);
    await expectAll(fixture);
  });
});

describe('a record of a stripe that there is not', () => {
  it('does not keep one from being coded anew', async () => {
    const fixture = await takenVault('no such stripe', 2);
    const { vault } = fixture;
    const old = await stripesOf(vault);
    const lies = old.map((stripe) => {
      const { geometry } = encodeStripe(filler('other', stripe.geometry.packLength), NEW_PROFILE);
      return { geometry, shards: [], chunks: stripe.chunks };
    });
    await tell(vault, lies);
    expect(await repairVault(vault, { profile: NEW_PROFILE })).toMatchObject({ status: 'ok', lost: [], recoded: 2 });
    forgetShards(vault, old);
    await expectAll(fixture);
  });
});

describe('a record that tells of shards of a stripe that is only being coded anew', () => {
  it('is held against the pack', async () => {
    const fixture = await takenVault('false part', 2);
    const { vault } = fixture;
    const { places } = await vault.open();
    const old = await stripesOf(vault);
    await repairVault(vault, { profile: NEW_PROFILE });
    const right = await told(vault);
    forgetShards(vault, right);
    for (const { objects } of vault.backends)
      for (const name of objects.keys()) if (name.startsWith('repairs/')) objects.delete(name);
    // The chunks of no stripe are all told of, so that each is coded anew.
    const lies = right.map((stripe): IndexedStripe => {
      const shards = places.map(({ holder }, index): PlacedShard => {
        const mask = { stripeId: stripeId(stripe.geometry), index, holder: uuidBytes(holder!), epoch: 3 };
        const junk = filler(`junk ${index}`, stripe.geometry.shardLength);
        const { bytes, ...commitment } = storeShard(vault.hostKey.secrets.maskKey, mask, junk);
        vault.backends[index]!.objects.set(shardObjectName(commitment.name), Buffer.from(bytes));
        return { ...mask, ...commitment };
      });
      return { ...stripe, shards, chunks: [{ name: filler('no chunk', 32), length: stripe.geometry.packLength }] };
    });
    await tell(vault, lies);
    expect(await repairVault(vault, { profile: NEW_PROFILE })).toMatchObject({ status: 'ok', lost: [] });
    forgetShards(vault, old);
    await expectAll(fixture);
  });
});

describe('places that cannot be listed', () => {
  it('are not taken for an empty tier', async () => {
    const { vault } = await takenVault('unlisted', 2);
    const onto = vault.backends.map((backend) =>
      faultyBackend(backend, ({ operation, name }) =>
        operation === 'list' && name.startsWith('snapshots/') ? failsBefore(unavailable()) : null,
      ),
    );
    const report = await repairVault(vault, { onto });
    expect(report).toMatchObject({ status: 'lost', survives: -1, snapshots: 0 });
    expect(report.notes).toContain('memory:0 could not list snapshots/main/');
  });

  it('that list everything twice change nothing', async () => {
    const fixture = await takenVault('twice', 2);
    const { vault } = fixture;
    vault.backends[1] = new MemoryBackend('new');
    const onto = vault.backends.map((backend) =>
      faultyBackend(backend, ({ operation }) => (operation === 'list' ? listsTwice : null)),
    );
    expect(await repairVault(vault, { onto })).toMatchObject({ status: 'ok', lost: [], shards: 2, records: 1 });
    expect(await repairVault(vault, { onto, data: true })).toMatchObject({ status: 'ok', shards: 0 });
    await expectAll(fixture);
  });
});

describe('a place that says it took what it did not', () => {
  it('is found out by a verification, and by the next run', async () => {
    const fixture = await takenVault('liar', 2);
    const { vault, substrate } = fixture;
    const liar = vault.backends[2]!;
    vault.around = (backend) =>
      backend === liar
        ? faultyBackend(backend, ({ operation, name }) =>
            operation === 'put' && name.startsWith('shards/') ? lost : null,
          )
        : backend;
    substrate.put(TABLE, keyOf('more', 16), 'more', 100_000);
    await take(fixture);
    expect(await verifyMain(vault, false)).toMatchObject({ status: 'damaged', restorable: true });
    substrate.put(TABLE, keyOf('again', 16), 'again', 300);
    const [done] = await vault.run(() => substrate.source(), ['main']);
    expect(done!.snapshot.summary).toMatchObject({ survives: 1, degraded: true });
  });
});

describe('what lies under repairs/ and is no record', () => {
  const junk = (vault: MemoryVault, count: number, bytes: number): void => {
    for (let i = 0; i < count; i += 1) {
      const body = Buffer.from(filler(`junk ${i}`, bytes));
      vault.backends[0]!.objects.set(repairObjectName(sha256(body)), body);
    }
  };

  it('is not read where it is larger than any record', async () => {
    const { vault } = await takenVault('large junk', 2);
    junk(vault, 2, 5 * 1024 * 1024);
    let read = 0;
    const { places, keyring } = await vault.open();
    const hooked = places.map(({ backend, holder }) => ({
      holder,
      backend: hookedBackend(backend as MemoryBackend, {
        before: ({ operation }) => void (operation === 'get' && (read += 1)),
      }),
    }));
    expect((await loadRepairs(hooked, keyring)).refused).toHaveLength(2);
    expect(read).toBe(0);
  });

  it('of a thousand objects neither stops anything nor fills a report', async () => {
    const fixture = await takenVault('junk', 2);
    junk(fixture.vault, 1_000, 40);
    const { vault, substrate } = fixture;
    substrate.put(TABLE, keyOf('more', 16), 'more', 300);
    const [done] = await vault.run(() => substrate.source(), ['main']);
    expect(done!.notes).toEqual([]);
    expect(await repairVault(vault)).toMatchObject({ status: 'ok' });
    const { findings } = await verifyMain(vault, false);
    expect(findings.length).toBeLessThan(50);
    await expectAll(fixture);
  });
});

describe('a repair while a backup runs', () => {
  it.for([10, 40])('before its call %d leaves every snapshot whole', async (at) => {
    const fixture = await takenVault(`meanwhile ${at}`, 2);
    const { vault, substrate } = fixture;
    vault.backends[1] = new MemoryBackend('new');
    let calls = 0;
    let repaired = false;
    vault.around = (backend) =>
      hookedBackend(backend, {
        before: async () => {
          calls += 1;
          if (calls < at || repaired) return;
          repaired = true;
          await repairVault(vault, { seed: `meanwhile` });
        },
      });
    substrate.put(TABLE, keyOf('more', 16), 'more', 100_000);
    await take(fixture);
    vault.around = (backend) => backend;
    expect(repaired).toBe(true);
    for (const gone of [0, 3]) vault.backends[gone]!.objects.clear();
    await expectAll(fixture);
  });
});
