import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import type { CatalogChunk, TreePosition } from '../../src/core/ports.ts';
import { ChunkTable } from '../../src/pipeline/chunk-table.ts';
import { filler } from '../support/tree-fixture.ts';
import { knownChunks } from '../support/tier-fixture.ts';
import { codeOf } from '../unit/keys-fixture.ts';

const chunkOf = (number: number): CatalogChunk => ({
  contentId: filler(`id ${number}`, 32),
  name: filler(`name ${number}`, 32),
  key: filler(`key ${number}`, 32),
});
const MODEL = uuidText(filler('model', 16));
const plain = ({ contentId, name, key }: CatalogChunk): string[] => [contentId, name, key].map(toHex);

describe('a table of chunks', () => {
  it('finds what was added, and nothing else', () => {
    const numbers = fc.uniqueArray(fc.nat(100_000), { maxLength: 200 });
    fc.assert(
      fc.property(numbers, (given) => {
        const table = new ChunkTable();
        expect(given.map((number) => table.add(chunkOf(number)))).toEqual(given.map((_, i) => i));
        expect(table.size).toBe(given.length);
        for (const [place, number] of given.entries()) {
          const chunk = chunkOf(number);
          expect(table.find(chunk.contentId)).toBe(place);
          expect(plain(table.at(place))).toEqual(plain(chunk));
          expect(plain({ ...chunk, ...table.reference(place) })).toEqual(plain(chunk));
          expect(table.find(chunkOf(number + 100_001).contentId)).toBeNull();
        }
        expect([...table].map(plain)).toEqual(given.map((number) => plain(chunkOf(number))));
      }),
      { seed: 96, numRuns: process.env['SLOW'] === '1' ? 500 : 50 },
    );
  });

  it('tells content ids apart that begin alike', () => {
    const table = new ChunkTable();
    const ids = Array.from({ length: 300 }, (_, i) => Buffer.concat([Buffer.alloc(30, 9), Buffer.of(i >> 8, i & 255)]));
    for (const contentId of ids) table.add({ contentId, name: contentId, key: contentId });
    expect(ids.map((id) => table.find(id))).toEqual(ids.map((_, i) => i));
    expect(table.find(Buffer.concat([Buffer.alloc(30, 9), Buffer.of(5, 5)]))).toBeNull();
  });

  it('keeps copies, also when it grows', () => {
    const table = new ChunkTable();
    const first = chunkOf(0);
    table.add(first);
    const reference = table.reference(0);
    (first.name as Buffer).fill(0);
    for (let number = 1; number < 5_000; number += 1) table.add(chunkOf(number));
    expect(toHex(reference.name)).toBe(toHex(chunkOf(0).name));
    expect(table.find(chunkOf(4_999).contentId)).toBe(4_999);
  });

  it('refuses a content id twice', () => {
    const table = new ChunkTable();
    table.add(chunkOf(1));
    expect(codeOf(() => table.add(chunkOf(1)))).toBe('internal/invariant');
  });

  it('of 150,000 chunks takes less than 20 MB', () => {
    const before = process.memoryUsage().arrayBuffers;
    const table = new ChunkTable();
    const [name, key] = [Buffer.alloc(32), Buffer.alloc(32)];
    for (let number = 0; number < 150_000; number += 1) {
      const contentId = Buffer.alloc(32);
      contentId.writeUInt32BE(Math.imul(number, 0x9e3779b1) >>> 0);
      table.add({ contentId, name, key });
    }
    const counted = process.memoryUsage().arrayBuffers - before;
    // What `Buffer.alloc` gave for the ids may still be counted: 32 bytes each.
    expect(counted).toBeLessThan(20_000_000 + 150_000 * 32);
    expect(table.size).toBe(150_000);
  });
});

describe('the positions of the last snapshot', () => {
  const TREE = { name: 'beliefs' };
  const position = (i: number, more: Partial<TreePosition> = {}): TreePosition => ({
    ...chunkOf(i),
    tree: TREE,
    level: 0,
    lastKey: Buffer.of(i),
    piece: 0,
    rows: 1,
    bytes: 1,
    ...more,
  });

  test('are known by content within a tree, and used or not by name', () => {
    const all = Array.from({ length: 6 }, (_, i) => position(i));
    const known = knownChunks(all, (name) => toHex(name) !== toHex(all[0]!.name));
    expect(known.meet(TREE, all[0]!.contentId)).toBeNull();
    expect(known.meet(TREE, chunkOf(50).contentId)).toBeNull();
    expect(known.meet({ name: 'belief_embeddings', modelId: MODEL }, all[1]!.contentId)).toBeNull();
    expect(toHex(known.meet(TREE, all[1]!.contentId)!.reference.key)).toBe(toHex(all[1]!.key));
    for (const i of [2, 3, 3]) known.use(all[i]!.name);
    known.use(chunkOf(50).name);
    expect([...known.used()].map(toHex)).toEqual([2, 3].map((i) => toHex(all[i]!.name)));
    expect([...known.unused()].map(({ name }) => toHex(name))).toEqual([0, 1, 4, 5].map((i) => toHex(all[i]!.name)));
  });

  test('keep two names of one content apart, and a leaf’s own pieces', () => {
    const same = chunkOf(9).contentId;
    const known = knownChunks([
      position(1),
      position(2, { contentId: same, piece: 1 }),
      position(3),
      position(4, { contentId: same, piece: 1 }),
      position(5, { contentId: same, name: chunkOf(4).name, piece: 2 }),
    ]);
    expect(known.meet(TREE, chunkOf(3).contentId)!.pieces.map(({ name }) => toHex(name))).toEqual(
      [4, 4].map((i) => toHex(chunkOf(i).name)),
    );
    known.use(chunkOf(2).name);
    expect([...known.unused()].map(({ name, times }) => [toHex(name), times])).toEqual([
      [toHex(chunkOf(1).name), 1],
      [toHex(chunkOf(3).name), 1],
      [toHex(chunkOf(4).name), 2],
    ]);
  });
});
