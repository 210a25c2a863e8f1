import { describe, expect, it } from 'vitest';
import { uuidBytes } from '../../src/core/ids.ts';
import type { IndexedStripe } from '../../src/format/index/segment-body.ts';
import { encodeStripe, storeShard, stripeId } from '../../src/format/sealing/stripe.ts';
import { shardObjectName } from '../../src/format/shard/name.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { backendOf, holders, MASK_KEY, placesOf } from '../support/tier-fixture.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import { rejection } from '../support/expect-code.ts';
import { filler } from '../support/tree-fixture.ts';

const PACK = filler('pack', 90_000);

/** A stripe whose shard i lies at holder i. */
function store(among: readonly WritableHolder[], k: number): IndexedStripe {
  const { geometry, shards } = encodeStripe(PACK, { k, n: among.length });
  const placed = shards.map((shard, index) => {
    const holder = uuidBytes(among[index]!.holder);
    const { bytes, ...commitment } = storeShard(
      MASK_KEY,
      { stripeId: stripeId(geometry), index, holder, epoch: 0 },
      shard,
    );
    backendOf(among[index]!).objects.set(shardObjectName(commitment.name), Buffer.from(bytes));
    return { index, holder, epoch: 0, ...commitment };
  });
  return { geometry, shards: placed, chunks: [{ name: filler('chunk', 32), length: PACK.length }] };
}

const reader = (among: readonly WritableHolder[]): StripeReader => new StripeReader(placesOf(among), MASK_KEY);

const damage = (holder: WritableHolder, change: (bytes: Uint8Array) => Uint8Array): void => {
  const { objects } = backendOf(holder);
  for (const [name, bytes] of objects) objects.set(name, change(bytes));
};

describe('a stripe reader', () => {
  it('reads on when shards are missing, damaged, cut short or away', async () => {
    const among = holders(6);
    const stripe = store(among, 2);
    backendOf(among[0]!).objects.clear();
    damage(among[1]!, (bytes) => bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte)));
    damage(among[2]!, (bytes) => bytes.slice(0, -1));
    const reading = reader(among.toSpliced(3, 1));
    expect(Buffer.compare(await reading.read(stripe), PACK)).toBe(0);
    const kinds = new Map(reading.problems.map(({ location, kind }) => [location, kind]));
    expect(kinds.get('memory:backend 0')).toBe('missing');
    expect(kinds.get('memory:backend 1')).toBe('corrupt');
  });

  it('asks for no more shards than it needs', async () => {
    const among = holders(5);
    const stripe = store(among, 3);
    let asked = 0;
    for (const holder of among) {
      const get = holder.backend.get.bind(holder.backend);
      holder.backend.get = (...given) => {
        asked += 1;
        return get(...given);
      };
    }
    const reading = reader(among);
    await Promise.all([reading.read(stripe), reading.read(stripe)]);
    await reading.read(stripe);
    expect(asked).toBe(3);
  });

  it('says when there are too few, and tries again when asked again', async () => {
    const among = holders(3);
    const stripe = store(among, 2);
    const { objects } = backendOf(among[0]!);
    const kept = new Map(objects);
    objects.clear();
    damage(among[1]!, (bytes) => bytes.map((byte) => byte ^ 255));
    const reading = reader(among);
    await rejection(reading.read(stripe), 'integrity/too-few-shards');
    for (const [name, bytes] of kept) objects.set(name, bytes);
    expect(Buffer.compare(await reading.read(stripe), PACK)).toBe(0);
  });

  it('takes a shard of another length than the index says for damaged', async () => {
    const among = holders(3);
    const stripe = store(among, 2);
    const long = { ...stripe, geometry: { ...stripe.geometry, shardLength: stripe.geometry.shardLength + 1 } };
    await rejection(reader(among).read(long), 'integrity/too-few-shards');
  });

  it('notices a pack that is not the one of the index', async () => {
    const among = holders(3);
    const stripe = store(among, 2);
    const other = { ...stripe, geometry: { ...stripe.geometry, packDigest: filler('other', 32) } };
    await rejection(reader(among).read(other), 'integrity/authentication-failed');
  });
});
