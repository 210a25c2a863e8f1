import { describe, expect, it, test } from 'vitest';
import { PACK_CACHE_BYTES } from '../../src/core/limits.ts';
import type { IndexedStripe } from '../../src/format/index/segment-body.ts';
import type { Pack } from '../../src/format/sealing/pack.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import { IndexMap } from '../../src/vault/index-map.ts';
import { Presence } from '../../src/vault/presence.ts';
import { RangedSource } from '../../src/vault/ranged-source.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { rejection } from '../support/expect-code.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { storePack } from '../support/stored-trees.ts';
import { backendOf, holderOf, MASK_KEY, placesOf } from '../support/tier-fixture.ts';
import { filler } from '../support/tree-fixture.ts';

/** Counts what is asked of it, and answers ranges as it is told to. */
class AskedBackend extends MemoryBackend {
  asked: { readonly offset: number; readonly length: number }[] = [];
  whole = 0;
  /** What becomes of the bytes of a range. */
  answer: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes;

  override async get(...[name, options]: Parameters<MemoryBackend['get']>): Promise<Uint8Array> {
    const bytes = await super.get(name, options);
    if (options?.range === undefined) {
      this.whole += 1;
      return bytes;
    }
    this.asked.push(options.range);
    return this.answer(bytes);
  }
}

/** 20 chunks of 1 to 20,000 bytes: 210,000 in all, in shards of 70,000 or so at k = 3. */
const CHUNKS = Array.from({ length: 20 }, (_, i) => filler(`chunk ${i}`, i === 0 ? 1 : i * 1_000 + 500));
const PACK: Pack = {
  bytes: Buffer.concat(CHUNKS),
  chunks: CHUNKS.map((bytes) => ({ name: sha256(bytes), length: bytes.length })),
};

interface Fixture {
  readonly among: readonly WritableHolder[];
  readonly backends: readonly AskedBackend[];
  readonly stripe: IndexedStripe;
  readonly index: IndexMap;
}

function store(k: number, n: number): Fixture {
  const backends = Array.from({ length: n }, (_, i) => new AskedBackend(`backend ${i}`));
  const among = backends.map((backend) => holderOf(backend));
  const stripe = storePack(among, PACK, { k, n });
  const index = new IndexMap();
  index.add({ stripes: [stripe], inline: [], dropped: [] });
  return { among, backends, stripe, index };
}

function sourceOf({ among, index }: Fixture, presence?: Presence): RangedSource {
  const places = placesOf(among);
  const stripes = new StripeReader(places, MASK_KEY, { presence });
  return new RangedSource({ index, places, maskKey: MASK_KEY, stripes, presence });
}

async function expectAll(source: RangedSource): Promise<void> {
  const read = await Promise.all(PACK.chunks.map(({ name }) => source.sealed(name)));
  for (const [i, bytes] of read.entries()) expect(Buffer.compare(bytes, CHUNKS[i]!)).toBe(0);
}

const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

function damage(backend: MemoryBackend, change: (bytes: Uint8Array) => Uint8Array): void {
  for (const [name, bytes] of backend.objects) backend.objects.set(name, change(bytes));
}

describe('a source of ranges', () => {
  test.for([
    [1, 1],
    [1, 3],
    [2, 3],
    [3, 5],
    [10, 15],
    [100, 120],
  ] as const)('at %d of %d reads the bytes of each chunk and no others', async ([k, n]) => {
    const fixture = store(k, n);
    const source = sourceOf(fixture);
    await expectAll(source);
    expect(source.bytesRead).toBe(PACK.bytes.length);
    expect(fixture.backends.map(({ whole }) => whole)).toEqual(fixture.backends.map(() => 0));
    expect(fixture.backends.slice(k).flatMap(({ asked }) => asked)).toEqual([]);
  });

  it('reads a chunk once, also when it is asked for twice at a time', async () => {
    const source = sourceOf(store(3, 5));
    const { name, length } = PACK.chunks[7]!;
    await Promise.all([source.sealed(name), source.sealed(name)]);
    await source.sealed(name);
    expect(source.bytesRead).toBe(length);
  });

  it('takes small packs from the index', async () => {
    const { index, ...rest } = store(3, 5);
    index.add({ stripes: [], inline: [PACK], dropped: [] });
    const source = sourceOf({ index, ...rest });
    await expectAll(source);
    expect(source.bytesRead).toBe(0);
  });

  it('forgets what was asked for longest ago', async () => {
    const among = [holderOf(new MemoryBackend('one'))];
    const length = 1024 * 1024 - 100;
    const index = new IndexMap();
    const packs = Array.from({ length: PACK_CACHE_BYTES / length + 2 }, (_, i) => filler(`pack ${i}`, length));
    const names = packs.map((bytes) => sha256(bytes));
    const stripes = packs.map((bytes, i) =>
      storePack(among, { bytes, chunks: [{ name: names[i]!, length }] }, { k: 1, n: 1 }),
    );
    index.add({ stripes, inline: [], dropped: [] });
    const places = placesOf(among);
    const maskKey = MASK_KEY;
    const source = new RangedSource({ index, places, maskKey, stripes: new StripeReader(places, maskKey) });
    for (const name of names) await source.sealed(name);
    const all = source.bytesRead;
    await source.sealed(names.at(-1)!);
    expect(source.bytesRead).toBe(all);
    await source.sealed(names[0]!);
    expect(source.bytesRead).toBe(all + length);
  });
});

describe('where a holder fails, a source of ranges decodes the stripe', () => {
  test.for([
    ['that is gone', (backend: AskedBackend) => backend.objects.clear()],
    ['whose shard is damaged', (backend: AskedBackend) => damage(backend, (bytes) => flip(bytes, 40_000))],
    ['whose shard is cut short', (backend: AskedBackend) => damage(backend, (bytes) => bytes.slice(0, 100))],
    [
      'that lies about ranges alone',
      (backend: AskedBackend) => {
        backend.answer = (bytes) => flip(bytes, bytes.length - 1);
      },
    ],
    [
      'that gives less than was asked for',
      (backend: AskedBackend) => {
        backend.answer = (bytes) => bytes.slice(1);
      },
    ],
    [
      'that gives more than was asked for',
      (backend: AskedBackend) => {
        backend.answer = (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]);
      },
    ],
    [
      'that cannot give ranges',
      (backend: AskedBackend) => {
        Object.assign(backend, { traits: { ...backend.traits, rangeReads: false } });
      },
    ],
  ] as const)('from others than one %s', async ([, spoil]) => {
    const fixture = store(3, 5);
    spoil(fixture.backends[1]!);
    const source = sourceOf(fixture);
    await expectAll(source);
    const { k, shardLength } = fixture.stripe.geometry;
    expect(source.bytesRead).toBeLessThan(PACK.bytes.length + (k + 2) * shardLength);
    expect(Math.max(...fixture.backends.map(({ whole }) => whole))).toBe(1);
  });

  it('asks it no more', async () => {
    const fixture = store(3, 5);
    fixture.backends[0]!.answer = (bytes) => flip(bytes, 0);
    const source = sourceOf(fixture);
    for (const { name } of PACK.chunks) await source.sealed(name);
    expect(fixture.backends[0]!.asked).toHaveLength(1);
  });

  it('never gives out wrong bytes when too few shards are right', async () => {
    const fixture = store(3, 5);
    for (const backend of fixture.backends.slice(0, 3)) {
      damage(backend, (bytes) => bytes.map((byte) => byte ^ 255));
    }
    const source = sourceOf(fixture);
    for (const { name } of PACK.chunks) await rejection(source.sealed(name), 'integrity/too-few-shards');
  });

  it('after another copy, where all shards are copies', async () => {
    const fixture = store(1, 3);
    fixture.backends[0]!.objects.clear();
    const source = sourceOf(fixture);
    await expectAll(source);
    expect(source.bytesRead).toBe(PACK.bytes.length);
    expect(fixture.backends[2]!.asked).toEqual([]);
  });

  it('after another place that lists the shard', async () => {
    const fixture = store(3, 5);
    const [from, to] = [backendOf(fixture.among[1]!).objects, backendOf(fixture.among[4]!).objects];
    for (const [name, bytes] of from) to.set(name, bytes);
    from.clear();
    const presence = await Presence.load(placesOf(fixture.among));
    const source = sourceOf(fixture, presence);
    await expectAll(source);
    expect(source.bytesRead).toBe(PACK.bytes.length);
  });

  it('stops when it is told to', async () => {
    const fixture = store(3, 5);
    const places = placesOf(fixture.among);
    const { index } = fixture;
    const signal = AbortSignal.abort(new Error('enough'));
    const stripes = new StripeReader(places, MASK_KEY, { signal });
    const source = new RangedSource({ index, places, maskKey: MASK_KEY, stripes, signal });
    await expect(source.sealed(PACK.chunks[3]!.name)).rejects.toThrow('enough');
  });

  it('says when no segment places a chunk', async () => {
    await rejection(sourceOf(store(3, 5)).sealed(filler('unknown', 32)), 'integrity/too-few-shards');
  });
});
