import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { PACK_CHUNKS_MAX } from '../../src/core/limits.ts';
import { PackBuilder } from '../../src/format/sealing/pack.ts';
import type { Pack } from '../../src/format/sealing/pack.ts';
import type { SealedChunk } from '../../src/format/sealing/sealed-chunk.ts';
import {
  decodeStripe,
  encodeStripe,
  maskShard,
  packCapacity,
  storeShard,
  stripeId,
} from '../../src/format/sealing/stripe.ts';
import type { MaskContext } from '../../src/format/sealing/stripe.ts';
import { commitShard } from '../../src/format/shard/merkle.ts';
import { padmeLength } from '../../src/format/padme.ts';
import { filler } from '../support/tree-fixture.ts';
import { codeOf } from '../unit/keys-fixture.ts';

const seed = 63;
const slow = process.env['SLOW'] === '1';
const runs = { seed, numRuns: slow ? 1_000 : 100 };
const MASK_KEY = filler('mask key', 32);
const HOLDERS = Array.from({ length: 12 }, (_, i) => filler(`holder ${i}`, 16));

const chunkOf = (name: string, length: number): SealedChunk => ({
  name: filler(name, 32),
  key: filler(name, 32),
  sealed: filler(name, length),
});

describe('packs', () => {
  it('hold every chunk once, in order, and no more than they may', () => {
    const capacity = 1000;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: capacity }), { maxLength: 40 }), (lengths) => {
        const builder = new PackBuilder(capacity);
        const chunks = lengths.map((length, i) => chunkOf(`chunk ${i}`, length));
        const packs: Pack[] = [...chunks.map((chunk) => builder.add(chunk)), builder.take()].filter(
          (pack) => pack !== null,
        );
        expect(builder.take()).toBeNull();
        expect(
          Buffer.concat(packs.map((pack) => pack.bytes)).equals(Buffer.concat(chunks.map((chunk) => chunk.sealed))),
        ).toBe(true);
        expect(packs.flatMap((pack) => pack.chunks)).toEqual(
          chunks.map(({ name, sealed }) => ({ name, length: sealed.length })),
        );
        for (const [i, pack] of packs.entries()) {
          expect(pack.bytes.length).toBeLessThanOrEqual(capacity);
          expect(pack.bytes.length).toBe(pack.chunks.reduce((sum, chunk) => sum + chunk.length, 0));
          const next = packs[i + 1]?.chunks[0];
          if (next !== undefined) expect(pack.bytes.length + next.length).toBeGreaterThan(capacity);
        }
      }),
      runs,
    );
  });

  it('take a chunk of just their size and refuse a longer one', () => {
    const builder = new PackBuilder(100);
    expect(builder.add(chunkOf('full', 100))).toBeNull();
    expect(builder.add(chunkOf('next', 1))?.bytes).toHaveLength(100);
    expect(codeOf(() => builder.add(chunkOf('longer', 101)))).toBe('internal/invariant');
  });

  it('end before their index entry grows too long', () => {
    const builder = new PackBuilder(packCapacity({ k: 200, n: 255 }));
    const chunk = chunkOf('tiny', 30);
    const packs = Array.from({ length: PACK_CHUNKS_MAX + 1 }, () => builder.add(chunk)).filter((pack) => pack !== null);
    expect(packs.map((pack) => pack.chunks.length)).toEqual([PACK_CHUNKS_MAX]);
    expect(builder.take()?.chunks).toHaveLength(1);
  });
});

describe('a mask', () => {
  const contexts: fc.Arbitrary<MaskContext> = fc.record({
    stripeId: fc.constantFrom(filler('stripe a', 32), filler('stripe b', 32)),
    index: fc.integer({ min: 0, max: 254 }),
    holder: fc.constantFrom(...HOLDERS),
    epoch: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  });

  it('taken off again leaves the shard, which it does not change in place', () => {
    fc.assert(
      fc.property(contexts, fc.uint8Array({ minLength: 1, maxLength: 300 }), (context, shard) => {
        const before = toHex(shard);
        const masked = maskShard(MASK_KEY, context, shard);
        expect(masked.length).toBe(shard.length);
        expect(toHex(shard)).toBe(before);
        expect(toHex(maskShard(MASK_KEY, context, masked))).toBe(before);
      }),
      runs,
    );
  });

  it('is another for any other stripe, index, holder, epoch and key', () => {
    const zeros = Buffer.alloc(32);
    fc.assert(
      fc.property(contexts, contexts, (a, b) => {
        const differ =
          toHex(a.stripeId) !== toHex(b.stripeId) ||
          a.index !== b.index ||
          a.epoch !== b.epoch ||
          toHex(a.holder) !== toHex(b.holder);
        expect(toHex(maskShard(MASK_KEY, a, zeros)) !== toHex(maskShard(MASK_KEY, b, zeros))).toBe(differ);
        expect(toHex(maskShard(filler('other', 32), a, zeros))).not.toBe(toHex(maskShard(MASK_KEY, a, zeros)));
      }),
      runs,
    );
  });

  it('differs from its neighbours in each part by itself', () => {
    const base: MaskContext = { stripeId: filler('stripe', 32), index: 1, holder: HOLDERS[0]!, epoch: 1 };
    const variants = [
      base,
      { ...base, index: 2 },
      { ...base, epoch: 2 },
      { ...base, holder: HOLDERS[1]! },
      { ...base, stripeId: filler('s', 32) },
    ];
    expect(new Set(variants.map((context) => toHex(maskShard(MASK_KEY, context, Buffer.alloc(16))))).size).toBe(
      variants.length,
    );
  });
});

describe('a stripe', () => {
  const cases = fc
    .record({
      k: fc.integer({ min: 1, max: 10 }),
      more: fc.integer({ min: 0, max: 2 }),
      length: fc.integer({ min: 1, max: 5_000 }),
    })
    .chain(({ k, more, length }) => {
      const n = k + more;
      return fc.record({
        profile: fc.constant({ k, n }),
        pack: fc.constant(filler(`pack ${length}`, length)),
        kept: fc.shuffledSubarray(
          Array.from({ length: n }, (_, i) => i),
          { minLength: k, maxLength: k },
        ),
      });
    });

  it('comes back from any k shards, masked for their holders and unmasked', () => {
    fc.assert(
      fc.property(cases, ({ profile, pack, kept }) => {
        const { geometry, shards } = encodeStripe(pack, profile);
        expect(geometry).toMatchObject({
          ...profile,
          code: 1,
          packLength: pack.length,
          shardLength: padmeLength(Math.ceil(pack.length / profile.k)),
        });
        const id = stripeId(geometry);
        const stored = shards.map((shard, index) => {
          const context = { stripeId: id, index, holder: HOLDERS[index]!, epoch: 0 };
          const made = storeShard(MASK_KEY, context, shard);
          expect(toHex(made.name)).toBe(createHash('sha256').update(made.bytes).digest('hex'));
          expect(toHex(made.root)).toBe(toHex(commitShard(made.bytes).root));
          return { context, bytes: made.bytes };
        });
        const found = stored.map(({ context, bytes }, index) =>
          kept.includes(index) ? maskShard(MASK_KEY, context, bytes) : null,
        );
        expect(Buffer.compare(decodeStripe(geometry, found), pack)).toBe(0);
        expect(codeOf(() => decodeStripe(geometry, found.with(kept[0]!, null)))).toBe('integrity/too-few-shards');
      }),
      runs,
    );
  });

  it('notices a wrong shard', () => {
    fc.assert(
      fc.property(cases, fc.nat(), ({ profile, pack, kept }, place) => {
        const { geometry, shards } = encodeStripe(pack, profile);
        const wrong = Buffer.from(shards[kept[0]!]!);
        wrong[place % wrong.length]! ^= 1 << (place % 8);
        const found = shards.map((shard, index) => (index === kept[0] ? wrong : kept.includes(index) ? shard : null));
        expect(codeOf(() => decodeStripe(geometry, found))).toBe('integrity/authentication-failed');
      }),
      runs,
    );
  });

  it('notices shards that changed places', () => {
    const { geometry, shards } = encodeStripe(filler('pack', 3000), { k: 3, n: 5 });
    expect(codeOf(() => decodeStripe(geometry, [shards[1]!, shards[0]!, shards[2]!, null, null]))).toBe(
      'integrity/authentication-failed',
    );
    const { geometry: copies, shards: equal } = encodeStripe(filler('pack', 3000), { k: 1, n: 3 });
    expect(codeOf(() => decodeStripe(copies, [null, equal[0]!, null]))).toBe('none');
  });

  test('of a full pack has the longest shards there are', () => {
    const pack = Buffer.alloc(packCapacity({ k: 2, n: 3 }), 1);
    expect(encodeStripe(pack, { k: 2, n: 3 }).geometry.shardLength).toBe(1_048_576);
    expect(codeOf(() => encodeStripe(Buffer.concat([pack, Buffer.of(0)]), { k: 2, n: 3 }))).toBe('internal/invariant');
    expect(codeOf(() => encodeStripe(new Uint8Array(), { k: 2, n: 3 }))).toBe('internal/invariant');
  });

  test('has an id that any part of it changes, but for the length of the pack', () => {
    const { geometry } = encodeStripe(filler('pack', 3000), { k: 3, n: 5 });
    const others = [{ k: 2 }, { n: 6 }, { code: 2 }, { shardLength: 1001 }, { packDigest: filler('d', 32) }].map(
      (part) => ({ ...geometry, ...part }),
    );
    expect(new Set([geometry, ...others].map((each) => toHex(stripeId(each)))).size).toBe(6);
    expect(toHex(stripeId({ ...geometry, packLength: 1 }))).toBe(toHex(stripeId(geometry)));
  });
});
