import fc from 'fast-check';
import { createCipheriv } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { CutPoints, NODE_AIM } from '../../src/format/tree/cut.ts';
import { CHUNK_KIND } from '../../src/format/tree/content-id.ts';
import { BOUNDARY_KEY, filler, keyOf, layout, makeTree, randomRows, row } from '../support/tree-fixture.ts';
import type { MadeTree } from '../support/tree-fixture.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { withBitFlipped } from '../unit/keys-fixture.ts';

const seed = 56;
const slow = process.env['SLOW'] === '1';
const few = { seed, numRuns: slow ? 200 : 15 };
const EMBEDDINGS = layout('belief_embeddings');
const BELIEFS = layout('beliefs');
const EDGES = layout('belief_edges');

const rootOf = async (rows: readonly Uint8Array[], cuts?: readonly number[], of = BELIEFS): Promise<string> =>
  toHex((await makeTree(of, rows, cuts)).summary.contentId);

const sizesOf = (tree: MadeTree, kind: number): number[] => {
  const chunks = tree.chunks.filter((chunk) => chunk.label.kind === kind);
  return chunks.map(({ content, children }) => content.length + (kind === CHUNK_KIND.node ? children.length * 64 : 0));
};

const mean = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0) / sizes.length;

const idsOf = (tree: MadeTree): Set<string> => new Set(tree.chunks.map((chunk) => toHex(chunk.contentId)));

describe('the content id of a root', () => {
  const rows = randomRows(BELIEFS, 400);

  it('does not depend on how the rows come', async () => {
    const expected = await rootOf(rows);
    const cuts = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(cuts, async (lengths) => {
        expect(await rootOf(rows, lengths)).toBe(expected);
      }),
      few,
    );
  });

  it('changes with any bit of any value', async () => {
    const expected = await rootOf(rows);
    const place = fc.record({ at: fc.nat(rows.length - 1), bit: fc.nat(20 * 8 - 1) });
    await fc.assert(
      fc.asyncProperty(place, async ({ at, bit }) => {
        const changed = rows[at]!;
        const other = withBitFlipped(changed, (changed.length - 20) * 8 + bit);
        expect(await rootOf(rows.with(at, other))).not.toBe(expected);
      }),
      few,
    );
  });

  it('differs for NULL and an empty value, and for a row more or less', async () => {
    const key = keyOf('one', 16);
    const roots = await Promise.all(
      [[], [row(BELIEFS, key)], [row(BELIEFS, key, Buffer.alloc(0))]].map((each) => rootOf(each)),
    );
    expect(
      new Set([...roots, await rootOf(rows), await rootOf(rows.slice(1)), await rootOf(rows.slice(0, -1))]).size,
    ).toBe(6);
  });

  it('differs from one table to another', async () => {
    const layouts = (['beliefs', 'sources', 'models'] as const).map(layout);
    const roots = await Promise.all(layouts.map((of) => rootOf([], undefined, of)));
    expect(new Set(roots).size).toBe(3);
  });
});

describe('a change of one row', () => {
  const count = 3_000;
  const rows = randomRows(EDGES, count, { least: 60, most: 160 });
  const extra = randomRows(EDGES, 60, { seed: 'extra', least: 60, most: 160 });

  const changes: Record<string, (at: number) => Uint8Array[]> = {
    update: (at) => {
      const { length } = rows[at]!;
      return rows.with(at, withBitFlipped(rows[at]!, length * 8 - 1));
    },
    delete: (at) => rows.toSpliced(at, 1),
    // Keys stand at the same place in every row of this table: they sort as their rows do.
    insert: (at) => [...rows, extra[at % extra.length]!].sort(Buffer.compare),
  };

  it.for(Object.keys(changes))('%s: few chunks are new', async (kind) => {
    const tree = await makeTree(EDGES, rows);
    const before = idsOf(tree);
    expect(before.size).toBeGreaterThan(60);
    const fresh: number[] = [];
    await fc.assert(
      fc.asyncProperty(fc.nat(count - 1), async (at) => {
        const changed = await makeTree(EDGES, changes[kind]!(at));
        fresh.push([...idsOf(changed)].filter((id) => !before.has(id)).length);
        // One path; a cut that moves takes neighbours along until the old cuts are met again.
        expect(fresh.at(-1)).toBeLessThanOrEqual(4 * (changed.summary.level + 1));
      }),
      { seed, numRuns: slow ? 60 : 10 },
    );
    expect(mean(fresh)).toBeLessThan(2 * (tree.summary.level + 1));
  });
});

describe('sizes', () => {
  test.for([
    ['rows', EDGES, 12_000, 40, 250],
    ['rows of many sizes', BELIEFS, 4_000, 10, 3_000],
    ['embeddings of 384 dimensions', EMBEDDINGS, 3_000, 1540, 1540],
    ['embeddings of 3,072 dimensions', EMBEDDINGS, 400, 12_292, 12_292],
  ] as const)('leaves of %s lie around their aim', async ([, of, count, least, most]) => {
    const tree = await makeTree(of, randomRows(of, count, { least, most }));
    const leaves = sizesOf(tree, CHUNK_KIND.leaf);
    expect(mean(leaves.slice(0, -1)) / of.leafAim).toBeGreaterThan(0.7);
    expect(mean(leaves.slice(0, -1)) / of.leafAim).toBeLessThan(1.1);
    expect(Math.max(...leaves)).toBeLessThan(4 * of.leafAim + most + 500);
  });

  test('nodes lie around their aim', async () => {
    // Rows of a whole leaf each, so that there are many leaves.
    const tree = await makeTree(BELIEFS, randomRows(BELIEFS, 2_000, { least: 20_000, most: 34_000 }));
    const nodes = tree.chunks
      .filter((chunk) => chunk.label.level === 1)
      .map((chunk) => chunk.content.length + chunk.children.length * 64);
    expect(nodes.length).toBeGreaterThan(40);
    expect(mean(nodes.slice(0, -1)) / NODE_AIM).toBeGreaterThan(0.7);
    expect(mean(nodes.slice(0, -1)) / NODE_AIM).toBeLessThan(1.1);
    expect(Math.max(...nodes)).toBeLessThan(4 * NODE_AIM + 128);
  });

  test('keys that follow one another do not keep leaves from ending', async () => {
    const rows = Array.from({ length: 5_000 }, (_, i) => {
      const key = Buffer.alloc(16);
      key.writeUInt32BE(i, 12);
      return row(BELIEFS, key, filler('same', 100));
    });
    const leaves = sizesOf(await makeTree(BELIEFS, rows), CHUNK_KIND.leaf);
    expect(mean(leaves.slice(0, -1)) / BELIEFS.leafAim).toBeGreaterThan(0.7);
    expect(mean(leaves.slice(0, -1)) / BELIEFS.leafAim).toBeLessThan(1.1);
  });
});

describe('words', () => {
  /** The last block of AES-256-CBC with a zero IV over label ‖ key begins with the word: that is what a CBC-MAC is. */
  const wordOf = (tree: number, level: number, padded: Uint8Array): number => {
    const cipher = createCipheriv('aes-256-cbc', BOUNDARY_KEY, Buffer.alloc(16)).setAutoPadding(false);
    const label = Buffer.concat([Buffer.from('valence cut v1'), Buffer.of(tree, level)]);
    return cipher
      .update(Buffer.concat([label, padded]))
      .subarray(-16)
      .readUInt32BE(0);
  };

  it('are the CBC-MAC of label and key, wherever the keys lie in memory', () => {
    const cases = fc.record({
      tree: fc.integer({ min: 0, max: 255 }),
      level: fc.integer({ min: 0, max: 63 }),
      blocks: fc.integer({ min: 1, max: 4 }),
      count: fc.integer({ min: 0, max: 20 }),
      shift: fc.nat(7),
    });
    fc.assert(
      fc.property(cases, ({ tree, level, blocks, count, shift }) => {
        const stride = blocks * 16;
        const memory = Buffer.alloc(count * stride + 8);
        const keys = memory.subarray(shift, shift + count * stride);
        keys.set(seededRandom(`${tree} ${level}`).bytes(keys.length));
        const words = new CutPoints(BOUNDARY_KEY, tree, level).words(keys, count, stride);
        const expected = Array.from({ length: count }, (_, i) =>
          wordOf(tree, level, keys.subarray(i * stride, (i + 1) * stride)),
        );
        expect([...words]).toEqual(expected);
      }),
      { seed, numRuns: 200 },
    );
  });
});
