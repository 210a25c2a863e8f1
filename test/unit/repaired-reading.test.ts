import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { uuidBytes } from '../../src/core/ids.ts';
import type { IndexedStripe, PlacedShard } from '../../src/format/index/segment-body.ts';
import { encodeStripe, storeShard, stripeId } from '../../src/format/sealing/stripe.ts';
import { sha256, shardObjectName } from '../../src/format/shard/name.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import { IndexMap } from '../../src/vault/index-map.ts';
import { Presence } from '../../src/vault/presence.ts';
import { RangedSource } from '../../src/vault/ranged-source.ts';
import { RepairedStripes } from '../../src/vault/repaired-stripes.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { rejection } from '../support/expect-code.ts';
import { backendOf, holders, MASK_KEY, placesOf } from '../support/tier-fixture.ts';
import { filler } from '../support/tree-fixture.ts';

const CHUNKS = [40_000, 30_000, 20_000].map((length, i) => filler(`chunk ${i}`, length));
const PACK = Buffer.concat(CHUNKS);
const NAMED = CHUNKS.map((chunk) => ({ name: sha256(chunk), length: chunk.length }));
const NAMES = NAMED.map(({ name }) => toHex(name));
const GENERATION = 'generation';

/** A shard of what is given, as its holder keeps it and as a record tells of it. */
function put(holder: WritableHolder, stripe: IndexedStripe['geometry'], index: number, plain: Uint8Array): PlacedShard {
  const mask = { stripeId: stripeId(stripe), index, holder: uuidBytes(holder.holder), epoch: 1 };
  const { bytes, ...commitment } = storeShard(MASK_KEY, mask, plain);
  backendOf(holder).objects.set(shardObjectName(commitment.name), Buffer.from(bytes));
  return { index, holder: mask.holder, epoch: 1, ...commitment };
}

/** Shard i at the i-th of these holders, those of `wrong` with other bytes than they should have. */
function stored(
  among: readonly WritableHolder[],
  profile: { k: number; n: number },
  { wrong = [], pack = PACK, chunks = NAMED }: { wrong?: number[]; pack?: Uint8Array; chunks?: typeof NAMED } = {},
): IndexedStripe {
  const { geometry, shards } = encodeStripe(pack, profile);
  const placed = among.map((holder, index) => {
    const plain = wrong.includes(index) ? filler(`wrong ${index}`, geometry.shardLength) : shards[index]!;
    return put(holder, geometry, index, plain);
  });
  return { geometry, shards: placed, chunks };
}

function indexOf(listed: IndexedStripe, ...told: readonly IndexedStripe[]): IndexMap {
  const [index, repaired] = [new IndexMap(), new RepairedStripes()];
  index.add({ stripes: [listed], inline: [], dropped: [] });
  for (const stripe of told) repaired.add(stripe, GENERATION);
  index.learn(repaired);
  return index;
}

async function readAll(index: IndexMap, among: readonly WritableHolder[]): Promise<string[]> {
  const places = placesOf(among);
  const stripes = new StripeReader(places, MASK_KEY);
  const ranged = new RangedSource({ index, places, maskKey: MASK_KEY, stripes });
  const packs = new PackSource(index, stripes);
  const read: string[] = [];
  for (const { name } of NAMED) {
    const [whole, part] = [await packs.sealed(name), await ranged.sealed(name)];
    expect(Buffer.compare(whole, part)).toBe(0);
    read.push(toHex(sha256(part)));
  }
  return read;
}

function forget(holder: WritableHolder): void {
  backendOf(holder).objects.clear();
}

describe('a stripe that repair records tell more of', () => {
  it('is read from several shards of an index, at any holder and epoch (F-7.6.4)', async () => {
    const [old, fresh] = [holders(3), holders(6).slice(3)];
    const listed = stored(old, { k: 2, n: 3 });
    const told = { ...stored(fresh, { k: 2, n: 3 }), chunks: NAMED };
    const index = indexOf(
      listed,
      { ...told, shards: told.shards.slice(0, 1) },
      { ...told, shards: told.shards.slice(1) },
    );
    expect(index.stripes[0]!.shards).toHaveLength(6);
    expect(index.stripes[0]!.signed).toBe(3);
    forget(old[0]!);
    forget(fresh[1]!);
    expect(await readAll(index, [...old, ...fresh])).toEqual(NAMES);
    forget(old[1]!);
    forget(old[2]!);
    expect(await readAll(index, [...old, ...fresh])).toEqual(NAMES);
    forget(fresh[2]!);
    await rejection(readAll(index, [...old, ...fresh]), 'integrity/too-few-shards');
  });

  it('counts each index once, whatever has how many shards', async () => {
    const among = holders(6);
    const listed = stored(among.slice(0, 3), { k: 2, n: 3 });
    const told = stored(among.slice(3), { k: 2, n: 3 });
    for (const at of [1, 2, 4, 5]) forget(among[at]!);
    const [stripe] = indexOf(listed, told).stripes;
    const presence = await Presence.load(placesOf(among));
    expect(presence.present(stripe!).map(({ index }) => index)).toEqual([0]);
    expect(presence.lacking(stripe!).map(({ shard }) => shard.index)).toEqual([1, 2]);
    expect(presence.best(stripe!).map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  it('is decoded from other shards where what a record names is wrong (F-7.6.7)', async () => {
    const [old, fresh] = [holders(5), holders(10).slice(5)];
    const listed = stored(old, { k: 3, n: 5 });
    const told = stored(fresh, { k: 3, n: 5 }, { wrong: [0, 3] });
    const index = indexOf(listed, told);
    for (const gone of [0, 1]) forget(old[gone]!);
    expect(await readAll(index, [...old, ...fresh])).toEqual(NAMES);
    // Only two of the segment's own are left; the records' right ones make up for the others.
    forget(old[3]!);
    expect(await readAll(index, [...old, ...fresh])).toEqual(NAMES);
    forget(old[2]!);
    forget(fresh[2]!);
    await rejection(readAll(index, [...old, ...fresh]), 'integrity/authentication-failed');
  });

  it('says that it is damaged where its signed shards alone decode to something else', async () => {
    const among = holders(3);
    const index = indexOf(stored(among, { k: 2, n: 3 }, { wrong: [1] }));
    expect(index.stripes[0]!.signed).toBeUndefined();
    await rejection(readAll(index, among), 'integrity/authentication-failed');
  });
});

describe('a chunk that repair records place elsewhere', () => {
  it('is found in stripes of another profile (F-7.6.5)', async () => {
    const [old, first, second] = [holders(3), holders(5).slice(3), holders(8).slice(5)];
    const listed = stored(old, { k: 2, n: 3 });
    const told = [
      stored(first, { k: 1, n: 2 }, { pack: CHUNKS[0]!, chunks: NAMED.slice(0, 1) }),
      stored(second, { k: 1, n: 3 }, { pack: Buffer.concat(CHUNKS.slice(1)), chunks: NAMED.slice(1) }),
    ];
    const index = indexOf(listed, ...told);
    const all = [...old, ...first, ...second];
    expect(await readAll(index, all)).toEqual(NAMES);
    for (const holder of old) forget(holder);
    expect(await readAll(index, all)).toEqual(NAMES);
    const presence = await Presence.load(placesOf(all));
    const isThere = (stripe: IndexedStripe): boolean => presence.present(stripe).length >= stripe.geometry.k;
    expect(index.isHad(listed, isThere)).toBe(true);
    for (const holder of first) forget(holder);
    const then = await Presence.load(placesOf(all));
    expect(index.isHad(listed, (stripe) => then.present(stripe).length >= stripe.geometry.k)).toBe(false);
    await rejection(readAll(index, all), 'integrity/too-few-shards');
  });

  it('is not believed where it has other bytes than its name says (F-7.6.7)', async () => {
    const [old, liar, right] = [holders(2), holders(3).slice(2), holders(4).slice(3)];
    const listed = stored(old, { k: 1, n: 2 });
    const lie = stored(liar, { k: 1, n: 1 }, { pack: filler('a lie', PACK.length) });
    const told = stored(right, { k: 1, n: 1 });
    for (const holder of old) forget(holder);
    expect(await readAll(indexOf(listed, lie, told), [...old, ...liar, ...right])).toEqual(NAMES);
    const only = readAll(indexOf(listed, lie), [...old, ...liar]);
    await rejection(only, 'integrity/too-few-shards');
  });

  it('is live or not as the segments say (F-7.6.5)', () => {
    const among = holders(2);
    const index = indexOf(
      { ...stored(among, { k: 1, n: 2 }), chunks: NAMED },
      stored(
        among,
        { k: 1, n: 2 },
        { pack: filler('other', 50_000), chunks: [{ name: filler('other', 32), length: 50_000 }] },
      ),
    );
    expect(index.find(filler('other', 32))).toBeNull();
    expect(index.places(filler('other', 32))).toEqual([]);
    expect(index.liveStripes()).toHaveLength(1);
  });
});
