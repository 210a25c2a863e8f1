import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { uuidBytes, uuidText } from '../../src/core/ids.ts';
import { encodeRepair } from '../../src/format/index/repair-record.ts';
import { stripeId, storeShard } from '../../src/format/sealing/stripe.ts';
import { sha256, shardObjectName } from '../../src/format/shard/name.ts';
import { loadRepairs, repairObjectName } from '../../src/vault/repairs.ts';
import type { Repairs } from '../../src/vault/repairs.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { repairVault } from '../support/repairing.ts';
import { seededRandom } from '../support/seeded-random.ts';
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
import type { TakenVault } from '../support/taken-vault.ts';
import { filler, keyOf } from '../support/tree-fixture.ts';

describe('a repair', () => {
  it('brings back what two places have lost, so that any two others may be lost', async () => {
    const fixture = await takenVault('destroyed', 3);
    const { vault } = fixture;
    const pairs = [0, 1, 2, 3, 4].flatMap((a) => [0, 1, 2, 3, 4].filter((b) => b > a).map((b) => [a, b]));
    for (const [a, b] of pairs) {
      for (const place of [a!, b!]) vault.backends[place] = new MemoryBackend(`${place} after ${a} and ${b}`);
      const report = await repairVault(vault, { seed: `repair ${a} ${b}` });
      expect(report).toMatchObject({ status: 'ok', lacking: 0, lost: [], survives: 2 });
      await expectAll(fixture);
    }
  });

  it('does nothing where nothing lacks', async () => {
    const { vault } = await takenVault('whole', 3);
    const before = vault.backends.map(({ objects }) => new Map(objects));
    const report = await repairVault(vault, { data: true });
    expect(report).toMatchObject({ status: 'ok', shards: 0, records: 0, storedBytes: 0 });
    expect(vault.backends.map(({ objects }) => objects)).toEqual(before);
  });

  it('puts a shard back under the name that the index has, where its holder lost it (F-9.3.1)', async () => {
    const { vault } = await takenVault('back', 3);
    const [first, second] = vault.backends;
    const kept = new Map(second!.objects);
    for (const name of shardsAt(first!)) first!.objects.delete(name);
    for (const name of shardsAt(second!)) second!.objects.set(name, second!.objects.get(name)!.slice(1));
    const names = vault.backends.map(({ objects }) => [...objects.keys()].sort());
    const report = await repairVault(vault);
    expect(report).toMatchObject({ status: 'ok', records: 0, lacking: 0 });
    expect(second!.objects).toEqual(kept);
    expect(shardsAt(first!)).toHaveLength(report.stripes);
    expect(vault.backends.map(({ objects }) => [...objects.keys()].sort())).not.toEqual(names);
  });

  it('finds damage of the right length with data, and what of it is met without', async () => {
    const { vault } = await takenVault('silent', 3);
    const kept = vault.backends.map(({ objects }) => new Map(objects));
    for (const place of [1, 3]) {
      const { objects } = vault.backends[place]!;
      for (const [name, bytes] of objects)
        if (name !== 'valence.json' && !name.startsWith('keys/')) objects.set(name, flipped(bytes));
    }
    expect(await repairVault(vault)).toMatchObject({ shards: 0 });
    const seen = await repairVault(vault, { data: true });
    expect(seen).toMatchObject({ status: 'ok', repaired: 3, shards: 6, records: 0 });
    expect(vault.backends.map(({ objects }) => objects)).toEqual(kept);
  });

  it('says of a lost stripe which shards are missing, and repairs the others (F-9.3.4)', async () => {
    const fixture = await takenVault('lost', 3);
    const { vault } = fixture;
    const [lostOne] = await stripesOf(vault);
    const gone = lostOne!.shards.slice(0, 3).map(({ name }) => shardObjectName(name));
    for (const { objects } of vault.backends) for (const name of gone) objects.delete(name);
    vault.backends[4] = new MemoryBackend('new');
    const report = await repairVault(vault);
    expect(report).toMatchObject({ status: 'lost', survives: -1, repaired: 2 });
    expect(report.lost).toHaveLength(1);
    expect(report.lost[0]!.what).toBe(toHex(stripeId(lostOne!.geometry)));
    expect(JSON.stringify(report.lost[0]!.context)).toContain(gone[0]);
  });

  it('is done with index and mask keys alone, and its records show nothing to others', async () => {
    const fixture = await takenVault('keys', 3);
    const { vault } = fixture;
    vault.backends[0] = new MemoryBackend('new');
    expect(await repairVault(vault)).toMatchObject({ status: 'ok', records: 1 });
    const { keyring, places } = await vault.open();
    const { records, refused } = await loadRepairs(places, keyring);
    expect([records.length, refused]).toEqual([1, []]);
    const none = { ...keyring, secrets: () => null };
    expect(await loadRepairs(places, none)).toMatchObject({ records: [], refused: [{ object: records[0]!.object }] });
  });

  it('is not deceived by a record that names what is not of the stripe, if every byte is read (F-7.6.7)', async () => {
    const fixture = await takenVault('deceived', 3);
    const { vault } = fixture;
    const [stripe] = await stripesOf(vault);
    const { keyring, places } = await vault.open();
    const { generation, vaultId, secrets } = vault.hostKey;
    const holder = uuidBytes(places[4]!.holder!);
    const junk = filler('junk', stripe!.geometry.shardLength);
    const { bytes, ...commitment } = storeShard(
      secrets.maskKey,
      { stripeId: filler('', 32), index: 0, holder, epoch: 9 },
      junk,
    );
    const [first, ...others] = stripe!.shards;
    const lie = { ...stripe!, shards: [{ ...first!, holder, epoch: 9, ...commitment }] };
    const header = { vaultId: uuidText(vaultId), generation: uuidText(generation), tier: 'main' };
    const record = encodeRepair(header, [lie], secrets.indexKey, seededRandom('lie'));
    for (const { objects } of vault.backends) {
      objects.set(repairObjectName(sha256(record)), record);
      objects.delete(shardObjectName(first!.name));
    }
    vault.backends[4]!.objects.set(shardObjectName(commitment.name), bytes);
    expect((await loadRepairs(places, keyring)).records).toHaveLength(1);
    await expectAll(fixture);
    expect(await verifyMain(vault, true)).toMatchObject({ status: 'damaged', restorable: true });
    expect(await repairVault(vault, { data: true })).toMatchObject({ shards: 1, lacking: 0, lost: [] });
    expect(await repairVault(vault, { data: true })).toMatchObject({ shards: 0, status: 'ok' });
    expect(await repairVault(vault)).toMatchObject({ shards: 0, records: 0, status: 'ok' });
    for (const { name } of others.slice(0, 2))
      for (const { objects } of vault.backends) objects.delete(shardObjectName(name));
    await expectAll(fixture);
  });

  it('ends when it is cancelled, with nothing left under way, and goes on when it is called again', async () => {
    const fixture = await takenVault('cancelled', 3);
    const { vault } = fixture;
    vault.backends[2] = new MemoryBackend('new');
    const abort = new AbortController();
    let puts = 0;
    const onto = vault.backends.map((backend) =>
      hookedBackend(backend, {
        before: ({ operation, name }) => {
          if (operation !== 'put' || !name.startsWith('shards/')) return;
          puts += 1;
          if (puts === 2) abort.abort(new Error('enough'));
        },
      }),
    );
    await expect(repairVault(vault, { onto, signal: abort.signal })).rejects.toThrow('enough');
    const after = vault.backends.map(({ objects }) => objects.size);
    await expectAll(fixture);
    expect(vault.backends.map(({ objects }) => objects.size)).toEqual(after);
    expect(await repairVault(vault)).toMatchObject({ status: 'ok', lacking: 0 });
  });

  it('writes records in portions, each to every place', async () => {
    const { vault } = await takenVault('portions', 3);
    vault.backends[2] = new MemoryBackend('new');
    await repairVault(vault);
    const names = vault.backends.map(({ objects }) =>
      [...objects.keys()].filter((name) => name.startsWith('repairs/')),
    );
    expect(new Set(names.map((each) => each.join())).size).toBe(1);
    expect(names[0]).toHaveLength(1);
  });

  it('of a dry run says what it would do, and stores nothing', async () => {
    const { vault } = await takenVault('dry', 3);
    for (const name of shardsAt(vault.backends[1]!)) vault.backends[1]!.objects.delete(name);
    const before = vault.backends.map(({ objects }) => new Map(objects));
    expect(await repairVault(vault, { dryRun: true })).toMatchObject({
      repaired: 3,
      shards: 3,
      storedBytes: 0,
      status: 'ok',
    });
    expect(vault.backends.map(({ objects }) => objects)).toEqual(before);
  });
});

describe('a backend that is left', () => {
  it('is read and gets nothing, and the new one has all that it had', async () => {
    const fixture = await takenVault('replaced', 3);
    const { vault } = fixture;
    const old = vault.backends[3]!;
    const kept = new Map(old.objects);
    vault.backends[3] = new MemoryBackend('instead');
    expect(await repairVault(vault, { from: [old] })).toMatchObject({ status: 'ok', repaired: 3, lacking: 0 });
    expect(old.objects).toEqual(kept);
    expect(shardsAt(vault.backends[3])).toHaveLength(3);
    for (const gone of [0, 1]) vault.backends[gone]!.objects.clear();
    await expectAll(fixture);
  });
});

describe('another profile', () => {
  const profiles = [
    { k: 5, n: 9 },
    { k: 1, n: 3 },
    { k: 3, n: 5 },
    { k: 1, n: 5 },
    { k: 3, n: 5 },
  ];

  it('codes every stripe anew, and each can lose as much as that allows', async () => {
    const fixture = await takenVault('recoded', 3);
    const { vault } = fixture;
    for (let i = 5; i < 9; i += 1) vault.backends.push(new MemoryBackend(`${i}`));
    for (const [round, profile] of profiles.entries()) {
      const report = await repairVault(vault, { profile, seed: `profile ${round}` });
      expect(report).toMatchObject({ status: 'ok', lacking: 0, lost: [] });
      await expectAll(fixture);
      // Only what has this profile may be relied on.
      const kept = vault.backends.map(({ objects }) => new Map(objects));
      const { stripes } = await currentRepairs(vault);
      const own = [...stripes.all()].filter(
        ({ stripe }) => stripe.geometry.k === profile.k && stripe.geometry.n === profile.n,
      );
      const listed = profile.k === 3 ? await stripesOf(vault) : [];
      const names = new Set([...own.map(({ stripe }) => stripe), ...listed].flatMap(shardNames));
      for (const { objects } of vault.backends)
        for (const name of objects.keys()) if (name.startsWith('shards/') && !names.has(name)) objects.delete(name);
      for (let gone = 0; gone < profile.n - profile.k; gone += 1) vault.backends[gone]!.objects.clear();
      await expectAll(fixture);
      for (const [i, { objects }] of vault.backends.entries()) {
        objects.clear();
        for (const [name, bytes] of kept[i]!) objects.set(name, bytes);
      }
      expect(await repairVault(vault, { profile })).toMatchObject({ shards: 0, recoded: 0 });
    }
  });

  it('cuts a pack between chunks where it is too large, and goes on where it was interrupted', async () => {
    const substrate = new MemorySubstrate();
    const fixture: TakenVault = { vault: new MemoryVault('large'), substrate, taken: [] };
    const { vault } = fixture;
    for (let i = 0; i < 12; i += 1) substrate.put(TABLE, keyOf(`${i}`, 16), `large ${i}`, 200_000);
    await take(fixture);
    const copies = { k: 1, n: 5 };
    for (const call of [20, 30, 40]) {
      let calls = 0;
      const dying = vault.backends.map((backend) =>
        hookedBackend(backend, {
          before: () => {
            calls += 1;
            if (calls > call) throw new Error('killed');
          },
        }),
      );
      await expect(repairVault(vault, { onto: dying, profile: copies })).rejects.toThrow('killed');
      await expectAll(fixture);
    }
    const report = await repairVault(vault, { profile: copies });
    expect(report).toMatchObject({ status: 'ok', lacking: 0, lost: [] });
    expect([...(await currentRepairs(vault)).stripes.all()].length).toBeGreaterThan(2);
    for (const gone of [0, 1, 2, 3]) vault.backends[gone]!.objects.clear();
    const last = vault.backends[4]!;
    for (const name of shardsAt(last))
      if ((await stripesOf(vault)).flatMap(shardNames).includes(name)) last.objects.delete(name);
    await expectAll(fixture);
  });
});

function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => (i === 7 ? byte ^ 1 : byte));
}

async function currentRepairs(vault: MemoryVault): Promise<Repairs> {
  const { places, keyring } = await vault.open();
  return loadRepairs(places, keyring);
}
