import fc from 'fast-check';
import { expect, it } from 'vitest';
import { INLINE_VALUE_BYTES_MAX } from '../../src/core/limits.ts';
import { COPY_HEADER } from '../../src/core/copy-stream.ts';
import { TupleReader } from '../../src/format/rows/copy-tuples.ts';
import { codeOf } from '../unit/keys-fixture.ts';
import { filler, keyOf, layout, piecesOf, randomRows, readBatches, row, tuplesOf } from '../support/tree-fixture.ts';
import { copyStream } from '../vectors/copy-rows.ts';

const seed = 51;
const runs = { seed, numRuns: process.env['SLOW'] === '1' ? 2_000 : 150 };
const LAYOUTS = (['beliefs', 'belief_versions', 'belief_edges', 'belief_sources', 'belief_embeddings'] as const).map(
  layout,
);
const lengths = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 12 });
const streams = fc.record({
  of: fc.constantFrom(...LAYOUTS),
  // Rows a stream, several streams end to end.
  counts: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 4 }),
  most: fc.integer({ min: 0, max: 900 }),
});

it('gives the same tuples however the streams are cut into pieces', () => {
  fc.assert(
    fc.property(streams, lengths, ({ of, counts, most }, cuts) => {
      const rows = counts.map((count, i) => randomRows(of, count, { seed: `stream ${i}`, least: 0, most }));
      const bytes = Buffer.concat(rows.map(copyStream));
      const batches = readBatches(of, piecesOf(bytes, cuts));
      expect(tuplesOf(batches)).toEqual(rows.flat().map((tuple) => Buffer.from(tuple).toString('hex')));
      for (const batch of batches) expect(batch.keys.length % batch.count).toBe(0);
      const keys = Buffer.concat(batches.map((batch) => batch.keys));
      expect(keys.equals(Buffer.concat(readBatches(of, [bytes]).map((batch) => batch.keys)))).toBe(true);
    }),
    runs,
  );
});

it('gives the same tuples byte by byte', () => {
  const of = layout('belief_edges');
  const rows = randomRows(of, 8);
  expect(tuplesOf(readBatches(of, piecesOf(copyStream(rows), [1])))).toEqual(
    tuplesOf(readBatches(of, [copyStream(rows)])),
  );
});

it('refuses a stream cut short anywhere', () => {
  const of = layout('belief_sources');
  const bytes = Buffer.concat([copyStream(randomRows(of, 3)), copyStream(randomRows(of, 2, { seed: 'second' }))]);
  const whole = copyStream(randomRows(of, 3)).length;
  for (let length = 1; length < bytes.length; length += 1) {
    const code = codeOf(() => readBatches(of, piecesOf(bytes.subarray(0, length), [97])));
    expect(code, `at ${length}`).toBe(length === whole ? 'none' : 'format/malformed');
  }
});

it('never yields anything but an error of the format on arbitrary bytes after a header', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...LAYOUTS),
      fc.uint8Array({ minLength: 1, maxLength: 400 }),
      lengths,
      (of, bytes, cuts) => {
        const code = codeOf(() => readBatches(of, piecesOf(Buffer.concat([COPY_HEADER, bytes]), cuts)));
        expect(['none', 'format/malformed']).toContain(code);
      },
    ),
    runs,
  );
});

it('joins a long row once, whatever size its pieces have', () => {
  const of = layout('beliefs');
  const rows = [row(of, keyOf('a', 16), filler('long', 3_000_000)), row(of, keyOf('b', 16), filler('short', 10))].sort(
    Buffer.compare,
  );
  const batches = readBatches(of, piecesOf(copyStream(rows), [4096]));
  expect(tuplesOf(batches).toSorted()).toEqual(rows.map((tuple) => Buffer.from(tuple).toString('hex')).toSorted());
  expect(batches.some((batch) => batch.hasLargeValue)).toBe(true);
});

it('tells rows with a value too long for a leaf', () => {
  const of = layout('beliefs');
  const flag = (length: number): boolean =>
    [
      ...new TupleReader(of, INLINE_VALUE_BYTES_MAX).push(copyStream([row(of, keyOf('a', 16), Buffer.alloc(length))])),
    ][0]!.hasLargeValue;
  expect([flag(INLINE_VALUE_BYTES_MAX), flag(INLINE_VALUE_BYTES_MAX + 1)]).toEqual([false, true]);
});
