import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COPY_HEADER, COPY_TRAILER, copyOf, copyPieces, copyTuples } from '../../src/core/copy-stream.ts';
import { mayLoseDigits, parseExactly } from '../../src/graph/lines/exact-json.ts';
import { importLines } from '../../src/graph/lines/import-lines.ts';
import { RowEncoder } from '../../src/graph/lines/row-encoder.ts';
import { parseTimestamp, postgresMicros } from '../../src/graph/records/timestamp.ts';

const settings = { seed: 20260131, numRuns: Number(process.env['SLOW'] ?? 0) > 0 ? 1000 : 100 };

async function* cutAt(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

const rows = fc.array(
  fc.tuple(
    fc.option(fc.uuid()),
    fc.option(fc.string({ unit: 'grapheme', maxLength: 40 })),
    fc.option(fc.array(fc.string())),
  ),
);
const dates = fc.date({
  min: new Date('0001-01-02T00:00:00Z'),
  max: new Date('9999-12-30T00:00:00Z'),
  noInvalidDate: true,
});
const numberText = fc.stringMatching(/^-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?$/);

test('lines do not depend on how the bytes are cut', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.string({ unit: 'grapheme' })),
    fc.integer({ min: 1, max: 9 }),
    async (texts, size) => {
      const lines = texts.map((text) => text.replaceAll('\n', ' '));
      const found = await all(importLines(cutAt(Buffer.from(lines.join('\n')), size)));
      const expected = lines
        .map((text, index) => ({ number: index + 1, text: index === 0 ? text.replace(/^\ufeff/, '') : text }))
        .filter(({ text }) => text.trim() !== '');
      expect(found).toEqual(expected);
    },
  );
  await fc.assert(property, settings);
});

test('tuples of COPY streams do not depend on how the bytes are cut, and can be cut into streams again', async () => {
  const property = fc.asyncProperty(
    fc.array(rows, { minLength: 1, maxLength: 4 }),
    fc.integer({ min: 1, max: 40 }),
    async (streams, size) => {
      const encoder = new RowEncoder(['uuid', 'text', 'text[]']);
      const tuples = streams.map((stream) => {
        for (const row of stream) encoder.append(row);
        return encoder.take();
      });
      const wholes = await Promise.all(tuples.map(async (each) => Buffer.concat(await all(copyOf([each])))));
      const bytes = Buffer.concat(wholes);
      const found = await all(copyTuples(cutAt(bytes, size)));
      expect(Buffer.concat(found.map((each) => each.bytes))).toEqual(Buffer.concat(tuples));
      expect(found.reduce((sum, each) => sum + each.count, 0)).toBe(streams.flat().length);
      const pieces = await all(copyPieces(cutAt(bytes, size), 64));
      const cut = await Promise.all(pieces.map(async (piece) => Buffer.concat(await all(piece))));
      const joined = cut.map((stream) => stream.subarray(COPY_HEADER.length, stream.length - COPY_TRAILER.length));
      expect(Buffer.concat(joined)).toEqual(Buffer.concat(tuples));
      await expect(all(copyTuples(cutAt(bytes.subarray(0, -1), size)))).rejects.toThrow('ends in the middle');
    },
  );
  await fc.assert(property, settings);
});

test('a time is the same at any offset', () => {
  const property = fc.property(dates, fc.integer({ min: -1439, max: 1439 }), (date, offset) => {
    const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
    const [hours, minutes] = [Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60];
    const zone = `${offset < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
    expect(parseTimestamp(local + zone)).toBe(postgresMicros(date.getTime()));
  });
  fc.assert(property, settings);
});

test('no digit of a number is lost', () => {
  const property = fc.property(fc.array(numberText), (numbers) => {
    const text = `[${numbers.join(',')}]`;
    expect(JSON.stringify(parseExactly(text))).toBe(text);
    expect(mayLoseDigits(text) || JSON.stringify(JSON.parse(text)) === text).toBe(true);
  });
  fc.assert(property, settings);
});
