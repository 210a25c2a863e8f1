import { describe, expect, it, test } from 'vitest';
import { ValenceError } from '../../src/core/errors.ts';
import { uuidText } from '../../src/core/ids.ts';
import type { IndexedStripe } from '../../src/format/index/segment-body.ts';
import { directCoder } from '../../src/pipeline/code-stripe.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import { Placer } from '../../src/pipeline/placer.ts';
import { Uploads } from '../../src/pipeline/uploads.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { rejection } from '../support/expect-code.ts';
import { HeldBackend } from '../support/held-backend.ts';
import { MemorySpoolFiles } from '../support/memory-spool.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { turn } from '../support/fake-timer.ts';
import { until } from '../support/until.ts';
import { backendOf, holderOf, holders, MASK_KEY, placesOf } from '../support/tier-fixture.ts';
import { filler } from '../support/tree-fixture.ts';

const PROFILE = { k: 3, n: 5 };
const PACK_BYTES = 60_000;
const STRIPES = 40;
/** Two shards a holder. */
const MEMORY_BYTES = 5 * 2 * (PACK_BYTES / PROFILE.k + 2_000);

interface Run {
  readonly uploads: Uploads;
  readonly placer: Placer;
  readonly files: MemorySpoolFiles;
  readonly placed: Promise<IndexedStripe>[];
  /** Stripes whose shards all wait in queues, or lie at their holders. */
  readonly begun: () => number;
  readonly all: Promise<void>;
}

/** Places so many stripes, each as soon as the placer is ready for it. */
function start(
  among: readonly WritableHolder[],
  { disk = 2 ** 30, stripes = STRIPES, signal }: { disk?: number; stripes?: number; signal?: AbortSignal } = {},
): Run {
  const files = new MemorySpoolFiles();
  const spool = { folder: 'shards', files, memoryBytes: MEMORY_BYTES, disk };
  const uploads = new Uploads({ holders: among, signal });
  const placer = new Placer({ uploads, profile: PROFILE, maskKey: MASK_KEY, coder: directCoder, spool, signal });
  const placed: Promise<IndexedStripe>[] = [];
  const run = async (): Promise<void> => {
    for (let i = 0; i < stripes; i += 1) {
      await placer.ready();
      const begun = await placer.begin(filler(`pack ${i}`, PACK_BYTES), []);
      begun.placed.catch(() => {});
      placed.push(begun.placed);
    }
  };
  const all = run();
  all.catch(() => {});
  return { uploads, placer, files, placed, begun: () => placed.length, all };
}

const shardsAt = (holder: WritableHolder): number => backendOf(holder).objects.size;

function slowOf(more: Partial<HeldBackend['traits']> = {}): { slow: HeldBackend; holder: WritableHolder } {
  const slow = new HeldBackend('slow', more);
  return { slow, holder: holderOf(slow) };
}

const refusal = new ValenceError('backend/unavailable', 'the cable is out');

describe('a holder that takes nothing for a while', () => {
  it('keeps nothing from the others, and in the end gets everything', async () => {
    const { slow, holder } = slowOf({ maxConcurrency: 3 });
    const among = [...holders(4), holder];
    const run = start(among);
    await run.all;
    await until(() => among.slice(0, 4).every((fast) => shardsAt(fast) === STRIPES));
    expect([slow.objects.size, slow.held.length]).toEqual([0, 3]);
    // Two wait in memory, all that is left on disk.
    expect(run.files.files.size).toBe(STRIPES - 3 - 2);
    slow.open();
    const stripes = await Promise.all(run.placed);
    expect(slow.objects.size).toBe(STRIPES);
    expect(run.files.files.size).toBe(0);
    expect(stripes.every(({ shards }) => shards.length === 5)).toBe(true);
    expect([run.placer.survives, run.uploads.refused]).toEqual([2, []]);
  });

  it('has no stripe counted as placed that it has not taken its shard of', async () => {
    const { slow, holder } = slowOf({ maxConcurrency: 1 });
    const run = start([...holders(4), holder], { stripes: 10 });
    const settled: number[] = [];
    await run.all;
    for (const [i, stripe] of run.placed.entries()) void stripe.then(() => settled.push(i));
    await turn();
    expect(settled).toEqual([]);
    slow.held[0]!.release();
    await until(() => settled.length > 0);
    expect(settled).toEqual([0]);
    slow.open();
    await Promise.all(run.placed);
  });

  it('holds no more in memory than it may', async () => {
    const { slow, holder } = slowOf({ maxConcurrency: 50 });
    const run = start([...holders(4), holder]);
    await run.all;
    const shard = slow.heldBytes / slow.held.length;
    expect(slow.held.length).toBe(4);
    // Everything else but two shards is on disk.
    expect(run.files.bytes).toBe((STRIPES - 4 - 2) * shard);
    slow.open();
    await Promise.all(run.placed);
    expect(slow.mostHeldBytes).toBe(4 * shard);
  });

  it('makes coding wait once the disk is full', async () => {
    const { slow, holder } = slowOf({ maxConcurrency: 1 });
    const fast = holders(4);
    const run = start([...fast, holder], { disk: 10 * 22_000 });
    await until(() => shardsAt(fast[0]!) > 10);
    for (let i = 0; i < 20; i += 1) await turn();
    // One on its way, two in memory, ten on disk; the fourteenth stripe waits to be kept.
    expect(run.begun()).toBe(13);
    expect(run.files.bytes).toBeLessThanOrEqual(10 * 22_000);
    expect(fast.map(shardsAt)).toEqual([14, 14, 14, 14]);
    slow.open();
    await run.all;
    await Promise.all(run.placed);
    expect(slow.objects.size).toBe(STRIPES);
  });
});

describe('stripes are coded no faster than some holder takes shards', () => {
  it('so that packs wait as they are, not coded', async () => {
    const slow = Array.from({ length: 5 }, (_, i) => new HeldBackend(`slow ${i}`, { maxConcurrency: 1 }));
    const run = start(slow.map((backend) => holderOf(backend)));
    await until(() => run.begun() === 2);
    for (let i = 0; i < 20; i += 1) await turn();
    expect([run.begun(), run.files.files.size]).toEqual([2, 0]);
    for (const backend of slow) backend.open();
    await run.all;
    await Promise.all(run.placed);
  });
});

describe('a slow holder that refuses in the end', () => {
  it('has its shards brought to spares, masked for them', async () => {
    const { slow, holder } = slowOf({ maxConcurrency: 2 });
    const among = [...holders(5), holder];
    const run = start(among);
    await run.all;
    await until(() => slow.held.length === 2);
    expect(run.files.files.size).toBeGreaterThan(10);
    slow.refuse(refusal);
    const stripes = await Promise.all(run.placed);
    expect(run.files.files.size).toBe(0);
    expect(run.uploads.refused).toEqual([{ location: 'memory:slow', error: refusal }]);
    expect([slow.objects.size, run.placer.survives]).toEqual([0, 2]);
    for (const stripe of stripes) {
      expect(stripe.shards.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
      expect(new Set(stripe.shards.map((shard) => uuidText(shard.holder))).size).toBe(5);
      // The last three shards alone: some of them lie at the spare.
      const reader = new StripeReader(placesOf(among), MASK_KEY);
      await reader.read({ ...stripe, shards: stripe.shards.slice(2) });
      expect(reader.problems).toEqual([]);
    }
  });

  it('leaves shards out where there is no spare, and what it took counts no more', async () => {
    const { slow, holder } = slowOf({ maxConcurrency: 1 });
    const run = start([...holders(4), holder], { stripes: 12 });
    await run.all;
    slow.held[0]!.release();
    await until(() => slow.objects.size === 1 && slow.held.length === 1);
    slow.refuse(refusal);
    const stripes = await Promise.all(run.placed);
    expect(stripes.map(({ shards }) => shards.length)).toEqual([5, ...Array.from({ length: 11 }, () => 4)]);
    expect(run.placer.survives).toBe(1);
  });

  it('and one spare after another: each shard tries them all', async () => {
    const slow = [0, 1].map((i) => new HeldBackend(`slow ${i}`, { maxConcurrency: 1 }));
    const run = start([...holders(5), ...slow.map((backend) => holderOf(backend))]);
    await run.all;
    for (const backend of slow) backend.refuse(refusal);
    const stripes = await Promise.all(run.placed);
    expect(stripes.every(({ shards }) => shards.length === 5)).toBe(true);
    expect(run.uploads.refused).toHaveLength(2);
  });

  it('with too many others fails its stripes at once, though one still takes its time', async () => {
    const { slow, holder } = slowOf();
    const dead = [0, 1, 2].map((i) => new HeldBackend(`dead ${i}`));
    const run = start([...holders(1), ...dead.map((backend) => holderOf(backend)), holder], { stripes: 1 });
    await run.all;
    for (const backend of dead) backend.refuse(refusal);
    const error = await rejection(run.placed[0]!, 'backend/unavailable');
    expect(error.context['reasons']).toHaveLength(3);
    expect(slow.held).toHaveLength(1);
    await run.placer.stop();
    expect(slow.held).toHaveLength(0);
  });
});

describe('a run that is cancelled', () => {
  test.for([0, 1, 5, 20, STRIPES])('after %i stripes leaves no file and nothing under way', async (after) => {
    const controller = new AbortController();
    const { slow, holder } = slowOf({ maxConcurrency: 2 });
    const run = start([...holders(4), holder], { signal: controller.signal });
    await until(() => run.begun() >= after);
    const reason = new ValenceError('cancelled', 'enough');
    controller.abort(reason);
    await run.placer.stop();
    await run.placer.ended();
    expect([run.files.files.size, slow.held.length, slow.objects.size]).toEqual([0, 0, 0]);
    for (const stripe of run.placed) await rejection(stripe, 'cancelled');
    await Promise.allSettled([run.all]);
  });

  test.for(Array.from({ length: 12 }, (_, i) => i))(
    'or whose holders refuse and recover at random (%i) settles every stripe',
    async (seed) => {
      const random = seededRandom(`placer ${seed}`);
      const backends = Array.from({ length: 7 }, (_, i) => new HeldBackend(`b${i}`, { maxConcurrency: 1 + (i % 3) }));
      const run = start(
        backends.map((backend) => holderOf(backend)),
        { disk: 6 * 22_000 },
      );
      let refusals = 0;
      const finished = run.all.then(() => Promise.allSettled(run.placed));
      let isDone = false;
      void finished.then(() => (isDone = true));
      for (let step = 0; !isDone && step < 20_000; step += 1) {
        const [which, what] = random.bytes(2);
        const backend = backends[which! % 7]!;
        if (what! === 0 && refusals < 4) {
          refusals += 1;
          backend.refuse(refusal);
        } else backend.held[0]?.release();
        if (step % 8 === 0) await turn();
      }
      const outcomes = await finished;
      expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: STRIPES }, () => 'fulfilled'));
      expect(run.files.files.size).toBe(0);
      const reader = new StripeReader(placesOf(backends.map((backend) => holderOf(backend))), MASK_KEY);
      for (const stripe of run.placed) await reader.read(await stripe);
      expect(reader.problems).toEqual([]);
    },
  );
});
