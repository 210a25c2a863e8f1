import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type { CatalogChunk } from '../../src/core/ports.ts';
import { ChunkTable } from '../../src/pipeline/chunk-table.ts';
import { filler } from '../support/tree-fixture.ts';
import { knownChunks } from '../support/tier-fixture.ts';
import { codeOf } from '../unit/keys-fixture.ts';

const chunkOf = (number: number): CatalogChunk => ({
  contentId: filler(`id ${number}`, 32),
  name: filler(`name ${number}`, 32),
  key: filler(`key ${number}`, 32),
});
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

describe('the chunks of the last snapshot', () => {
  test('are those met, those not met, and those that nobody finds any more', async () => {
    const all = Array.from({ length: 10 }, (_, i) => chunkOf(i));
    const lost = new Set([toHex(all[0]!.name), toHex(all[9]!.name)]);
    const known = knownChunks(all, (name) => !lost.has(toHex(name)));
    expect(known.meet(all[0]!.contentId)).toBeNull();
    expect(known.meet(chunkOf(50).contentId)).toBeNull();
    for (const i of [2, 3, 3]) expect(toHex(known.meet(all[i]!.contentId)!.name)).toBe(toHex(all[i]!.name));
    expect([...known.reused()].map(({ name, key }) => toHex(name) + toHex(key))).toEqual(
      [2, 3].map((i) => toHex(all[i]!.name) + toHex(all[i]!.key)),
    );
    expect([...known.unmet()].map(plain)).toEqual([0, 9, 1, 4, 5, 6, 7, 8].map((i) => plain(all[i]!)));
  });
});
