import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { ValenceError } from '../../src/core/errors.ts';
import { SEGMENT_BYTES_AIM, SMALL_PACK_BYTES } from '../../src/core/limits.ts';
import { decodeSegmentBody, encodeSegmentBody } from '../../src/format/index/segment-body.ts';
import type { SegmentBody } from '../../src/format/index/segment-body.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { foldIndex } from '../../src/pipeline/fold.ts';
import { segmentBytes } from '../../src/pipeline/segment-builder.ts';
import { planFold, SETTLED_SEGMENT_BYTES } from '../../src/placement/fold-plan.ts';
import { filler } from '../support/tree-fixture.ts';
import { body, bytesOf, indexOf, inline, liveNames, placedNames, StripeStore } from '../unit/fold-fixture.ts';
import type { Chunk } from '../unit/fold-fixture.ts';

const seed = 911;
const runs = (usual: number): { seed: number; numRuns: number } => ({
  seed,
  numRuns: process.env['SLOW'] === '1' ? usual * 20 : usual,
});
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('a log of segments', () => {
  /** Appends segments of these sizes, folding as planned, if nothing in them ever dies. */
  const append = (newest: readonly number[]): { sizes: number[]; written: number; most: number } => {
    let [sizes, written, most]: [number[], number, number] = [[], 0, 0];
    for (const size of newest) {
      const first = planFold(sizes, size) ?? sizes.length;
      const folded = size + sum(sizes.slice(first));
      if (first < sizes.length) expect(folded).toBeLessThanOrEqual(SEGMENT_BYTES_AIM);
      sizes = [...sizes.slice(0, first), folded];
      written += folded;
      most = Math.max(most, sizes.filter((each) => each < SETTLED_SEGMENT_BYTES).length);
    }
    return { sizes, written, most };
  };

  it('stays short, and writes each byte a logarithmic number of times', () => {
    const sizes = fc.oneof(
      fc.array(fc.integer({ min: 3_600, max: 5_000 }), { minLength: 1_000, maxLength: 1_000 }),
      fc.array(fc.integer({ min: 3_600, max: 120_000 }), { minLength: 300, maxLength: 300 }),
      // Each a little smaller than the one before, so that none is ever as large as the next.
      fc.integer({ min: 4_000, max: 100_000 }).map((top) => Array.from({ length: 350 }, (_, i) => top - i)),
    );
    fc.assert(
      fc.property(sizes, (newest) => {
        const { sizes: left, written, most } = append(newest);
        const [total, least] = [sum(newest), Math.min(...newest)];
        expect(sum(left)).toBe(total);
        // Two in a row that are not settled hold more than a segment may, or the first is larger than all after it.
        const log = Math.ceil(Math.log2(SEGMENT_BYTES_AIM / least)) + 1;
        expect(most).toBeLessThanOrEqual(log + total / SETTLED_SEGMENT_BYTES);
        expect(left.length).toBeLessThanOrEqual(log + (2 * total) / SETTLED_SEGMENT_BYTES);
        expect(written).toBeLessThanOrEqual(total * (log + 1));
      }),
      runs(30),
    );
  });

  it('of a thousand small segments is a dozen', () => {
    const { sizes, most } = append(Array.from({ length: 1_000 }, () => 700));
    expect(sizes.length).toBeLessThanOrEqual(12);
    expect(most).toBeLessThanOrEqual(11);
  });
});

/** A tier as its runs see it: segments by number, those the newest manifest names, and what the snapshot holds. */
class Tier {
  readonly store: StripeStore = new StripeStore();
  readonly segments: SegmentBody[] = [];
  listed: number[] = [];
  readonly live: Map<string, Chunk> = new Map();
  written = 0;
  folds = 0;
  readonly #fails: (number: number) => boolean;
  #asked = 0;

  /** `fails`: whether the holders fail at what is asked of them as the number-th. */
  constructor(fails: (number: number) => boolean = () => false) {
    this.#fails = fails;
  }

  bodies(): SegmentBody[] {
    return this.listed.map((number) => this.segments[number]!);
  }

  async commit(added: readonly Chunk[], dropped: readonly string[]): Promise<void> {
    for (const chunk of added) this.live.set(toHex(chunk.name), chunk);
    for (const name of dropped) this.live.delete(name);
    const names = dropped.map((name) => Buffer.from(name, 'hex'));
    const pack = bytesOf(added);
    const parts =
      pack.length < SMALL_PACK_BYTES
        ? { inline: added.length === 0 ? [] : [inline(...added)] }
        : { stripes: [this.store.stripe(...added)] };
    const { kept, bodies } = await foldIndex({
      profile: this.store.profile,
      promised: 1,
      domains: this.store.domains,
      readStripe: (stripe) => this.#tryTo(() => this.store.read(stripe)),
      place: (bytes, chunks) => this.#tryTo(() => this.store.place(bytes, chunks)),
      listed: this.listed.map((number) => ({
        digest: Buffer.of(number >> 8, number & 255),
        sizeBytes: segmentBytes(this.segments[number]!),
      })),
      newest: body({ ...parts, dropped: names }),
      readSegment: (digest) => this.#tryTo(async () => this.segments[digest[0]! * 256 + digest[1]!]!),
    });
    if (kept < this.listed.length) this.folds += 1;
    this.listed = this.listed.slice(0, kept);
    for (const each of bodies) {
      this.listed.push(this.segments.length);
      this.segments.push(decodeSegmentBody(encodeSegmentBody(each)));
      this.written += segmentBytes(each);
    }
  }

  #tryTo<T>(work: () => Promise<T>): Promise<T> {
    this.#asked += 1;
    if (this.#fails(this.#asked)) return Promise.reject(new ValenceError('backend/unavailable', 'not now'));
    return work();
  }
}

/** What must hold of the index after any run. */
function check(tier: Tier): void {
  const bodies = tier.bodies();
  const index = indexOf(bodies);
  expect(liveNames(bodies)).toEqual([...tier.live.keys()].toSorted());
  const placed = new Map<string, number>();
  for (const name of placedNames(bodies)) placed.set(name, (placed.get(name) ?? 0) + 1);
  for (const [name, chunk] of tier.live) {
    expect(placed.get(name)).toBe(1);
    expect(Buffer.compare(tier.store.find(index, chunk.name)!, chunk.bytes)).toBe(0);
  }
}

/** In a folded segment nothing is kept that only dead chunks need. */
function checkFolded(tier: Tier): void {
  const newest = tier.segments.at(-1)!;
  const index = indexOf(tier.bodies());
  const packs = [...newest.stripes, ...newest.inline];
  expect(packs.every(({ chunks }) => chunks.some(({ name }) => index.isLive(name)))).toBe(true);
  const names = new Set(placedNames([newest]));
  const older = new Set(placedNames(tier.bodies().slice(0, -1)));
  const needless = newest.dropped.map(toHex).filter((name) => !names.has(name) && !older.has(name));
  expect(needless).toEqual([]);
}

interface Run {
  readonly lengths: readonly number[];
  /** Which of the live chunks go, as parts of a million. */
  readonly gone: readonly number[];
}

const run: fc.Arbitrary<Run> = fc.record({
  lengths: fc.array(
    fc.oneof(
      { arbitrary: fc.integer({ min: 21, max: 6_000 }), weight: 12 },
      { arbitrary: fc.integer({ min: 20_000, max: 90_000 }), weight: 1 },
    ),
    { maxLength: 12, size: 'max' },
  ),
  gone: fc.array(fc.nat(999_999), { maxLength: 8, size: 'max' }),
});

async function commitRun(tier: Tier, { lengths, gone }: Run): Promise<void> {
  const names = [...tier.live.keys()];
  const dropped = new Set(
    names.length === 0 ? [] : gone.map((part) => names[Math.floor((part / 1e6) * names.length)]!),
  );
  const added = lengths.map((length, i) => {
    const bytes = filler(`${tier.segments.length} ${tier.written} ${i}`, length);
    return { name: sha256(bytes), bytes };
  });
  await tier.commit(added, [...dropped]);
}

describe('an index that is folded', () => {
  it('finds what it found before, in one place, after any history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 60, size: 'max' }), async (history) => {
        const tier = new Tier();
        const manifests: { listed: readonly number[]; live: readonly string[] }[] = [];
        for (const each of history) {
          const before = tier.folds;
          await commitRun(tier, each);
          check(tier);
          if (tier.folds > before && tier.listed.length > 0) checkFolded(tier);
          manifests.push({ listed: tier.listed, live: [...tier.live.keys()].toSorted() });
        }
        for (const { listed, live } of manifests) expect(liveNames(listed.map((i) => tier.segments[i]!))).toEqual(live);
      }),
      runs(40),
    );
  });

  it('finds it also when holders fail in between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(run, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.infiniteStream(fc.nat(9)),
        async (history, luck) => {
          const tier = new Tier(() => luck.next().value < 3);
          for (const each of history) {
            await commitRun(tier, each);
            check(tier);
          }
        },
      ),
      runs(20),
    );
  });

  it('after a thousand small snapshots has few segments and few stripes, and was written a logarithmic number of times', async () => {
    const tier = new Tier();
    let newBytes = 0;
    const first = Array.from({ length: 200 }, (_, i) => filler(`base ${i}`, 8_000)).map((bytes) => ({
      name: sha256(bytes),
      bytes,
    }));
    await tier.commit(first, []);
    for (let i = 0; i < 1_000; i += 1) {
      const added = [0, 1, 2]
        .map((n) => filler(`run ${i} ${n}`, 300 + ((i * 37 + n * 911) % 3_000)))
        .map((bytes) => ({ name: sha256(bytes), bytes }));
      const live = [...tier.live.keys()];
      const dropped = [0, 1].map((n) => live[(i * 7_919 + n * 104_729) % live.length]!);
      newBytes += 3_600 + sum(added.map(({ bytes }) => bytes.length + 36)) + 64;
      await tier.commit(added, [...new Set(dropped)]);
    }
    check(tier);
    const bodies = tier.bodies();
    expect(bodies.length).toBeLessThanOrEqual(12);
    expect(tier.written).toBeLessThan(newBytes * Math.log2(1_000));
    const live = sum([...tier.live.values()].map(({ bytes }) => bytes.length));
    const stripes = bodies.flatMap((each) => each.stripes);
    expect(live / stripes.length).toBeGreaterThan(SMALL_PACK_BYTES);
    expect(stripes.length).toBeLessThan(40);
  });
});
