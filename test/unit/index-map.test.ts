import { describe, expect, it } from 'vitest';
import type { IndexedStripe, PlacedShard } from '../../src/format/index/segment-body.ts';
import { shardObjectName } from '../../src/format/shard/name.ts';
import { availableChunks } from '../../src/pipeline/known-chunks.ts';
import { uuidText } from '../../src/core/ids.ts';
import { IndexMap } from '../../src/vault/index-map.ts';
import type { Place } from '../../src/vault/places.ts';
import { Presence } from '../../src/vault/presence.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { filler } from '../support/tree-fixture.ts';

const name = (of: string): Uint8Array => filler(of, 32);
const holder = (i: number): Uint8Array => filler(`holder ${i}`, 16);

function stripe(chunks: readonly (readonly [string, number])[]): IndexedStripe {
  const packLength = chunks.reduce((sum, [, length]) => sum + length, 0);
  return {
    geometry: { code: 1, k: 2, n: 3, shardLength: packLength, packLength, packDigest: name('pack') },
    shards: [0, 1, 2].map((index) => ({
      index,
      holder: holder(index),
      epoch: 0,
      name: name(`s ${index}`),
      root: name('r'),
      groups: [],
    })),
    chunks: chunks.map(([of, length]) => ({ name: name(of), length })),
  };
}

describe('an index', () => {
  const first = stripe([
    ['a', 10],
    ['b', 20],
    ['c', 30],
  ]);
  const inline = {
    bytes: filler('inline', 7),
    chunks: [
      { name: name('d'), length: 3 },
      { name: name('e'), length: 4 },
    ],
  };
  const index = new IndexMap();
  index.add({ stripes: [first], inline: [inline], dropped: [] });

  it('says where each chunk lies', () => {
    expect(index.find(name('a'))).toEqual({ pack: { stripe: first }, offset: 0, length: 10 });
    expect(index.find(name('c'))).toEqual({ pack: { stripe: first }, offset: 30, length: 30 });
    expect(index.find(name('e'))).toEqual({ pack: { inline: inline.bytes }, offset: 3, length: 4 });
    expect(index.find(name('z'))).toBeNull();
  });

  it('keeps what a later segment says of a chunk, and finds dropped ones all the same', () => {
    const map = new IndexMap();
    map.add({ stripes: [first], inline: [], dropped: [] });
    const moved = stripe([
      ['b', 20],
      ['y', 5],
    ]);
    map.add({ stripes: [moved], inline: [], dropped: [name('a'), name('unheard of')] });
    expect(map.find(name('b'))!.pack).toEqual({ stripe: moved });
    expect([map.isLive(name('a')), map.isLive(name('b')), map.isLive(name('unheard of'))]).toEqual([
      false,
      true,
      false,
    ]);
    expect(map.find(name('a'))).not.toBeNull();
    map.add({ stripes: [], inline: [], dropped: [name('c'), name('b'), name('y')] });
    expect(map.liveStripes()).toEqual([]);
  });

  it('of 100,000 chunks takes less than 100 bytes each, and keeps nothing of the segment', () => {
    const names = Buffer.alloc(100_000 * 32);
    for (let i = 0; i < 100_000; i += 1) names.writeUInt32BE(Math.imul(i, 0x9e3779b1) >>> 0, 32 * i);
    const [full] = first.shards;
    const groups = Array.from({ length: 16 }, () => name('g'));
    const stripes = Array.from({ length: 200 }, (_, s) => ({
      ...first,
      shards: Array.from({ length: 5 }, () => ({ ...full!, groups })),
      chunks: Array.from({ length: 500 }, (__, c) => ({
        name: names.subarray(32 * (500 * s + c), 32 * (500 * s + c + 1)),
        length: 1,
      })),
    }));
    const before = process.memoryUsage().arrayBuffers;
    const map = new IndexMap();
    map.add({ stripes, inline: [], dropped: [] });
    // With what was made on the way and thrown away.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 100_000);
    expect(map.stripes[0]!.chunks.some((chunk) => chunk.name.buffer === names.buffer)).toBe(false);
    expect(map.stripes[199]).toEqual(stripes[199]);
  });

  it('tells which chunks the holders could still give, from what they list', () => {
    const can = (holders: readonly number[]): ((of: string) => boolean) => {
      const places = [0, 1, 2].map((i) => ({ backend: new MemoryBackend(String(i)), holder: uuidText(holder(i)) }));
      const listed = first.shards
        .filter((_, i) => holders.includes(i))
        .map(
          (shard) =>
            [shardObjectName(shard.name), new Map([[placeOf(places, shard), first.geometry.shardLength]])] as const,
        );
      const isAvailable = availableChunks(index, new Presence(places, new Map(listed), []));
      return (of) => isAvailable(name(of));
    };
    expect(['a', 'd', 'z'].map(can([0, 2]))).toEqual([true, true, false]);
    expect(['a', 'd', 'z'].map(can([0]))).toEqual([false, true, false]);
  });
});

function placeOf(places: readonly Place[], shard: PlacedShard): unknown {
  return places.find((place) => place.holder === uuidText(shard.holder))!.backend;
}
