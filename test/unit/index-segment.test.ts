import { describe, expect, it, test } from 'vitest';
import { ByteWriter } from '../../src/core/bytes.ts';
import { CHUNK_BYTES_MAX, SEGMENT_BYTES_MAX, SHARD_BYTES_MAX, SMALL_PACK_BYTES } from '../../src/core/limits.ts';
import { decodeSegmentBody, encodeSegmentBody } from '../../src/format/index/segment-body.ts';
import type { IndexedStripe, SegmentBody } from '../../src/format/index/segment-body.ts';
import { encodeSegment, openSegment, parseSegment } from '../../src/format/index/segment.ts';
import type { SegmentHeader } from '../../src/format/index/segment.ts';
import { createSigningKey, verifyingKeyOf } from '../../src/format/keys/signature.ts';
import { CODE_REED_SOLOMON } from '../../src/format/sealing/stripe.ts';
import { SegmentBuilder } from '../../src/pipeline/segment-builder.ts';
import { filler } from '../support/tree-fixture.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { codeOf, EVERY_BIT, withBitFlipped } from './keys-fixture.ts';

const INDEX_KEY = filler('index key', 32);
const SIGNING_KEY = createSigningKey(seededRandom('writer'));
const WRITER = verifyingKeyOf(SIGNING_KEY);
const HEADER: SegmentHeader = {
  vaultId: '00000000-0000-4000-8000-000000000001',
  generation: '00000000-0000-4000-8000-000000000002',
  writerId: '00000000-0000-4000-8000-000000000003',
  tier: 'home-2',
};

const chunksOf = (name: string, lengths: readonly number[]): { name: Uint8Array; length: number }[] =>
  lengths.map((length, i) => ({ name: filler(`${name} ${i}`, 32), length }));

const STRIPE: IndexedStripe = {
  geometry: {
    code: CODE_REED_SOLOMON,
    k: 2,
    n: 4,
    shardLength: 70_000,
    packLength: 130_000,
    packDigest: filler('pack', 32),
  },
  shards: [0, 1, 3].map((index) => ({
    index,
    holder: filler(`holder ${index}`, 16),
    epoch: index * 1000,
    name: filler(`name ${index}`, 32),
    root: filler(`root ${index}`, 32),
    groups: [filler(`a ${index}`, 32), filler(`b ${index}`, 32)],
  })),
  chunks: chunksOf('stripe', [100_000, 30_000]),
};

const BODY: SegmentBody = {
  stripes: [
    STRIPE,
    {
      ...STRIPE,
      shards: [],
      geometry: { ...STRIPE.geometry, k: 1, n: 1, shardLength: 65_536, packLength: 1 },
      chunks: chunksOf('one', [1]),
    },
  ],
  inline: [{ bytes: filler('inline', 300), chunks: chunksOf('inline', [100, 200]) }],
  dropped: [filler('dropped', 32), filler('dropped too', 32)],
};

/** Comparable whatever kind of byte array each part is. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, part: unknown) =>
      part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part,
    ),
    (_key, part: unknown) => {
      const bytes = part as { type?: unknown; data?: unknown } | null;
      return bytes?.type === 'Buffer' ? Buffer.from(bytes.data as number[]).toString('hex') : part;
    },
  );

const encoded = encodeSegment(HEADER, BODY, { indexKey: INDEX_KEY, signingKey: SIGNING_KEY }, seededRandom('segment'));
const open = (bytes: Uint8Array): SegmentBody => openSegment(parseSegment(bytes), INDEX_KEY, WRITER);
const decode = (bytes: Uint8Array): unknown => codeOf(() => decodeSegmentBody(bytes));

describe('an index segment', () => {
  it('comes back', () => {
    expect(parseSegment(encoded).header).toEqual(HEADER);
    expect(plain(open(encoded))).toEqual(plain(BODY));
    const empty = { stripes: [], inline: [], dropped: [] };
    expect(
      plain(
        open(encodeSegment(HEADER, empty, { indexKey: INDEX_KEY, signingKey: SIGNING_KEY }, seededRandom('empty'))),
      ),
    ).toEqual(empty);
  });

  it('cut short or followed by anything is refused', () => {
    for (let length = 0; length < encoded.length; length += EVERY_BIT ? 1 : 7) {
      expect(
        codeOf(() => open(encoded.subarray(0, length))),
        `at ${length}`,
      ).toBe('format/malformed');
    }
    expect(codeOf(() => open(Buffer.concat([encoded, Buffer.of(0)])))).toBe('format/malformed');
  });

  it('with any bit changed is refused', { timeout: 600_000 }, () => {
    const signature = encoded.length - 3373;
    const step = (at: number): number => (EVERY_BIT ? 1 : at < 1600 ? 3 : at < signature * 8 ? 11 : 61);
    for (let bit = 0; bit < encoded.length * 8; bit += step(bit)) {
      const code = codeOf(() => open(withBitFlipped(encoded, bit)));
      expect(
        ['format/malformed', 'format/newer', 'integrity/authentication-failed'],
        `bit ${bit}: ${String(code)}`,
      ).toContain(code);
    }
  });

  it('does not open under another key, nor for another writer', () => {
    const other = verifyingKeyOf(createSigningKey(seededRandom('other')));
    expect(codeOf(() => openSegment(parseSegment(encoded), filler('other', 32), WRITER))).toBe(
      'integrity/authentication-failed',
    );
    expect(codeOf(() => openSegment(parseSegment(encoded), INDEX_KEY, other))).toBe('integrity/authentication-failed');
  });

  it('of a newer version says so', () => {
    const newer = Buffer.from(encoded);
    newer.write('valence/v2', 'latin1');
    expect(codeOf(() => parseSegment(newer))).toBe('format/newer');
  });

  it('that lies about its length is refused before anything is made room for', () => {
    const lie = Buffer.from(encoded);
    const at = 'valence/v1 index segment\n'.length + 48 + 1 + HEADER.tier.length + 32;
    for (const length of [SEGMENT_BYTES_MAX + 1, 0xffffffff]) {
      lie.writeUInt32BE(length, at);
      expect(codeOf(() => parseSegment(lie))).toBe('format/malformed');
    }
  });

  it.for(['', 'UPPER', '-x', 'a/b', '../x', 'x'.repeat(33), 'ä'])('of a tier called %j is refused', (tier) => {
    const bytes = encodeSegment(
      { ...HEADER, tier },
      BODY,
      { indexKey: INDEX_KEY, signingKey: SIGNING_KEY },
      seededRandom('segment'),
    );
    expect(codeOf(() => parseSegment(bytes))).toBe('format/malformed');
  });
});

describe('the body of a segment', () => {
  const geometry = (part: Partial<IndexedStripe['geometry']>, chunks = STRIPE.chunks): Uint8Array =>
    encodeSegmentBody({
      ...BODY,
      stripes: [{ ...STRIPE, geometry: { ...STRIPE.geometry, ...part }, shards: [], chunks }],
    });

  it.for([
    ['another erasure code', geometry({ code: 2 })],
    ['k = 0', geometry({ k: 0 })],
    ['k > n', geometry({ k: 5 })],
    ['empty shards', geometry({ shardLength: 0 })],
    ['shards that are too long', geometry({ shardLength: SHARD_BYTES_MAX + 1 })],
    ['an empty pack', geometry({ packLength: 0 }, [])],
    ['a pack longer than its shards', geometry({ packLength: 140_001 }, chunksOf('x', [140_001]))],
    ['chunks that do not fill their pack', geometry({ packLength: 130_001 })],
    ['chunks longer than their pack', geometry({ packLength: 129_999 })],
    [
      'a chunk longer than any may be',
      geometry(
        { k: 4, shardLength: SHARD_BYTES_MAX, packLength: CHUNK_BYTES_MAX + 65 },
        chunksOf('x', [CHUNK_BYTES_MAX + 65]),
      ),
    ],
    [
      'a shard index that repeats',
      encodeSegmentBody({ ...BODY, stripes: [{ ...STRIPE, shards: [STRIPE.shards[0]!, STRIPE.shards[0]!] }] }),
    ],
    [
      'shards out of order',
      encodeSegmentBody({ ...BODY, stripes: [{ ...STRIPE, shards: STRIPE.shards.toReversed() }] }),
    ],
    [
      'a shard index that is too high',
      encodeSegmentBody({ ...BODY, stripes: [{ ...STRIPE, shards: [{ ...STRIPE.shards[0]!, index: 4 }] }] }),
    ],
    [
      'a pack in it that should be a stripe',
      encodeSegmentBody({
        ...BODY,
        inline: [{ bytes: Buffer.alloc(SMALL_PACK_BYTES + 1), chunks: chunksOf('x', [SMALL_PACK_BYTES + 1]) }],
      }),
    ],
    [
      'a pack in it that its chunks do not fill',
      encodeSegmentBody({ ...BODY, inline: [{ bytes: Buffer.alloc(10), chunks: chunksOf('x', [9]) }] }),
    ],
  ] as const)('is refused with %s', ([, bytes]) => {
    expect(decode(bytes)).toBe('format/malformed');
  });

  it('cut short anywhere or followed by anything is refused', () => {
    const bytes = encodeSegmentBody(BODY);
    for (let length = 0; length < bytes.length; length += 1)
      expect(decode(bytes.subarray(0, length)), `at ${length}`).toBe('format/malformed');
    expect(decode(Buffer.concat([bytes, Buffer.of(0)]))).toBe('format/malformed');
  });

  it('that lies about a count is refused without making room', () => {
    const u32 = (...values: number[]): Uint8Array =>
      values.reduce((writer, value) => writer.u32(value), new ByteWriter()).finish();
    const before = process.memoryUsage().heapUsed;
    for (const bytes of [
      u32(0xffffffff),
      u32(0, 0xffffffff),
      u32(0, 0, 0xffffffff),
      u32(0, 1, 0, 0xffffffff),
      Buffer.concat([u32(0, 0, 1_000_000), Buffer.alloc(1_000_000)]),
    ]) {
      expect(decode(bytes)).toBe('format/malformed');
    }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 * 1024 * 1024);
  });
});

describe('a segment builder', () => {
  test('gives what it was given, once, and knows roughly how much that is', () => {
    const builder = new SegmentBuilder();
    expect(builder.take()).toBeNull();
    for (const stripe of BODY.stripes.slice(0, 1)) builder.addStripe(stripe);
    for (const pack of BODY.inline) builder.addInline(pack);
    for (const name of BODY.dropped) builder.addDropped(name);
    expect(plain(builder.take())).toEqual(plain({ ...BODY, stripes: BODY.stripes.slice(0, 1) }));
    expect(builder.take()).toBeNull();
  });

  test('is full before a segment grows too long for a reader, whatever it holds', () => {
    const longest: IndexedStripe = {
      geometry: { ...STRIPE.geometry, k: 200, n: 255, shardLength: SHARD_BYTES_MAX, packLength: 32_768 },
      shards: Array.from({ length: 255 }, (_, index) => ({
        ...STRIPE.shards[0]!,
        index,
        groups: Array.from({ length: 16 }, () => filler('group', 32)),
      })),
      chunks: chunksOf('tiny', [1]).flatMap((chunk) => Array.from({ length: 32_768 }, () => chunk)),
    };
    const builder = new SegmentBuilder();
    while (!builder.isFull) builder.addDropped(BODY.dropped[0]!);
    builder.addStripe(longest);
    builder.addInline({ bytes: Buffer.alloc(SMALL_PACK_BYTES - 1), chunks: chunksOf('x', [SMALL_PACK_BYTES - 1]) });
    const bytes = encodeSegment(
      HEADER,
      builder.take()!,
      { indexKey: INDEX_KEY, signingKey: SIGNING_KEY },
      seededRandom('longest'),
    );
    expect(open(bytes).stripes[0]!.chunks).toHaveLength(32_768);
    expect(bytes.length).toBeLessThan(SEGMENT_BYTES_MAX);
  });
});
