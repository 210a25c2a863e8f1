import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { decodeRecords, encodeRecord, firstChecksum } from '../../src/catalog/journal-records.ts';
import type { IndexedStripe } from '../../src/format/index/segment-body.ts';
import { decodeUploadedPack, encodeUploadedPack } from '../../src/pipeline/uploaded-packs.ts';
import type { UploadedPack } from '../../src/pipeline/uploaded-packs.ts';
import { filler } from '../support/tree-fixture.ts';
import { codeOf, withBitFlipped } from '../unit/keys-fixture.ts';

const OWNER = { vaultId: filler('vault', 16), generation: filler('generation', 16), tier: 'home' };
const first = firstChecksum(OWNER);
const runs = { seed: 311, numRuns: process.env['SLOW'] === '1' ? 1000 : 100 };

const entries = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 });

function fileOf(given: readonly Uint8Array[]): { bytes: Uint8Array; ends: readonly number[] } {
  const written: Uint8Array[] = [];
  const ends: number[] = [];
  let checksum = first;
  let length = 0;
  for (const entry of given) {
    const record = encodeRecord(checksum, entry);
    written.push(record.bytes);
    length += record.bytes.length;
    ends.push(length);
    ({ checksum } = record);
  }
  return { bytes: Buffer.concat(written), ends };
}

const read = (bytes: Uint8Array, from = first): string[] => decodeRecords(from, bytes).map(toHex);

describe('records of the upload journal', () => {
  it('give back the entries, as many as are whole', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (given, at) => {
        const { bytes, ends } = fileOf(given);
        expect(read(bytes)).toEqual(given.map(toHex));
        const cut = at % (bytes.length + 1);
        const whole = given.slice(0, ends.filter((end) => end <= cut).length).map(toHex);
        expect(read(bytes.subarray(0, cut))).toEqual(whole);
        // What a file system may leave of bytes that never reached the disk.
        expect(read(Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(bytes.length - cut + 40)]))).toEqual(whole);
      }),
      runs,
    );
  });

  it('end before the one in which any bit is wrong', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (given, at) => {
        fc.pre(given.length > 0);
        const { bytes, ends } = fileOf(given);
        const bit = at % (8 * bytes.length);
        const whole = ends.filter((end) => 8 * end <= bit).length;
        expect(read(withBitFlipped(bytes, bit))).toEqual(given.slice(0, whole).map(toHex));
      }),
      runs,
    );
  });

  it('say nothing to another vault, generation or tier, nor in another place', () => {
    const { bytes, ends } = fileOf([filler('a', 30), filler('b', 30)]);
    for (const other of [{ vaultId: filler('x', 16) }, { generation: filler('x', 16) }, { tier: 'away' }]) {
      expect(read(bytes, firstChecksum({ ...OWNER, ...other }))).toEqual([]);
    }
    expect(read(bytes.subarray(ends[0]))).toEqual([]);
  });
});

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

const stripes: fc.Arbitrary<IndexedStripe> = fc
  .record({
    k: fc.integer({ min: 1, max: 5 }),
    more: fc.nat(4),
    lengths: fc.array(fc.integer({ min: 1, max: 20_000 })),
  })
  .chain(({ k, more, lengths }) => {
    const [n, packLength] = [k + more, lengths.reduce((sum, length) => sum + length, 1)];
    const shardLength = Math.ceil(packLength / k);
    const groups = Math.ceil(shardLength / 65_536);
    return fc.record({
      geometry: fc.record({
        code: fc.constant(1),
        k: fc.constant(k),
        n: fc.constant(n),
        shardLength: fc.constant(shardLength),
        packLength: fc.constant(packLength),
        packDigest: bytes(32),
      }),
      shards: fc
        .array(
          fc.record({
            holder: bytes(16),
            epoch: fc.nat(9),
            name: bytes(32),
            root: bytes(32),
            groups: fc.array(bytes(32), { minLength: groups, maxLength: groups }),
          }),
          { maxLength: n },
        )
        .map((shards) => shards.map((shard, index) => ({ index, ...shard }))),
      chunks: fc.tuple(...[...lengths, 1].map((length) => bytes(32).map((name) => ({ name, length })))),
    });
  });

const packs: fc.Arbitrary<UploadedPack> = stripes.chain((stripe) =>
  fc
    .tuple(...stripe.chunks.map(() => fc.record({ contentId: bytes(32), key: bytes(32), hasReferences: fc.boolean() })))
    .map((chunks) => ({ stripe, chunks })),
);

const plain = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) => (each instanceof Uint8Array ? toHex(each) : each));

/** `Buffer` would turn itself into JSON before `plain` sees it. */
const unbuffered = (pack: UploadedPack): UploadedPack => structuredClone(pack);

describe('an entry of the upload journal', () => {
  it('says what was placed', () => {
    fc.assert(
      fc.property(packs, (pack) => {
        const decoded = decodeUploadedPack(encodeUploadedPack(pack));
        expect(plain(unbuffered(decoded))).toBe(plain(unbuffered(pack)));
      }),
      runs,
    );
  });

  it('is refused when it is cut short, longer, or of several stripes', () => {
    fc.assert(
      fc.property(packs, fc.nat(), (pack, at) => {
        const entry = encodeUploadedPack(pack);
        expect(codeOf(() => decodeUploadedPack(entry.subarray(0, at % entry.length)))).toBe('format/malformed');
        expect(codeOf(() => decodeUploadedPack(Buffer.concat([entry, Buffer.of(0)])))).toBe('format/malformed');
        const fewer = { ...pack, chunks: pack.chunks.slice(1) };
        expect(codeOf(() => encodeUploadedPack(fewer))).toBe('internal/invariant');
      }),
      runs,
    );
  });
});
