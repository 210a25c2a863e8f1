import { describe, expect, it, test } from 'vitest';
import { nearest } from '../../src/core/nearest.ts';
import { mayLoseDigits, parseExactly } from '../../src/graph/lines/exact-json.ts';
import { importLines } from '../../src/graph/lines/import-lines.ts';
import { parseRecord } from '../../src/graph/lines/import-record.ts';
import type { RecordContext } from '../../src/graph/lines/import-record.ts';
import { supersedesCircles } from '../../src/graph/records/supersedes-circles.ts';
import { parseTimestamp, postgresMicros } from '../../src/graph/records/timestamp.ts';

const ID = 'ABCDEF00-0000-4000-8000-000000000001';
const OTHER = '00000000-0000-4000-8000-000000000002';

function context(): RecordContext {
  return {
    clock: { now: () => 0 },
    random: { bytes: (length) => new Uint8Array(length) },
    model: null,
    models: new Map([['m', 2]]),
  };
}

function problemsOf(line: object | string): readonly string[] {
  return parseRecord(typeof line === 'string' ? line : JSON.stringify(line), context()).problems;
}

describe('timestamps', () => {
  test('count microseconds since 2000', () => {
    expect(parseTimestamp('2000-01-01T00:00:00Z')).toBe(0n);
    expect(parseTimestamp('1999-12-31T23:59:59.999999Z')).toBe(-1n);
    expect(parseTimestamp('2024-02-29T12:00:00.5+05:30')).toBe(postgresMicros(Date.parse('2024-02-29T06:30:00.500Z')));
    expect(parseTimestamp('0001-01-01T00:00:00Z')).toBe(postgresMicros(Date.parse('0001-01-01T00:00:00Z')));
  });

  it.each([
    ...['2024-01-01', '2024-01-01T00:00:00', '2024-01-01 00:00:00Z', '2024-1-1T00:00:00Z', '2023-02-29T00:00:00Z'],
    ...['2024-13-01T00:00:00Z', '2024-01-01T24:00:00Z', '2024-01-01T00:00:60Z', '2024-01-01T00:00:00.1234567Z'],
    ...[
      '0000-01-01T00:00:00Z',
      '0001-01-01T00:00:00+01:00',
      '9999-12-31T23:59:59-01:00',
      '2024-01-01T00:00:00+0100',
      'infinity',
      '',
    ],
  ])('refuse %s', (text) => {
    expect(parseTimestamp(text)).toBeNull();
  });
});

describe('import lines', () => {
  async function lines(pieces: readonly (string | Uint8Array)[], max?: number): Promise<unknown[]> {
    async function* stream(): AsyncGenerator<Uint8Array> {
      for (const piece of pieces) yield Buffer.from(piece as string);
    }
    const found: unknown[] = [];
    for await (const { number, ...line } of importLines(stream(), max))
      found.push([number, line.text ?? ('problem' in line && line.problem)]);
    return found;
  }

  test('are counted from 1, with blank ones left out and a byte order mark dropped', async () => {
    expect(await lines(['\ufeffa\r\n\n \nb', 'c\n', 'd'])).toEqual([
      [1, 'a\r'],
      [4, 'bc'],
      [5, 'd'],
    ]);
    expect(await lines([])).toEqual([]);
    expect(await lines(['\ufeff'])).toEqual([]);
  });

  test('come with a problem when they are too long or not UTF-8', async () => {
    expect(await lines(['12345678\n123456789\n1', '23456789\nx'], 8)).toEqual([
      [1, '12345678'],
      [2, 'longer than 8 bytes'],
      [3, 'longer than 8 bytes'],
      [4, 'x'],
    ]);
    expect(await lines([Uint8Array.of(0xc3, 0x28, 0x0a), 'x'])).toEqual([
      [1, 'not valid UTF-8'],
      [2, 'x'],
    ]);
  });
});

describe('import records', () => {
  test('fold contradicts to ordered ends and derive ids in lower case', () => {
    const [row] = parseRecord(JSON.stringify({ source: ID, target: OTHER, type: 'contradicts' }), context()).rows;
    expect(row).toMatchObject([
      'edges',
      { source_id: OTHER, target_id: ID.toLowerCase(), id: 'e7009409-6a6a-57dc-be4a-3b742d943f15' },
    ]);
  });

  it.each<[string, object | string]>([
    ['content is not a text', { content: 1 }],
    ['content is missing', { content: null }],
    ['content has a character that cannot be stored: NUL or half of a pair', { content: 'a\0' }],
    ['content has a character that cannot be stored: NUL or half of a pair', '{"content": "\\ud800"}'],
    ['metadata has a character that cannot be stored: NUL or half of a pair', { content: 'a', metadata: { 'a\0': 1 } }],
    ['metadata has a number too large to be read', '{"content": "a", "metadata": {"n": 1e999}}'],
    ['metadata is not an object', { content: 'a', metadata: [] }],
    ['id is not a UUID', { content: 'a', id: 'x' }],
    ['confidence is not a number from 0 to 1', { content: 'a', confidence: '1' }],
    ['domains is not a list of texts', { content: 'a', domains: 'x' }],
    ['domains has an empty text', { content: 'a', domains: [''] }],
    [
      'status is none of active, superseded, disputed, archived; did you mean "active"?',
      { content: 'a', status: 'activ' },
    ],
    [
      'valid_from is not an ISO 8601 time with an offset, such as 2026-01-31T12:00:00Z',
      { content: 'a', valid_from: '2024' },
    ],
    [
      'valid_until is not after valid_from',
      { content: 'a', valid_from: '2024-01-01T00:00:00Z', valid_until: '2024-01-01T00:00:00Z' },
    ],
    ['version is not a whole number from 1 to 2147483647', { content: 'a', version: 0 }],
    ['provenance.source_id is missing', { content: 'a', provenance: { source_type: 'x' } }],
    [
      'unknown field provenance[0]."sauce"',
      { content: 'a', provenance: [{ source_type: 'x', source_id: 'y', sauce: 1 }] },
    ],
    [
      'provenance[1].source_id names the same source twice',
      {
        content: 'a',
        provenance: [
          { source_type: 'x', source_id: 'y' },
          { source_type: 'x', source_id: 'y' },
        ],
      },
    ],
    [
      'embeddings."m" has a member that is not a number of single precision',
      { content: 'a', embeddings: { m: [1, 'x'] } },
    ],
    [
      'embeddings."m" has a member that is not a number of single precision',
      { content: 'a', embeddings: { m: [1, 1e39] } },
    ],
    ['embeddings."m" is not a list of numbers', { content: 'a', embeddings: { m: [] } }],
    ['embeddings."m" has 1 dimensions, the model "m" has 2', { content: 'a', embeddings: { m: [1] } }],
    [
      'embeddings."big" has 16001 dimensions, at most 16000 can be kept',
      { content: 'a', embeddings: { big: Array(16001).fill(0) } },
    ],
    ['type is missing', { source: ID, target: OTHER }],
    [
      'type is none of supports, contradicts, supersedes, derives_from; did you mean "supports"?',
      { source: ID, target: OTHER, type: 'support' },
    ],
    ['target is the source: an edge joins two beliefs', { source: ID, target: ID.toLowerCase(), type: 'supports' }],
    ['unknown field "wieght"; did you mean "weight"?', { source: ID, target: OTHER, type: 'supports', wieght: 1 }],
    [
      'replaced_at is missing',
      { version_of: ID, version: 1, was: { content: 'x' }, recorded_at: '2024-01-01T00:00:00Z' },
    ],
    ['recorded_at is missing; replaced_at is missing; was is missing', { version_of: ID, version: 1 }],
    ['dimensions is not a whole number from 1 to 16000', { model: 'x', dimensions: 0 }],
    ['nested deeper than 200', `{"content": "a", "metadata": ${'{"a":'.repeat(300)}1${'}'.repeat(300)}}`],
    ['not a JSON object', 'null'],
  ])('refuse a line: %s', (reason, line) => {
    expect(problemsOf(line).join('; ')).toBe(reason);
  });

  test('keep the digits of metadata', () => {
    const [row] = parseRecord('{"content": "a-0", "metadata": {"x": 1.50, "y": -0, "z": "1.50"}}', context()).rows;
    expect(row).toMatchObject(['beliefs', { metadata: '{"x":1.50,"y":-0,"z":"1.50"}' }]);
    expect(mayLoseDigits('{"a": 12}')).toBe(false);
    expect(JSON.stringify(parseExactly('[1E5,0.1,100000000000000000001]'))).toBe('[1E5,0.1,100000000000000000001]');
  });
});

test('circles of supersedes are found, and nothing else', () => {
  const edges = ['ab', 'bc', 'cd', 'da', 'xa', 'dy', 'pq', 'qr'].map(([source, target]) => ({
    source: source!,
    target: target!,
  }));
  expect(
    supersedesCircles(edges)
      .map(({ source, target }) => source + target)
      .toSorted(),
  ).toEqual(['ab', 'bc', 'cd', 'da']);
  expect(supersedesCircles(edges.slice(4))).toEqual([]);
});

test('the nearest word', () => {
  expect(nearest('confidnece', ['content', 'confidence'])).toBe('confidence');
  expect(nearest('zzzzzz', ['content', 'confidence'])).toBeNull();
});
