import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copyRows } from '../../src/catalog/copy-fields.ts';
import type { Row } from '../../src/catalog/copy-fields.ts';
import { keyBounds } from '../../src/catalog/key-bounds.ts';
import { positionTuples } from '../../src/catalog/position-rows.ts';
import { bytesLiteral, textLiteral, uuidLiteral } from '../../src/catalog/sql-literal.ts';
import { decodeStripes, encodeStripes } from '../../src/catalog/stripe-list.ts';
import { toHex } from '../../src/core/bytes.ts';
import { copyOf } from '../../src/core/copy-stream.ts';
import type { CatalogStripe } from '../../src/core/ports.ts';
import { TREES } from '../../src/format/tables.ts';
import { keyShape } from '../../src/format/rows/row-key.ts';
import { plain } from '../contract/opened-catalog.ts';
import { EDGES, embeddings, positionAt, segmentOf } from '../support/catalog-fixture.ts';
import { rejection } from '../support/expect-code.ts';
import { codeOf } from './keys-fixture.ts';

const VAULT = '5a0e0001-0000-4000-8000-00000000000a';

describe('a list of stripes', () => {
  const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
  const shard = fc.record({ holder: fc.constantFrom(...[1, 2, 3].map((n) => Buffer.alloc(16, n))), name: bytes(32) });
  const stripe: fc.Arbitrary<CatalogStripe> = fc.record({
    required: fc.integer({ min: 1, max: 255 }),
    shardLength: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    shards: fc.array(shard, { maxLength: 255, size: 'medium' }),
  });

  test('reads as it was written', () => {
    fc.assert(
      fc.property(fc.array(stripe, { maxLength: 10 }), (stripes) => {
        expect(plain(decodeStripes(encodeStripes(stripes)))).toEqual(plain(stripes));
      }),
      { seed: 4, numRuns: 30 },
    );
  });

  test('names a holder once', () => {
    expect(encodeStripes(segmentOf('a', 100).stripes)).toHaveLength(2 + 5 * 16 + 4 + 100 * (1 + 4 + 1 + 5 * (2 + 32)));
  });

  test('is refused when cut short, continued, or of a holder that it does not list', () => {
    const whole = Buffer.from(encodeStripes(segmentOf('a', 2).stripes));
    for (let length = 0; length < whole.length; length += 1) {
      expect(codeOf(() => decodeStripes(whole.subarray(0, length)))).toBe('format/malformed');
    }
    expect(codeOf(() => decodeStripes(Buffer.concat([whole, Buffer.alloc(1)])))).toBe('format/malformed');
    whole.writeUInt16BE(5, 2 + 5 * 16 + 4 + 6);
    expect(codeOf(() => decodeStripes(whole))).toBe('format/malformed');
  });
});

describe('rows of a COPY', () => {
  const tuples = [
    ...positionTuples(
      VAULT,
      'main',
      [1, 2, 3].map((last) => positionAt({ last, piece: last })),
    ),
  ];
  const fields = 12;

  async function streamOf(parts: readonly Uint8Array[]): Promise<Buffer> {
    return Buffer.concat(await Array.fromAsync(copyOf(parts)));
  }

  async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length);
  }

  async function rowsOf(stream: AsyncIterable<Uint8Array>, count: number = fields): Promise<Row[]> {
    return (await Array.fromAsync(copyRows(stream, count))).flat();
  }

  test('are the same however the stream is cut', async () => {
    const stream = await streamOf(tuples);
    const whole = await rowsOf(inPieces(stream, stream.length));
    expect(whole).toHaveLength(3);
    expect(whole.map((row) => toHex(row[7]!))).toEqual(
      [1, 2, 3].map((n) => toHex(positionAt({ last: n, piece: n }).contentId)),
    );
    for (const length of [1, 2, 7, 19, 100]) expect(await rowsOf(inPieces(stream, length))).toEqual(whole);
    expect(await rowsOf(inPieces(await streamOf([]), 5))).toEqual([]);
  });

  test('are refused in a stream that is something else', async () => {
    const stream = await streamOf(tuples);
    const other = Buffer.from(stream);
    other[3]! ^= 1;
    const isNull = Buffer.from(stream);
    isNull.writeInt32BE(-1, 19 + 2);
    for (const bad of [other, isNull, stream.subarray(0, -1), stream.subarray(0, -2), stream.subarray(0, 10)]) {
      await rejection(rowsOf(inPieces(bad, bad.length)), 'format/malformed');
    }
    await rejection(rowsOf(inPieces(Buffer.concat([stream, Buffer.alloc(1)]), 64)), 'format/malformed');
    await rejection(rowsOf(inPieces(stream, 64), 11), 'format/malformed');
  });

  test('come in parts of about a mebibyte', () => {
    function* many(): Generator<ReturnType<typeof positionAt>> {
      const [one, other] = [positionAt({ last: 1, tree: EDGES }), positionAt({ last: 1, tree: embeddings(1) })];
      for (let n = 0; n < 12_000; n += 1) yield n % 3 === 0 ? one : other;
    }
    const lengths = [...positionTuples(VAULT, 'main', many())].map(({ length }) => length);
    expect(lengths.length).toBeGreaterThan(2);
    expect(Math.max(...lengths)).toBeLessThan(1024 * 1024 + 1024);
  });
});

test('the bounds of a range hold its keys and no other', () => {
  const key = fc.uint8Array({ minLength: 2, maxLength: 2 }).map((bytes) => Buffer.from(bytes.map((byte) => byte % 4)));
  const end = fc.option(key);
  fc.assert(
    fc.property(end, end, key, (after, upTo, asked) => {
      const { lower, upper } = keyBounds({ after, upTo });
      const inside =
        (after === null || Buffer.compare(asked, after) > 0) && (upTo === null || Buffer.compare(asked, upTo) <= 0);
      const [from, to] = [Buffer.from(lower, 'hex'), Buffer.from(upper, 'hex')];
      expect(Buffer.compare(asked, from) >= 0 && Buffer.compare(asked, to) <= 0).toBe(inside);
    }),
    { seed: 5, numRuns: 500 },
  );
  const longest = Math.max(...TREES.map((layout) => keyShape(layout).keyBytes));
  const { upper } = keyBounds({ after: null, upTo: null });
  expect(Buffer.compare(Buffer.alloc(longest, 0xff), Buffer.from(upper, 'hex'))).toBe(-1);
});

test('values stand in a query as what they are', () => {
  expect(textLiteral("it's \\ a 'tier'")).toBe("'it''s \\ a ''tier'''");
  expect(codeOf(() => textLiteral('a\0b'))).toBe('internal/invariant');
  expect(uuidLiteral(VAULT)).toBe(`'${VAULT}'::uuid`);
  expect(codeOf(() => uuidLiteral("'; DROP"))).toBe('internal/invariant');
  expect(bytesLiteral(Buffer.from([0, 0xab]))).toBe("'\\x00ab'::bytea");
});
