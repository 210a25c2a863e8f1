import { describe, expect, it } from 'vitest';
import { uuidBytes } from '../../src/core/ids.ts';
import type { IndexedStripe } from '../../src/format/index/segment-body.ts';
import { encodeStripe, storeShard, stripeId } from '../../src/format/sealing/stripe.ts';
import { shardObjectName } from '../../src/format/shard/name.ts';
import { sleep } from '../../src/core/clock.ts';
import { SourceSpeeds } from '../../src/vault/source-speeds.ts';
import { FakeTimer } from '../support/fake-timer.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { backendOf, holderOf, holders, MASK_KEY, placesOf } from '../support/tier-fixture.ts';
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

/** Answers after so many milliseconds, or never. */
class PacedBackend extends MemoryBackend {
  asked = 0;
  readonly #timer: FakeTimer;
  readonly #delayMs: number;

  constructor(name: string, timer: FakeTimer, delayMs: number) {
    super(name);
    this.#timer = timer;
    this.#delayMs = delayMs;
  }

  override async get(...[name, options = {}]: Parameters<MemoryBackend['get']>): Promise<Uint8Array> {
    this.asked += 1;
    if (this.#delayMs === Infinity)
      await new Promise((_, reject) =>
        options.signal!.addEventListener('abort', () => reject(options.signal!.reason as Error)),
      );
    else await sleep(this.#timer, this.#delayMs, options.signal);
    return super.get(name, options);
  }
}

function paced(delays: readonly number[]): { timer: FakeTimer; among: WritableHolder[]; backends: PacedBackend[] } {
  const timer = new FakeTimer();
  const backends = delays.map((delay, i) => new PacedBackend(`backend ${i}`, timer, delay));
  return { timer, backends, among: backends.map((backend) => holderOf(backend)) };
}

const pacedReader = (among: readonly WritableHolder[], timer: FakeTimer): StripeReader =>
  new StripeReader(placesOf(among), MASK_KEY, { speeds: new SourceSpeeds(timer) });

describe('a stripe reader whose holders differ', () => {
  it('asks the fastest, once it knows them', async () => {
    const { timer, among, backends } = paced([10, 2_000, 10, 10, 10]);
    const stripes = Array.from({ length: 10 }, () => store(among, 3));
    const reading = pacedReader(among, timer);
    for (const stripe of stripes) expect(Buffer.compare(await timer.until(reading.read(stripe)), PACK)).toBe(0);
    // The slow one once; in its place one that was not known yet.
    expect(backends.map(({ asked }) => asked)).toEqual([10, 1, 10, 9, 0]);
  });

  it('prefers data shards where speeds are about equal', async () => {
    const { timer, among, backends } = paced([11, 10, 12, 9, 9]);
    const reading = pacedReader(among, timer);
    for (let i = 0; i < 10; i += 1) await timer.until(reading.read(store(among, 3)));
    expect(backends.map(({ asked }) => asked)).toEqual([10, 10, 10, 0, 0]);
  });

  it('gives every byte though one lies and one hangs, and asks neither twice', async () => {
    const { timer, among, backends } = paced([Infinity, 5, 5, 5, 5]);
    const stripes = Array.from({ length: 6 }, () => store(among, 3));
    damage(among[1]!, (bytes) => bytes.map((byte, i) => (i === 9 ? byte ^ 1 : byte)));
    const reading = pacedReader(among, timer);
    for (const stripe of stripes) expect(Buffer.compare(await timer.until(reading.read(stripe)), PACK)).toBe(0);
    expect(backends[0]!.asked).toBe(1);
    expect(backends[1]!.asked).toBe(1);
    expect(reading.problems.map(({ location, kind }) => [location, kind])).toEqual([['memory:backend 1', 'corrupt']]);
  });

  it('asks who lied when nobody else has enough', async () => {
    const { timer, among } = paced([5, 5, 5]);
    const first = store(among, 2);
    damage(among[0]!, (bytes) => bytes.slice(1));
    const reading = pacedReader(among, timer);
    await timer.until(reading.read(first));
    const second = store(among, 2);
    backendOf(among[1]!).objects.clear();
    await timer.until(reading.read(second));
    expect(reading.problems.map(({ kind }) => kind)).toEqual(['corrupt', 'missing']);
  });

  it('waits for whom it needs, however slow', async () => {
    const { timer, among } = paced([5, 60_000, 5]);
    const reading = pacedReader(among, timer);
    expect(Buffer.compare(await timer.until(reading.read(store(among, 3))), PACK)).toBe(0);
  });

  it('passes the digest of each shard, for stores that keep versions', async () => {
    const among = holders(3);
    const stripe = store(among, 2);
    const digests: unknown[] = [];
    for (const holder of among) {
      const get = holder.backend.get.bind(holder.backend);
      holder.backend.get = (name, options) => {
        digests.push(shardObjectName(options!.digest!) === name);
        return get(name, options);
      };
    }
    await reader(among).read(stripe);
    expect(digests).toEqual([true, true]);
  });
});
