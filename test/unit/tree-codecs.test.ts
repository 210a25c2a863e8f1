import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../../src/core/bytes.ts';
import { CHUNK_BYTES_MAX, FIELD_BYTES_MAX, INLINE_VALUE_BYTES_MAX } from '../../src/core/limits.ts';
import { inlineLargeValues, readLeafRow, rowEnds } from '../../src/format/rows/large-value.ts';
import { decodeChunk, encodeChunk } from '../../src/format/tree/chunk.ts';
import type { Chunk } from '../../src/format/tree/chunk.ts';
import { CHUNK_KIND } from '../../src/format/tree/content-id.ts';
import { decodeNode, encodeNode } from '../../src/format/tree/node.ts';
import { filler } from '../support/tree-fixture.ts';
import { tuple } from '../vectors/copy-rows.ts';
import { codeOf } from './keys-fixture.ts';

const reference = (name: string): { name: Uint8Array; key: Uint8Array } => ({
  name: filler(name, 32),
  key: filler(`key ${name}`, 32),
});
const node: Chunk = {
  label: { kind: CHUNK_KIND.node, tree: 5, level: 2, rowVersion: 1 },
  content: filler('content', 100),
  references: [reference('a'), reference('b')],
};

describe('a chunk', () => {
  it.for([
    ['a node', node],
    [
      'a leaf',
      { label: { kind: CHUNK_KIND.leaf, tree: 1, level: 0, rowVersion: 1 }, content: new Uint8Array(), references: [] },
    ],
    ['a leaf with pieces', { ...node, label: { kind: CHUNK_KIND.leaf, tree: 1, level: 0, rowVersion: 9 } }],
    [
      'a piece',
      {
        label: { kind: CHUNK_KIND.piece, tree: 1, level: 0, rowVersion: 1 },
        content: filler('piece', 5000),
        references: [],
      },
    ],
  ] as const)('comes back: %s', ([, chunk]) => {
    const { label, content, references } = decodeChunk(encodeChunk(chunk));
    expect({
      label,
      content: Buffer.from(content),
      references: references.map(({ name, key }) => [Buffer.from(name), Buffer.from(key)]),
    }).toEqual({
      label: chunk.label,
      content: Buffer.from(chunk.content),
      references: chunk.references.map(({ name, key }) => [Buffer.from(name), Buffer.from(key)]),
    });
  });

  it('is refused when cut short or followed by anything, but for whole references', () => {
    const bytes = encodeChunk(node);
    const whole = bytes.length - 64;
    for (let length = 0; length < bytes.length; length += 1) {
      const expected = length === whole || length === whole - 64 ? 'none' : 'format/malformed';
      expect(
        codeOf(() => decodeChunk(bytes.subarray(0, length))),
        `at ${length}`,
      ).toBe(expected);
    }
    expect(codeOf(() => decodeChunk(Buffer.concat([bytes, Buffer.of(0)])))).toBe('format/malformed');
  });

  const labelled = (kind: number, level: number, references = 0): Buffer =>
    Buffer.concat([Buffer.of(kind, 1, level, 1), Buffer.from([0, 0, 0, 0]), Buffer.alloc(64 * references)]);

  it.for([
    ['kind 0', labelled(0, 0)],
    ['kind 4', labelled(4, 0)],
    ['a leaf above level 0', labelled(1, 1)],
    ['a node at level 0', labelled(2, 0)],
    ['a node above level 63', labelled(2, 64)],
    ['a piece above level 0', labelled(3, 1)],
    ['a piece with references', labelled(3, 0, 1)],
    ['a content of 4 GiB', Buffer.concat([Buffer.of(1, 1, 0, 1), Buffer.alloc(4, 0xff)])],
    [
      'a content above the limit',
      Buffer.concat([Buffer.of(1, 1, 0, 1), new ByteWriter().u32(CHUNK_BYTES_MAX + 1).finish()]),
    ],
  ] as const)('is refused: %s', ([, bytes]) => {
    expect(codeOf(() => decodeChunk(bytes))).toBe('format/malformed');
  });

  it('may have a node at level 63', () => {
    expect(codeOf(() => decodeChunk(labelled(2, 63)))).toBe('none');
  });
});

describe('the content of a node', () => {
  const entries = [1, 2, 3].map((i) => ({
    lastKey: Buffer.alloc(16, i),
    contentId: filler(`id ${i}`, 32),
    rows: i,
    bytes: 2 ** 53 - i,
  }));

  it('comes back', () => {
    const back = decodeNode(encodeNode(entries), 16);
    expect(
      back.map(({ lastKey, contentId, rows, bytes }) => [Buffer.from(lastKey), Buffer.from(contentId), rows, bytes]),
    ).toEqual(entries.map(({ lastKey, contentId, rows, bytes }) => [lastKey, Buffer.from(contentId), rows, bytes]));
  });

  it('is refused when cut short inside an entry, without entries, and out of order', () => {
    const bytes = encodeNode(entries);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(codeOf(() => decodeNode(bytes.subarray(0, length), 16))).toBe(
        length > 0 && length % 64 === 0 ? 'none' : 'format/malformed',
      );
    }
    const [a, b, c] = entries as [(typeof entries)[0], (typeof entries)[0], (typeof entries)[0]];
    for (const wrong of [[b, a], [a, a], [a, c, b], []])
      expect(codeOf(() => decodeNode(encodeNode(wrong), 16))).toBe('format/malformed');
  });

  it('is refused with a count above 2^53 - 1', () => {
    const bytes = Buffer.from(encodeNode(entries));
    bytes[48] = 0x20;
    expect(codeOf(() => decodeNode(bytes, 16))).toBe('format/malformed');
  });
});

describe('a row of a leaf', () => {
  const moved = (total: number, ids: number): Uint8Array =>
    new ByteWriter()
      .u16(1)
      .u32(0xfffffffe)
      .u32(total)
      .bytes(Buffer.alloc(32 * ids))
      .finish();
  const code = (row: Uint8Array, columns = 1): unknown =>
    codeOf(() => [readLeafRow(row, columns), rowEnds(row, columns)]);

  it('is refused when malformed', () => {
    expect(code(tuple(null, Buffer.from('value')), 2)).toBe('none');
    expect(code(tuple(null), 2)).toBe('format/malformed');
    expect(code(new ByteWriter().u16(1).u32(0xfffffffd).finish())).toBe('format/malformed');
    expect(code(new ByteWriter().u16(1).u32(1000).bytes(Buffer.alloc(999)).finish())).toBe('format/malformed');
    expect(code(Buffer.concat([tuple(null), Buffer.of(0)]))).toBe('format/malformed');
    expect(code(moved(INLINE_VALUE_BYTES_MAX + 1, 1))).toBe('none');
    expect(code(moved(INLINE_VALUE_BYTES_MAX, 1))).toBe('format/malformed');
    expect(code(moved(FIELD_BYTES_MAX, 1024))).toBe('none');
    expect(code(moved(FIELD_BYTES_MAX + 1, 1025))).toBe('format/malformed');
    expect(code(moved(0xffffffff, 4))).toBe('format/malformed');
  });

  it('is refused when its pieces have another length together', () => {
    const fields = readLeafRow(moved(300_000, 2), 1);
    expect(inlineLargeValues(fields, () => Buffer.alloc(150_000))).toHaveLength(300_006);
    expect(codeOf(() => inlineLargeValues(fields, () => Buffer.alloc(150_001)))).toBe('format/malformed');
  });
});
