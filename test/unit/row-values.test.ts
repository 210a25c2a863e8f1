import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { columnType } from '../../src/format/rows/column-types.ts';
import { columnValue, rowValues, shortestReal } from '../../src/format/rows/row-values.ts';
import { timestampText } from '../../src/format/rows/timestamp-text.ts';
import { TREES } from '../../src/format/tables.ts';
import { parseExactly } from '../../src/graph/lines/exact-json.ts';
import { parseTimestamp } from '../../src/graph/records/timestamp.ts';
import { layout } from '../support/tree-fixture.ts';
import { int4, jsonb, real, text, textArray, timestamptz, uuid, vector } from '../vectors/copy-rows.ts';
import type { Value } from '../vectors/copy-rows.ts';
import { codeOf } from './keys-fixture.ts';

const BELIEFS = layout('beliefs');
const ID = '0198f3a0-1b2c-7abc-8def-0123456789ab';

const row: readonly Value[] = [
  uuid(ID),
  text('水は氷になる 🧊'),
  real(0.719),
  null,
  textArray('birds', '', 'naïve'),
  text('active'),
  timestamptz('2024-02-29T23:59:59.123456Z'),
  timestamptz('2030-01-01T00:00:00Z'),
  jsonb('{"a": [1, null], "b": 1.0}'),
  int4(-3),
  timestamptz('1999-12-31T23:59:59.999999Z'),
  timestamptz('2026-01-02T03:04:05.100000Z'),
];

describe('a row', () => {
  it('reads by column', () => {
    expect(rowValues(BELIEFS, row)).toEqual({
      id: ID,
      content: '水は氷になる 🧊',
      confidence: 0.719,
      dimensions: null,
      domains: ['birds', '', 'naïve'],
      status: 'active',
      valid_from: '2024-02-29T23:59:59.123456Z',
      valid_until: '2030-01-01T00:00:00Z',
      metadata: { a: [1, null], b: 1 },
      version: -3,
      created_at: '1999-12-31T23:59:59.999999Z',
      updated_at: '2026-01-02T03:04:05.1Z',
    });
    expect(codeOf(() => rowValues(BELIEFS, row.slice(1)))).toBe('format/malformed');
  });

  it('keeps every digit of JSON with a parser that does', () => {
    const value = columnValue(BELIEFS, 'metadata', jsonb('{"a":1.0,"b":12345678901234567890}'), parseExactly);
    expect(JSON.stringify(value)).toBe('{"a":1.0,"b":12345678901234567890}');
  });

  it('reads a vector, and empty lists', () => {
    const embedding = columnValue(layout('belief_embeddings'), 'embedding', vector(0.1, -0, 3));
    expect(embedding).toEqual(Float32Array.of(0.1, -0, 3));
    expect(columnValue(BELIEFS, 'domains', textArray())).toEqual([]);
  });

  it('has a type for every column of every table', () => {
    for (const of of TREES) for (const column of of.columns) expect(columnType(of, column)).toBeTypeOf('string');
  });

  test.for([
    ['id', Buffer.alloc(15)],
    ['id', Buffer.alloc(17)],
    ['content', Buffer.of(0xff)],
    ['confidence', Buffer.alloc(3)],
    ['confidence', Buffer.alloc(5)],
    ['version', Buffer.alloc(5)],
    ['created_at', Buffer.alloc(7)],
    ['created_at', Buffer.alloc(9)],
    ['metadata', Buffer.alloc(0)],
    ['metadata', Buffer.concat([Buffer.of(2), text('{}')!])],
    ['metadata', Buffer.concat([Buffer.of(1), text('{')!])],
    ['domains', Buffer.concat([2, 0, 25].map((word) => int4(word)!))],
    ['domains', Buffer.concat([0, 1, 25].map((word) => int4(word)!))],
    ['domains', Buffer.concat([0, 0, 26].map((word) => int4(word)!))],
    ['domains', Buffer.concat([1, 0, 25, 1, 2, 0].map((word) => int4(word)!))],
    ['domains', Buffer.concat([1, 0, 25, 1, 1, -1].map((word) => int4(word)!))],
    ['domains', textArray('a')!.subarray(0, -1)],
    ['domains', Buffer.concat([textArray('a')!, Buffer.of(0)])],
  ] as const)('refuses bytes of %s that are none of its values (%#)', ([column, bytes]) => {
    expect(codeOf(() => columnValue(BELIEFS, column, bytes))).toBe('format/malformed');
  });

  test.for([vector(1, 2)!.subarray(0, -1), Buffer.concat([vector(1)!, Buffer.of(0)]), Buffer.of(0, 0, 0, 1)])(
    'refuses bytes that are no vector (%#)',
    (bytes) => {
      expect(codeOf(() => columnValue(layout('belief_embeddings'), 'embedding', bytes))).toBe('format/malformed');
    },
  );
});

describe('a real', () => {
  test.for([
    [0.1, 0.1],
    [0.719, 0.719],
    [1e-7, 1e-7],
    [1 / 3, 0.33333334],
    [16_777_216, 16_777_216],
    [3.4028234663852886e38, 3.4028235e38],
    [1.401298464324817e-45, 1e-45],
    [0, 0],
    [-0, -0],
  ])('%d is told as %d', ([value, told]) => {
    expect(Object.is(shortestReal(Math.fround(value!)), told)).toBe(true);
  });

  it('comes back from what is told, and no shorter number does', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const told = shortestReal(value);
        expect(Object.is(Math.fround(told), value)).toBe(true);
        const digits = told.toExponential().replace(/e.*|[-.]/g, '').length;
        if (digits > 1) expect(Math.fround(Number(value.toPrecision(digits - 1)))).not.toBe(value);
      }),
      { seed: 11, numRuns: 2_000 },
    );
  });
});

describe('a point in time', () => {
  const SECOND = 1_000_000n;
  const DAY = 86_400n * SECOND;

  test.for([
    [0n, '2000-01-01T00:00:00Z'],
    [1n, '2000-01-01T00:00:00.000001Z'],
    [-1n, '1999-12-31T23:59:59.999999Z'],
    [59n * DAY, '2000-02-29T00:00:00Z'],
    [-63_082_281_600n * SECOND, '0001-01-01T00:00:00Z'],
    [-63_082_281_600n * SECOND - 1n, '0001-12-31 23:59:59.999999+00 BC'],
    [252_455_616_000n * SECOND, '10000-01-01 00:00:00+00'],
    // The first and last that Postgres keeps.
    [-211_813_488_000n * SECOND, '4714-11-24 00:00:00+00 BC'],
    [9_223_371_331_200n * SECOND - 1n, '294276-12-31 23:59:59.999999+00'],
    [2n ** 63n - 1n, 'infinity'],
    [-(2n ** 63n), '-infinity'],
  ] as const)('of %d microseconds is %s', ([micros, told]) => {
    expect(timestampText(micros)).toBe(told);
  });

  it('reads back as it was, where it is ISO 8601', () => {
    const micros = fc.bigInt({ min: -63_082_281_600n * SECOND, max: 252_455_616_000n * SECOND - 1n });
    fc.assert(
      fc.property(micros, (at) => {
        expect(parseTimestamp(timestampText(at))).toBe(at);
      }),
      { seed: 12, numRuns: 5_000 },
    );
  });
});
