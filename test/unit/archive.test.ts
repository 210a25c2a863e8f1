import { describe, expect, it } from 'vitest';
import { ValenceError } from '../../src/core/errors.ts';
import type { ProgressEvent } from '../../src/core/progress.ts';
import type { IndexedStripe } from '../../src/format/index/segment-body.ts';
import { sha256, shardObjectName } from '../../src/format/shard/name.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import { askArchives, waitForArchives } from '../../src/vault/archive.ts';
import { Presence } from '../../src/vault/presence.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { ArchiveBackend } from '../support/archive-backend.ts';
import { rejection } from '../support/expect-code.ts';
import { FakeTimer } from '../support/fake-timer.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { storePack } from '../support/stored-trees.ts';
import { holderOf, MASK_KEY, placesOf } from '../support/tier-fixture.ts';
import { filler } from '../support/tree-fixture.ts';

const PROFILE = { k: 3, n: 5 };
const bytesOf = (i: number): Uint8Array => filler(`pack ${i}`, 90_000);

/** Stripes of which so many shards lie in archives, the first ones. */
function stored(cold: number, after: number, count = 8): { among: WritableHolder[]; stripes: IndexedStripe[] } {
  const backends = Array.from({ length: 5 }, (_, i) =>
    i < cold ? new ArchiveBackend(`cold ${i}`, after) : new MemoryBackend(`warm ${i}`),
  );
  const among = backends.map((backend) => holderOf(backend));
  const stripes = Array.from({ length: count }, (_, i) => {
    const bytes = bytesOf(i);
    return storePack(among, { bytes, chunks: [{ name: sha256(bytes), length: bytes.length }] }, PROFILE);
  });
  return { among, stripes };
}

const askedAt = ({ backend }: WritableHolder): number =>
  backend instanceof ArchiveBackend ? [...backend.asked.values()].length : 0;

describe('shards in an archive', () => {
  it('are not asked for where enough others are at hand', async () => {
    const { among, stripes } = stored(2, Infinity, 40);
    const places = placesOf(among);
    expect(await askArchives(stripes, { places, presence: await Presence.load(places) })).toEqual([]);
    // Those that were looked at.
    expect(among.slice(0, 2).map(askedAt)).toEqual([5, 5]);
    const reader = new StripeReader(places, MASK_KEY);
    for (const [i, stripe] of stripes.entries()) expect(Buffer.compare(await reader.read(stripe), bytesOf(i))).toBe(0);
    expect(reader.problems).toEqual([]);
  });

  it('are all asked for at once, as many as are needed, and waited for', async () => {
    const { among, stripes } = stored(4, 4);
    const places = placesOf(among);
    const cold = await askArchives(stripes, { places, presence: await Presence.load(places) });
    // One shard of each stripe is at hand; two of the four others do.
    expect(cold).toHaveLength(2 * stripes.length);
    const [timer, events]: [FakeTimer, ProgressEvent[]] = [new FakeTimer(), []];
    await timer.until(waitForArchives(cold, { timer, progress: (event) => events.push(event) }));
    expect(events[0]).toEqual({ stage: 'waiting for 16 shards in an archive', done: 0, total: 16, unit: 'objects' });
    // Asked again at growing intervals.
    expect(events.length).toBeGreaterThanOrEqual(3);
    expect(timer.elapsed()).toBeGreaterThan(events.length * 60_000);
    const reader = new StripeReader(places, MASK_KEY);
    for (const [i, stripe] of stripes.entries()) expect(Buffer.compare(await reader.read(stripe), bytesOf(i))).toBe(0);
  });

  it('that are needed are an error of their own, not a loss', async () => {
    const { among, stripes } = stored(3, Infinity);
    const reader = new StripeReader(placesOf(among), MASK_KEY);
    const error = await rejection(reader.read(stripes[0]!), 'backend/archived');
    expect(error.message).toBe('a shard is still in an archive');
    expect(error.context).toMatchObject({ total: 1 });
    expect(reader.problems).toEqual([]);
  });

  it('do not hide a loss', async () => {
    const { among, stripes } = stored(2, Infinity);
    const reader = new StripeReader(placesOf(among.toSpliced(2, 3)), MASK_KEY);
    await rejection(reader.read(stripes[0]!), 'integrity/too-few-shards');
  });

  it('are found wherever they are when every place is suspected', async () => {
    const { among, stripes } = stored(5, 1, 40);
    const places = placesOf(among);
    // What a sample would look at is at hand.
    for (const i of [0, 10, 20, 29, 39]) {
      for (const [j, shard] of stripes[i]!.shards.entries())
        (among[j]!.backend as ArchiveBackend).asked.set(shardObjectName(shard.name), 9);
    }
    const presence = await Presence.load(places);
    expect(await askArchives(stripes, { places, presence })).toEqual([]);
    expect(await askArchives(stripes, { places, presence, suspectAll: true })).toHaveLength(3 * 35);
  });

  it('are not waited for once the user has enough', async () => {
    const { among, stripes } = stored(5, Infinity, 1);
    const places = placesOf(among);
    const cold = await askArchives(stripes, { places, presence: await Presence.load(places) });
    const [timer, controller] = [new FakeTimer(), new AbortController()];
    const waiting = waitForArchives(cold, { timer, progress: () => {}, signal: controller.signal });
    await timer.advance(3 * 60_000);
    controller.abort(new ValenceError('cancelled', 'enough'));
    await rejection(waiting, 'cancelled');
    expect(timer.pending).toBe(0);
  });
});
