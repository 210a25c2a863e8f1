import { describe, expect, it } from 'vitest';
import { Uploads } from '../../src/pipeline/uploads.ts';
import { toHex } from '../../src/core/bytes.ts';
import { ValenceError } from '../../src/core/errors.ts';
import { uuidText } from '../../src/core/ids.ts';
import { PACK_CHUNKS_MAX, SEGMENT_BYTES_AIM, SMALL_PACK_BYTES } from '../../src/core/limits.ts';
import { encodeSegmentBody } from '../../src/format/index/segment-body.ts';
import type { IndexedStripe, SegmentBody } from '../../src/format/index/segment-body.ts';
import { packCapacity } from '../../src/format/sealing/stripe.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { foldSegments } from '../../src/pipeline/fold.ts';
import type { FoldOptions } from '../../src/pipeline/fold.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import type { Placer } from '../../src/pipeline/placer.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { rejection } from '../support/expect-code.ts';
import {
  backendOf,
  holders,
  makePlacer,
  MASK_KEY,
  placesOf,
  RefusingBackend,
  holderOf,
} from '../support/tier-fixture.ts';
import { filler } from '../support/tree-fixture.ts';
import { body, chunk, holder, indexOf, inline, listOf, liveNames, smallStripes, StripeStore } from './fold-fixture.ts';
import type { Chunk } from './fold-fixture.ts';

const KIB = 1024;

const fold = (
  store: StripeStore,
  bodies: readonly SegmentBody[],
  options: Partial<FoldOptions> = {},
): Promise<SegmentBody[]> =>
  foldSegments({
    bodies,
    profile: store.profile,
    promised: store.profile.n - store.profile.k,
    domains: store.domains,
    readStripe: store.read,
    place: store.place,
    ...options,
  });

const unavailable = (): Promise<never> => Promise.reject(new ValenceError('backend/unavailable', 'nobody is there'));

describe('folded segments', () => {
  it('list stripes with a live chunk as they are, and leave dead ones out', async () => {
    const store = new StripeStore();
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => chunk(name, 300 * KIB)) as [Chunk, Chunk, Chunk, Chunk];
    const [half, dead, newest] = [store.stripe(a, b), store.stripe(c), store.stripe(d)];
    const folded = await fold(store, [
      body({ stripes: [half, dead] }),
      body({ dropped: [a.name] }),
      body({ stripes: [newest], dropped: [c.name] }),
    ]);
    expect(folded).toHaveLength(1);
    expect(folded[0]!.stripes).toEqual([half, newest]);
    expect(folded[0]!.stripes[0]).toBe(half);
    expect(store.reads).toBe(0);
  });

  it('keep a dropped name as long as a listed segment may place the chunk, each once', async () => {
    const store = new StripeStore();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => chunk(name, 300 * KIB)) as [Chunk, Chunk, Chunk];
    const small = chunk('small', 10);
    const older = filler('placed before', 32);
    const [folded] = await fold(store, [
      body({ stripes: [store.stripe(a, b), store.stripe(c)], inline: [inline(small)], dropped: [older] }),
      body({ dropped: [a.name, c.name, small.name, older] }),
    ]);
    // `a` lies in a stripe that `b` still needs; `c` and `small` came and went.
    expect(folded!.dropped.map(toHex)).toEqual([older, a.name].map(toHex));
    expect(folded!.inline).toEqual([]);
  });

  it('are none when nothing is left', async () => {
    const store = new StripeStore();
    const [a, b] = [chunk('a', 100), chunk('b', 100 * KIB)];
    const bodies = [body({ inline: [inline(a)], stripes: [store.stripe(b)] }), body({ dropped: [a.name, b.name] })];
    expect(await fold(store, bodies)).toEqual([]);
  });

  it('are several when one would be too long', async () => {
    const store = new StripeStore();
    const chunks = Array.from({ length: 60 }, (_, i) => chunk(`each ${i}`, 30_000));
    const gone = filler('gone', 30_000 * 32);
    const dropped = Array.from({ length: 30_000 }, (_, i) => gone.subarray(i * 32, (i + 1) * 32));
    const bodies = [...chunks.map((each) => body({ inline: [inline(each)] })), body({ dropped })];
    const folded = await fold(store, bodies, { domains: new Map() });
    expect(folded.length).toBe(4);
    for (const each of folded)
      expect(encodeSegmentBody(each).length).toBeLessThan(SEGMENT_BYTES_AIM + SMALL_PACK_BYTES);
    expect(liveNames(folded)).toEqual(liveNames(bodies));
    expect(
      folded
        .flatMap((each) => each.dropped)
        .map(toHex)
        .join(),
    ).toBe(dropped.map(toHex).join());
  });

  it('place a chunk where the last of them did', async () => {
    const store = new StripeStore();
    const [a, b] = [chunk('a', 300 * KIB), chunk('b', 300 * KIB)];
    const [first, again] = [store.stripe(a, b), store.add(Buffer.concat([b.bytes]), listOf([b]), 2)];
    const [folded] = await fold(store, [body({ stripes: [first] }), body({ stripes: [again] })]);
    expect(indexOf([folded!]).find(b.name)?.pack).toEqual({ stripe: again });
    const [without] = await fold(store, [body({ stripes: [first] }), body({ stripes: [again], dropped: [a.name] })]);
    expect(without!.stripes).toEqual([again]);
  });
});

describe('packs inside segments', () => {
  it('become one, without the dead', async () => {
    const store = new StripeStore();
    const chunks = Array.from({ length: 6 }, (_, i) => chunk(`c ${i}`, 1000 + i));
    const packs = [inline(chunks[0]!, chunks[1]!), inline(chunks[2]!), inline(chunks[3]!, chunks[4]!, chunks[5]!)];
    const [folded] = await fold(store, [
      body({ inline: [packs[0]!] }),
      body({ inline: [packs[1]!] }),
      body({ inline: [packs[2]!], dropped: [chunks[1]!.name, chunks[2]!.name] }),
    ]);
    expect(folded).toEqual(body({ inline: [inline(chunks[0]!, chunks[3]!, chunks[4]!, chunks[5]!)] }));
  });

  it('stay as they are when there is nothing to gain', async () => {
    const store = new StripeStore();
    const pack = inline(chunk('a', 10), chunk('b', 10));
    const [folded] = await fold(store, [body({ inline: [pack] }), body({ dropped: [filler('other', 32)] })]);
    expect(folded!.inline[0]).toBe(pack);
  });

  it('become a stripe when they reach the size of one', async () => {
    const store = new StripeStore();
    const [a, b] = [chunk('a', SMALL_PACK_BYTES / 2), chunk('b', SMALL_PACK_BYTES / 2)];
    const bodies = [body({ inline: [inline(a)] }), body({ inline: [inline(b)] })];
    const [folded] = await fold(store, bodies);
    expect(folded!.inline).toEqual([]);
    expect(folded!.stripes.map(({ chunks }) => chunks)).toEqual([listOf([a, b])]);
    const shorter = chunk('c', SMALL_PACK_BYTES / 2 - 1);
    const [below] = await fold(store, [bodies[0]!, body({ inline: [inline(shorter)] })]);
    expect(below).toEqual(body({ inline: [inline(a, shorter)] }));
  });

  it('stay in the segment, each small, when a stripe would not keep the promise', async () => {
    const store = new StripeStore({ k: 2, n: 4 });
    const chunks = Array.from({ length: 10 }, (_, i) => chunk(`c ${i}`, 20_000));
    const bodies = chunks.map((each) => body({ inline: [inline(each)] }));
    const three = new Map([...store.domains].slice(1));
    const [folded] = await fold(store, bodies, { domains: three, place: unavailable });
    expect(folded!.stripes).toEqual([]);
    expect(folded!.inline.map((pack) => pack.bytes.length)).toEqual([20_000, 60_000, 60_000, 60_000]);
    expect(liveNames([folded!])).toEqual(liveNames(bodies));
  });

  it('stay as they are when the stripe finds no holders, or too few', async () => {
    const store = new StripeStore({ k: 2, n: 4 });
    const [a, b, dead] = [chunk('a', 50_000), chunk('b', 50_000), chunk('dead', 5)];
    const bodies = [body({ inline: [inline(a, dead)] }), body({ inline: [inline(b)], dropped: [dead.name] })];
    const asTheyWere = body({ inline: [inline(a, dead), inline(b)], dropped: [dead.name] });
    expect(await fold(store, bodies, { place: unavailable })).toEqual([asTheyWere]);
    const place: FoldOptions['place'] = async (pack, chunks) => store.add(pack, chunks, 3);
    expect(await fold(store, bodies, { place })).toEqual([asTheyWere]);
    expect(await fold(store, bodies, { place, promised: 1 })).toHaveLength(1);
    expect((await fold(store, bodies, { place, promised: 1 }))[0]!.stripes).toHaveLength(1);
  });

  it('are not moved when their bytes are not what their names say', async () => {
    const store = new StripeStore();
    const [a, b, c] = [chunk('a', 10), chunk('b', 10), chunk('c', 10)];
    const wrong = { bytes: filler('else', 10), chunks: listOf([b]) };
    const [folded] = await fold(store, [
      body({ inline: [inline(a)] }),
      body({ inline: [wrong] }),
      body({ inline: [inline(c)] }),
    ]);
    expect(folded!.inline).toEqual([wrong, inline(a, c)]);
  });
});

describe('small stripes', () => {
  it('are packed together when there are many', async () => {
    const store = new StripeStore();
    const { stripes, chunks } = smallStripes(store, 8);
    const bodies = stripes.map((stripe) => body({ stripes: [stripe] }));
    expect((await fold(store, bodies.slice(1)))[0]!.stripes).toEqual(stripes.slice(1));
    expect(store.reads).toBe(0);
    const [folded] = await fold(store, bodies);
    expect(folded!.stripes.map((stripe) => stripe.chunks)).toEqual([listOf(chunks.flat())]);
    const index = indexOf([folded!]);
    for (const { name, bytes } of chunks.flat()) expect(Buffer.compare(store.find(index, name)!, bytes)).toBe(0);
  });

  it('are packed together when they are mostly dead, with what else is small, and come to lie in the segment', async () => {
    const store = new StripeStore();
    const { stripes, chunks } = smallStripes(store, 4);
    const alone = chunk('alone', 10);
    const dead = chunks.slice(0, 2).map(([big]) => big!.name);
    const [folded] = await fold(store, [
      body({ stripes, inline: [inline(alone)] }),
      body({ dropped: [...dead, chunks[2]![1]!.name] }),
    ]);
    expect(folded!.stripes).toEqual(stripes.slice(2));
    expect(folded!.inline).toEqual([inline(chunks[0]![1]!, chunks[1]![1]!, alone)]);
    expect(folded!.dropped.map(toHex)).toEqual([toHex(chunks[2]![1]!.name)]);
  });

  it('are left alone when there is nothing to pack them with, or when they are not small', async () => {
    const store = new StripeStore();
    const { stripes, chunks } = smallStripes(store, 1);
    const eighth = packCapacity(store.profile) / 8;
    const large = Array.from({ length: 10 }, (_, i) => store.stripe(chunk(`l ${i}`, eighth - 5), chunk(`s ${i}`, 5)));
    const dropped = [chunks[0]![0]!.name, ...large.map((stripe) => stripe.chunks[0]!.name)];
    const [folded] = await fold(store, [body({ stripes: [...stripes, ...large] }), body({ dropped })]);
    expect(folded!.stripes).toEqual([...stripes, ...large]);
    expect(store.reads).toBe(0);
  });

  it('fill several packs where one does not hold them', async () => {
    const store = new StripeStore({ k: 1, n: 2 });
    const chunks = Array.from({ length: 20 }, (_, i) => chunk(`c ${i}`, 100 * KIB));
    const bodies = chunks.map((each) => body({ stripes: [store.stripe(each)] }));
    const [folded] = await fold(store, bodies);
    expect(folded!.stripes.map((stripe) => stripe.chunks.length)).toEqual([10, 10]);
    expect(liveNames([folded!])).toEqual(liveNames(bodies));
  });

  it('are not packed into more chunks than a pack takes', async () => {
    const store = new StripeStore();
    const count = PACK_CHUNKS_MAX / 8 + 1;
    const numbered = (number: number): Chunk => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(number);
      return { name: sha256(bytes), bytes };
    };
    const chunks = Array.from({ length: 8 }, (_, s) =>
      Array.from({ length: count }, (_each, i) => numbered(s * count + i)),
    );
    const bodies = chunks.map((each) => body({ stripes: [store.stripe(...each)] }));
    const folded = await fold(store, bodies);
    expect(folded.flatMap(({ stripes }) => stripes.map((stripe) => stripe.chunks.length))).toEqual([count, 7 * count]);
  });

  it('stay as they are when they cannot be read back, or come back wrong; the others are packed', async () => {
    const store = new StripeStore();
    const { stripes, chunks } = smallStripes(store, 8);
    const answers: FoldOptions['readStripe'][] = [
      unavailable,
      () => Promise.reject(new ValenceError('integrity/too-few-shards', 'they are gone')),
      async (stripe) => (await store.read(stripe)).map((byte, i) => (i === 99 ? byte ^ 1 : byte)),
      async (stripe) => (await store.read(stripe)).subarray(1),
      async (stripe) => Buffer.concat([await store.read(stripe), Buffer.of(0)]),
    ];
    const readStripe: FoldOptions['readStripe'] = (stripe) => (answers[stripes.indexOf(stripe)] ?? store.read)(stripe);
    const [folded] = await fold(store, [body({ stripes })], { readStripe });
    expect(folded!.stripes.slice(0, 5)).toEqual(stripes.slice(0, 5));
    expect(folded!.stripes.slice(5).map((stripe) => stripe.chunks)).toEqual([listOf(chunks.slice(5).flat())]);
    const [none] = await fold(store, [body({ stripes })], { readStripe: unavailable });
    expect(none).toEqual(body({ stripes }));
    const last = (stripe: IndexedStripe): Promise<Uint8Array> =>
      stripe === stripes[7] ? store.read(stripe) : unavailable();
    expect((await fold(store, [body({ stripes })], { readStripe: last }))[0]!.stripes[7]).toBe(stripes[7]);
  });

  it('are not taken from where they survive more', async () => {
    const store = new StripeStore({ k: 2, n: 4 });
    const { stripes } = smallStripes(store, 8);
    const bodies = [body({ stripes })];
    const domains = new Map([...store.domains].slice(1));
    const unasked = await fold(store, bodies, { domains, promised: 1 });
    expect([unasked[0]!.stripes, store.reads]).toEqual([stripes, 0]);
    const place: FoldOptions['place'] = async (pack, chunks) => store.add(pack, chunks, 3);
    expect((await fold(store, bodies, { place, promised: 1 }))[0]!.stripes).toEqual(stripes);
    const weaker = stripes.map((stripe) => ({ ...stripe, shards: stripe.shards.slice(0, 3) }));
    expect((await fold(store, [body({ stripes: weaker })]))[0]!.stripes).toHaveLength(1);
    const dropped = stripes.map((stripe) => stripe.chunks[0]!.name);
    const few = await fold(store, [body({ stripes: weaker, dropped })], { domains, promised: 2 });
    expect(few[0]!.stripes).toEqual(weaker);
    const together = new Map([...store.domains].map(([id]) => [id, ['one house']]));
    expect((await fold(store, bodies, { domains: together, promised: 0 }))[0]!.stripes).toHaveLength(1);
  });

  it('that lie with holders nobody knows count as spread over as many domains', async () => {
    const store = new StripeStore({ k: 2, n: 4 });
    const { stripes } = smallStripes(store, 8);
    const elsewhere = new Map([0, 1, 2].map((i) => [uuidText(holder(10 + i)), [`new ${i}`]]));
    expect((await fold(store, [body({ stripes })], { domains: elsewhere, promised: 1 }))[0]!.stripes).toEqual(stripes);
  });

  it('let any other fault through', async () => {
    const store = new StripeStore();
    const { stripes } = smallStripes(store, 8);
    const cancelled = (): Promise<never> => Promise.reject(new ValenceError('cancelled', 'enough'));
    await rejection(fold(store, [body({ stripes })], { readStripe: cancelled }), 'cancelled');
    await rejection(fold(store, [body({ stripes })], { place: cancelled }), 'cancelled');
  });
});

describe('with real holders', () => {
  const profile = { k: 2, n: 4 };
  const placerOf = (among: readonly WritableHolder[]): Placer => makePlacer(new Uploads({ holders: among }), profile);
  const optionsOf = (among: readonly WritableHolder[], placer: Placer): Omit<FoldOptions, 'bodies'> => {
    const reader = new StripeReader(placesOf(among), MASK_KEY);
    return {
      profile,
      promised: 2,
      domains: new Map(among.map(({ holder: id, domains }) => [id, domains])),
      readStripe: (stripe) => reader.read(stripe),
      place: (pack, chunks) => placer.place(pack, chunks),
    };
  };
  const placeAll = async (among: readonly WritableHolder[], count: number): Promise<[Chunk[], SegmentBody[]]> => {
    const chunks = Array.from({ length: count }, (_, i) => chunk(`chunk ${i}`, 70 * KIB));
    const placed: SegmentBody[] = [];
    for (const each of chunks) {
      const stripe = await placerOf(among).place(Uint8Array.from(each.bytes), listOf([each]));
      placed.push(body({ stripes: [stripe] }));
    }
    return [chunks, placed];
  };
  const readBack = async (among: readonly WritableHolder[], stripes: readonly IndexedStripe[]): Promise<Uint8Array> =>
    Buffer.concat(await Promise.all(stripes.map((stripe) => new StripeReader(placesOf(among), MASK_KEY).read(stripe))));

  it('reads past those who lie or lost their shards, and leaves what too many lost', async () => {
    const among = holders(4);
    const [chunks, bodies] = await placeAll(among, 9);
    const stripes = bodies.flatMap((each) => each.stripes);
    const take = (
      stripe: IndexedStripe,
      count: number,
      how: (objects: Map<string, Uint8Array>, name: string) => void,
    ): void => {
      for (const shard of stripe.shards.slice(0, count)) {
        const at = among.find((each) => each.holder === uuidText(shard.holder))!;
        const name = toHex(shard.name);
        how(backendOf(at).objects, `shards/${name.slice(0, 2)}/${name}`);
      }
    };
    take(stripes[0]!, 2, (objects, name) => objects.delete(name));
    take(stripes[1]!, 2, (objects, name) =>
      objects.set(
        name,
        objects.get(name)!.map((byte) => byte ^ 1),
      ),
    );
    take(stripes[2]!, 3, (objects, name) =>
      objects.set(
        name,
        objects.get(name)!.map((byte) => byte ^ 1),
      ),
    );
    const [folded] = await foldSegments({ ...optionsOf(among, placerOf(among)), bodies });
    expect(folded!.stripes[0]).toBe(stripes[2]);
    expect(folded!.stripes).toHaveLength(2);
    const moved = chunks.toSpliced(2, 1).map((each) => each.bytes);
    expect(Buffer.compare(await readBack(among, folded!.stripes.slice(1)), Buffer.concat(moved))).toBe(0);
  });

  it('keeps what lies well when a holder refuses while the new stripe is placed', async () => {
    const among = holders(4);
    const [, bodies] = await placeAll(among, 8);
    const refusing = new RefusingBackend('refuses', 'backend/full');
    for (const [name, bytes] of backendOf(among[0]!).objects) refusing.objects.set(name, bytes);
    const now = [{ ...holderOf(refusing), holder: among[0]!.holder }, ...among.slice(1)];
    const [folded] = await foldSegments({ ...optionsOf(now, placerOf(now)), bodies });
    expect(folded!.stripes).toEqual(bodies.flatMap((each) => each.stripes));
  });
});
