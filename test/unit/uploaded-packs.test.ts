import { describe, expect, it, test } from 'vitest';
import { Uploads } from '../../src/pipeline/uploads.ts';
import { toHex } from '../../src/core/bytes.ts';
import { uuidBytes } from '../../src/core/ids.ts';
import { decodeSegmentBody, encodeSegmentBody } from '../../src/format/index/segment-body.ts';
import type { IndexedStripe } from '../../src/format/index/segment-body.ts';
import { PackBuilder } from '../../src/format/sealing/pack.ts';
import { openChunk, sealChunk } from '../../src/format/sealing/sealed-chunk.ts';
import { shardObjectName } from '../../src/format/shard/name.ts';
import { CHUNK_KIND } from '../../src/format/tree/content-id.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import type { UploadedPacksOptions } from '../../src/pipeline/uploaded-packs.ts';
import { encodeUploadedPack, isAsGoodAsNew, UploadedPacks } from '../../src/pipeline/uploaded-packs.ts';
import { IndexMap } from '../../src/vault/index-map.ts';
import { Presence } from '../../src/vault/presence.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { backendOf, holderOf, holders, makePlacer, MASK_KEY, placesOf } from '../support/tier-fixture.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { filler } from '../support/tree-fixture.ts';

const PROFILE = { k: 2, n: 3 };
const idOf = (content: string): Uint8Array => filler(`id of ${content}`, 32);
const bytesOf = (content: string): Uint8Array => filler(content, 900);

/** A pack of leaves that a run placed among these holders, and its entry; those named "node …" refer to others. */
async function place(
  among: readonly WritableHolder[],
  contents: readonly string[],
  { profile = PROFILE, random = 'first run' } = {},
): Promise<{ entry: Uint8Array; stripe: IndexedStripe }> {
  const [packs, keys] = [new PackBuilder(1_000_000), seededRandom(`${random} ${contents.join()}`)];
  const chunks = contents.map((content) => {
    const sealed = sealChunk(CHUNK_KIND.leaf, bytesOf(content), keys);
    packs.add(sealed);
    return { contentId: idOf(content), key: sealed.key, hasReferences: content.startsWith('node') };
  });
  const pack = packs.take()!;
  const stripe = await makePlacer(new Uploads({ holders: among }), profile).place(pack.bytes, pack.chunks);
  return { entry: encodeUploadedPack({ stripe, chunks }), stripe };
}

function load(entries: readonly Uint8Array[], options: Partial<UploadedPacksOptions> = {}): UploadedPacks {
  return UploadedPacks.load(entries, { profile: PROFILE, isPresent: () => true, ...options });
}

const namesIn = (stripe: IndexedStripe, places: readonly number[]): string[] =>
  places.map((i) => toHex(stripe.chunks[i]!.name));

describe('packs that an interrupted run placed', () => {
  it('give their chunks to the next, which lists the stripes and drops the rest', async () => {
    const among = holders(3);
    const first = await place(among, ['a', 'b', 'node', 'c']);
    const second = await place(among, ['d', 'e']);
    const third = await place(among, ['f']);
    const uploaded = load([first.entry, second.entry, third.entry]);
    const references = new Map(['a', 'c', 'f', 'c'].map((content) => [content, uploaded.adopt(idOf(content))!]));
    expect(uploaded.adopt(idOf('unheard of'))).toBeNull();

    const adopted = [...uploaded.adopted()];
    expect(adopted.map(({ stripe }) => toHex(stripe.geometry.packDigest))).toEqual(
      [first, third].map(({ stripe }) => toHex(stripe.geometry.packDigest)),
    );
    expect(adopted.map(({ unused }) => unused.map(toHex))).toEqual([namesIn(first.stripe, [1, 2]), []]);

    const index = new IndexMap();
    const body = {
      stripes: adopted.map(({ stripe }) => stripe),
      inline: [],
      dropped: adopted.flatMap((each) => each.unused),
    };
    index.add(decodeSegmentBody(encodeSegmentBody(body)));
    const reader = new StripeReader(placesOf(among.slice(1)), MASK_KEY);
    for (const [content, { name, key }] of references) {
      const { pack, offset, length } = index.find(name)!;
      if ('inline' in pack) throw new Error('a pack in the index');
      const sealed = (await reader.read(pack.stripe)).subarray(offset, offset + length);
      expect(toHex(openChunk(CHUNK_KIND.leaf, sealed, key))).toBe(toHex(bytesOf(content)));
      expect(index.isLive(name)).toBe(true);
    }
    expect(first.stripe.chunks.map(({ name }) => index.isLive(name))).toEqual([true, false, false, true]);
  });

  it('are not touched when nothing is adopted', async () => {
    const uploaded = load([(await place(holders(3), ['a', 'b'])).entry]);
    expect([...uploaded.adopted()]).toEqual([]);
  });

  it('never give a chunk that refers to others', async () => {
    const uploaded = load([(await place(holders(3), ['a', 'node'])).entry]);
    expect(uploaded.adopt(idOf('node'))).toBeNull();
    expect([...uploaded.adopted()]).toEqual([]);
  });

  it('give a content that two runs stored from one of them', async () => {
    const among = holders(3);
    const [first, second] = [await place(among, ['a', 'b']), await place(among, ['b', 'c'], { random: 'another' })];
    const uploaded = load([first.entry, second.entry]);
    expect(toHex(uploaded.adopt(idOf('b'))!.name)).toBe(namesIn(first.stripe, [1])[0]);
    uploaded.adopt(idOf('c'));
    const unused = [...uploaded.adopted()].map((each) => each.unused.map(toHex));
    expect(unused).toEqual([namesIn(first.stripe, [0]), namesIn(second.stripe, [0])]);
  });

  it('are passed over when they are of another profile, absent, or in the index already', async () => {
    const among = holders(5);
    const [good, other] = [await place(among, ['a', 'b']), await place(among, ['c'], { profile: { k: 3, n: 5 } })];
    expect(load([good.entry, other.entry]).adopt(idOf('c'))).toBeNull();
    expect(load([other.entry], { profile: { k: 3, n: 5 } }).adopt(idOf('c'))).not.toBeNull();
    const absent = load([good.entry], { isPresent: () => false });
    expect(absent.adopt(idOf('a'))).toBeNull();
  });

  it('are passed over when nobody can read the entry', async () => {
    const { entry } = await place(holders(3), ['a']);
    const uploaded = load([entry.subarray(1), new Uint8Array(), entry]);
    expect(uploaded.adopt(idOf('a'))).not.toBeNull();
    expect([...uploaded.adopted()]).toHaveLength(1);
  });
});

describe('a stripe that lies there already', () => {
  const presenceAt = (among: readonly WritableHolder[]): Promise<Presence> => Presence.load(placesOf(among));

  it('is as good as new when every shard is listed with its size', async () => {
    const among = holders(3);
    const { stripe } = await place(among, ['a']);
    expect(isAsGoodAsNew(stripe, await presenceAt(among), among)).toBe(true);
    for (const { holder, name } of stripe.shards) {
      const { objects } = backendOf(among.find((each) => toHex(uuidBytes(each.holder)) === toHex(holder))!);
      const whole = objects.get(shardObjectName(name))!;
      objects.set(shardObjectName(name), whole.subarray(1));
      expect(isAsGoodAsNew(stripe, await presenceAt(among), among)).toBe(false);
      objects.delete(shardObjectName(name));
      expect(isAsGoodAsNew(stripe, await presenceAt(among), among)).toBe(false);
      objects.set(shardObjectName(name), whole);
    }
    expect(isAsGoodAsNew(stripe, await presenceAt(among), among)).toBe(true);
  });

  it('is not when one of its holders is away', async () => {
    const among = holders(3);
    const { stripe } = await place(among, ['a']);
    const left = among.slice(1);
    expect(isAsGoodAsNew(stripe, await presenceAt(left), left)).toBe(false);
  });

  it('with fewer shards than n is, until a holder more is there', async () => {
    const among = holders(3);
    const { stripe } = await place(among.slice(1), ['a']);
    expect(stripe.shards).toHaveLength(2);
    expect(isAsGoodAsNew(stripe, await presenceAt(among.slice(1)), among.slice(1))).toBe(true);
    expect(isAsGoodAsNew(stripe, await presenceAt(among), among)).toBe(false);
  });

  it('is not when there would be a copy more, though no more domains could be lost', async () => {
    const among = ['house', 'office', 'house'].map((domain, i) => holderOf(new MemoryBackend(`${i}`), domain));
    const { stripe } = await place(among.slice(0, 2), ['a'], { profile: { k: 1, n: 3 } });
    expect(isAsGoodAsNew(stripe, await presenceAt(among), among.slice(0, 2))).toBe(true);
    expect(isAsGoodAsNew(stripe, await presenceAt(among), among)).toBe(false);
  });

  it('is not when more failure domains are to be had now', async () => {
    const at = (name: string, domain: string): WritableHolder => holderOf(new MemoryBackend(name), domain);
    const house = ['x', 'y', 'z'].map((name) => at(name, 'house'));
    const { stripe } = await place(house, ['a']);
    const same = [...house, at('u', 'house')];
    expect(isAsGoodAsNew(stripe, await presenceAt(same), same)).toBe(true);
    const more = [...house, at('v', 'office'), at('w', 'cloud')];
    expect(isAsGoodAsNew(stripe, await presenceAt(more), more)).toBe(false);
  });
});

test('an entry keeps one key a chunk and little else', async () => {
  const { entry } = await place(
    holders(3),
    Array.from({ length: 200 }, (_, i) => `${i}`),
  );
  expect(entry.length).toBeLessThan(200 * (65 + 36) + 2_000);
});
