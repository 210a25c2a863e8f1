import { describe, expect, it, test } from 'vitest';
import { FIELD_BYTES_MAX } from '../../src/core/limits.ts';
import { COPY_HEADER } from '../../src/core/copy-stream.ts';
import { layout, readBatches, row, tuplesOf } from '../support/tree-fixture.ts';
import { copyStream, int4, text, tuple } from '../vectors/copy-rows.ts';
import { codeOf, withBitFlipped } from './keys-fixture.ts';

const of = layout('belief_edges_reverse');
const id = (fill: number): Uint8Array => Buffer.alloc(16, fill);
const sample = tuple(id(1), text('supports'), id(2), id(3));

const read = (...streams: Uint8Array[]): unknown => codeOf(() => readBatches(of, streams));

describe('a COPY stream', () => {
  it('reads a row and makes its key', () => {
    const [batch] = readBatches(of, [copyStream([sample])]);
    expect(tuplesOf([batch!])).toEqual([Buffer.from(sample).toString('hex')]);
    const key = Buffer.concat([id(1), Buffer.from('supports'), Buffer.alloc(8), id(2), id(3)]);
    expect(batch!.keys.equals(key)).toBe(true);
  });

  it('may be empty, and may be missing', () => {
    expect(readBatches(of, [copyStream([])])).toEqual([]);
    expect(readBatches(of, [])).toEqual([]);
    expect(readBatches(of, [copyStream([]), copyStream([])])).toEqual([]);
  });

  test('a key shorter than a whole block is filled with zeros', () => {
    const versions = layout('belief_versions');
    const [batch] = readBatches(versions, [
      copyStream([tuple(id(7), int4(258), ...Array.from({ length: 10 }, () => null))]),
    ]);
    expect(batch!.keys.toString('hex')).toBe(`${'07'.repeat(16)}00000102${'00'.repeat(12)}`);
  });

  it('refuses any changed bit of the header', () => {
    for (let bit = 0; bit < COPY_HEADER.length * 8; bit += 1) {
      expect(read(withBitFlipped(copyStream([sample]), bit)), `bit ${bit}`).toBe('format/malformed');
    }
  });

  const field = (length: number, bytes = 0): Buffer => Buffer.concat([int4(length)!, Buffer.alloc(bytes)]);
  const start = Buffer.concat([COPY_HEADER, Buffer.of(0, 4)]);

  it.for([
    ['too few fields', copyStream([tuple(id(1), text('supports'), id(2))])],
    ['too many fields', copyStream([tuple(id(1), text('supports'), id(2), id(3), null)])],
    ['no fields', copyStream([tuple()])],
    ['a length below -1', Buffer.concat([start, field(-2)])],
    ['a length above the limit', Buffer.concat([start, field(FIELD_BYTES_MAX + 1)])],
    ['the greatest length there is', Buffer.concat([start, field(0x7fffffff)])],
    ['a great length and nothing after it', Buffer.concat([start, field(FIELD_BYTES_MAX, 3)])],
    ['a key that is null', copyStream([tuple(id(1), text('supports'), null, id(3))])],
    ['a key that is too short', copyStream([tuple(id(1), text('supports'), id(2).subarray(1), id(3))])],
    ['a key that is too long', copyStream([tuple(id(1), text('supports'), Buffer.alloc(17), id(3))])],
    ['an empty text in the key', copyStream([tuple(id(1), text(''), id(2), id(3))])],
    ['a text too long for the key', copyStream([tuple(id(1), text('x'.repeat(17)), id(2), id(3))])],
    ['bytes after the trailer', Buffer.concat([copyStream([sample]), Buffer.of(0)])],
    ['no trailer', copyStream([sample]).subarray(0, -2)],
    ['half a trailer', copyStream([sample]).subarray(0, -1)],
  ] as const)('refuses %s', ([, stream]) => {
    expect(read(stream)).toBe('format/malformed');
  });

  it('takes a text of the key with all its 16 bytes', () => {
    expect(read(copyStream([row(of, Buffer.concat([id(1), Buffer.from('exactly16letters'), id(2), id(3)]))]))).toBe(
      'none',
    );
  });
});
