import { describe, expect, it, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { INLINE_VALUE_BYTES_MAX, VALUE_PIECE_BYTES } from '../../src/core/limits.ts';
import { readLeafRow, rowEnds } from '../../src/format/rows/large-value.ts';
import { CHUNK_KIND } from '../../src/format/tree/content-id.ts';
import { cutsAfter } from '../../src/format/tree/cut.ts';
import { decodeNode } from '../../src/format/tree/node.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { ChunkReader } from '../../src/vault/chunk-reader.ts';
import { TreeReader } from '../../src/vault/tree-reader.ts';
import type { MadeTree } from '../support/tree-fixture.ts';
import { CONTENT_IDS, NO_MODEL, filler, keyOf, layout, makeTree, randomRows, row } from '../support/tree-fixture.ts';
import { rejection } from '../support/expect-code.ts';
import { copyStream } from '../vectors/copy-rows.ts';

const BELIEFS = layout('beliefs');
const EDGES = layout('belief_edges');

const reader = (tree: MadeTree): TreeReader =>
  new TreeReader(new ChunkReader(new PackSource(tree.index, new StripeReader([], Buffer.alloc(32))), CONTENT_IDS));

async function readBack(tree: MadeTree): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of reader(tree).copy(tree)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function expectBack(tree: MadeTree, rows: readonly Uint8Array[]): Promise<void> {
  expect((await readBack(tree)).equals(copyStream(rows))).toBe(true);
}

describe('a tree', () => {
  it('without rows is an empty leaf', async () => {
    const tree = await makeTree(BELIEFS, []);
    expect(tree.summary).toMatchObject({ code: 1, rowVersion: 1, level: 0, modelId: NO_MODEL, rows: 0, bytes: 0 });
    expect(tree.chunks).toHaveLength(1);
    expect(tree.chunks[0]!.content).toHaveLength(0);
    const label = { kind: CHUNK_KIND.leaf, tree: 1, level: 0, rowVersion: 1 };
    expect(toHex(tree.summary.contentId)).toBe(toHex(CONTENT_IDS.of(label, new Uint8Array())));
    await expectBack(tree, []);
  });

  it('of one row is one leaf', async () => {
    const rows = [row(BELIEFS, keyOf('only', 16), filler('only', 50))];
    const tree = await makeTree(BELIEFS, rows);
    expect(tree.summary).toMatchObject({ level: 0, rows: 1, bytes: rows[0]!.length });
    expect(tree.chunks.map((chunk) => chunk.label.kind)).toEqual([CHUNK_KIND.leaf]);
    await expectBack(tree, rows);
  });

  it('of exactly one full leaf has no node', async () => {
    const all = randomRows(BELIEFS, 200);
    const first = (await makeTree(BELIEFS, all)).chunks[0]!;
    const rows = all.slice(0, rowEnds(first.content, BELIEFS.columns.length).length);
    const tree = await makeTree(BELIEFS, rows);
    expect(tree.chunks).toHaveLength(1);
    expect(toHex(tree.chunks[0]!.contentId)).toBe(toHex(first.contentId));
    expect(tree.summary).toMatchObject({ level: 0, rows: rows.length });
    const next = await makeTree(BELIEFS, all.slice(0, rows.length + 1));
    expect(next.summary.level).toBe(1);
    expect(next.chunks).toHaveLength(3);
    await expectBack(next, all.slice(0, rows.length + 1));
  });

  it('of several levels counts rows and bytes on each, and reads back', async () => {
    const rows = randomRows(EDGES, 9_000, { least: 500, most: 1_500 });
    const tree = await makeTree(EDGES, rows);
    expect(tree.summary.level).toBeGreaterThanOrEqual(3);
    expect(tree.summary.rows).toBe(rows.length);
    expect(tree.summary.bytes).toBe(rows.reduce((sum, { length }) => sum + length, 0));
    const top = tree.chunks.at(-1)!;
    expect(top.label.level).toBe(tree.summary.level);
    const entries = decodeNode(top.content, 64);
    expect(entries.reduce((sum, entry) => sum + entry.rows, 0)).toBe(rows.length);
    expect(entries.reduce((sum, entry) => sum + entry.bytes, 0)).toBe(tree.summary.bytes);
    await expectBack(tree, rows);
  });

  it('stores each chunk after those it refers to, and nothing that the root does not reach', async () => {
    const tree = await makeTree(EDGES, randomRows(EDGES, 2_000));
    const seen = new Set<string>();
    const referred = new Set([toHex(tree.summary.contentId)]);
    for (const { label, content, contentId } of tree.chunks) {
      if (label.kind === CHUNK_KIND.node) {
        for (const child of decodeNode(content, 64)) {
          expect(seen.has(toHex(child.contentId))).toBe(true);
          referred.add(toHex(child.contentId));
        }
      }
      seen.add(toHex(contentId));
    }
    expect(referred).toEqual(seen);
  });

  test.for([
    ['a key twice', (rows: Uint8Array[]) => [rows[0]!, rows[0]!]],
    ['descending keys', (rows: Uint8Array[]) => rows.toReversed()],
    ['one row out of order', (rows: Uint8Array[]) => rows.toSpliced(50, 2, rows[51]!, rows[50]!)],
  ] as const)('refuses %s, in one batch or in many', async ([, spoil]) => {
    const rows = spoil(randomRows(BELIEFS, 100));
    await rejection(makeTree(BELIEFS, rows), 'format/malformed');
    await rejection(makeTree(BELIEFS, rows, [100]), 'format/malformed');
  });
});

describe('a large value', () => {
  const key = keyOf('large', 16);
  const piecesOf = (tree: MadeTree): number[] =>
    tree.chunks.filter((chunk) => chunk.label.kind === CHUNK_KIND.piece).map((chunk) => chunk.content.length);

  test.for([
    [INLINE_VALUE_BYTES_MAX - 1, []],
    [INLINE_VALUE_BYTES_MAX, []],
    [INLINE_VALUE_BYTES_MAX + 1, [INLINE_VALUE_BYTES_MAX + 1]],
    [130 * 1024, [130 * 1024]],
    [VALUE_PIECE_BYTES - 1, [VALUE_PIECE_BYTES - 1]],
    [VALUE_PIECE_BYTES, [VALUE_PIECE_BYTES]],
    [VALUE_PIECE_BYTES + 1, [VALUE_PIECE_BYTES, 1]],
    [5 * 1024 * 1024, Array.from({ length: 20 }, () => VALUE_PIECE_BYTES)],
  ] as const)('of %d bytes comes back', async ([length, pieces]) => {
    const value = filler('value', length);
    const rows = [row(BELIEFS, key, value)];
    const tree = await makeTree(BELIEFS, rows);
    expect(piecesOf(tree)).toEqual(pieces);
    expect(tree.summary.bytes).toBe(rows[0]!.length);
    const leaf = tree.chunks.find((chunk) => chunk.label.kind === CHUNK_KIND.leaf)!;
    const last = readLeafRow(leaf.content, BELIEFS.columns.length).at(-1)!;
    expect(last.kind).toBe(pieces.length === 0 ? 'inline' : 'moved');
    await expectBack(tree, rows);
  });

  it('among others, two in one row, and twice the same, come back', async () => {
    const same = filler('same', 300_000);
    const rows = randomRows(BELIEFS, 60).map((tuple, i) =>
      i % 20 === 7 ? row(BELIEFS, tuple.subarray(6, 22), same) : tuple,
    );
    const tree = await makeTree(BELIEFS, rows, [10_000]);
    expect(piecesOf(tree)).toHaveLength(6);
    await expectBack(tree, rows);
    expect(toHex((await makeTree(BELIEFS, rows)).summary.contentId)).toBe(toHex(tree.summary.contentId));
  });

  it('of equal bytes throughout has equal pieces', async () => {
    const rows = [row(BELIEFS, key, Buffer.alloc(3 * VALUE_PIECE_BYTES, 7))];
    const tree = await makeTree(BELIEFS, rows);
    expect(new Set(tree.chunks.slice(0, 3).map((chunk) => toHex(chunk.contentId))).size).toBe(1);
    await expectBack(tree, rows);
  });

  it('that is changed changes the root', async () => {
    const value = Buffer.from(filler('value', 400_000));
    const before = await makeTree(BELIEFS, [row(BELIEFS, key, value)]);
    value[399_999]! ^= 1;
    const after = await makeTree(BELIEFS, [row(BELIEFS, key, value)]);
    expect(toHex(after.summary.contentId)).not.toBe(toHex(before.summary.contentId));
  });
});

describe('a reader', () => {
  const rows = randomRows(BELIEFS, 300);

  it('refuses a chunk that says something else than its parent states', async () => {
    const [tree, other] = [await makeTree(BELIEFS, rows), await makeTree(BELIEFS, rows.slice(1))];
    const mixed = { ...tree, root: other.root, index: other.index };
    await rejection(readBack(mixed), 'integrity/authentication-failed');
  });

  it('refuses another key, another table and another level', async () => {
    const tree = await makeTree(BELIEFS, rows);
    const { summary, root } = tree;
    const wrongKey = { ...tree, root: { ...root, key: Buffer.alloc(32) } };
    await rejection(readBack(wrongKey), 'integrity/authentication-failed');
    await rejection(readBack({ ...tree, summary: { ...summary, level: 0 } }), 'integrity/authentication-failed');
    await rejection(readBack({ ...tree, summary: { ...summary, level: 2 } }), 'format/malformed');
    await rejection(readBack({ ...tree, summary: { ...summary, code: 3 } }), 'format/malformed');
    await rejection(readBack({ ...tree, summary: { ...summary, code: 99 } }), 'format/newer');
    await rejection(readBack({ ...tree, summary: { ...summary, rowVersion: 2 } }), 'format/newer');
  });

  it('says when the index does not know a chunk', async () => {
    const tree = await makeTree(BELIEFS, rows);
    await rejection(readBack({ ...tree, root: { ...tree.root, name: Buffer.alloc(32) } }), 'integrity/too-few-shards');
  });
});

describe('the rule of cuts', () => {
  test('by hand, with an aim of 64', () => {
    // 256 × (1⁴ − 0⁴) = 256, 256 × (2⁴ − 1⁴) = 3840, 256 × (64⁴ − 63⁴) = 262,160,640 …
    expect([cutsAfter(255, 0, 1, 64), cutsAfter(256, 0, 1, 64)]).toEqual([true, false]);
    expect([cutsAfter(3839, 1, 2, 64), cutsAfter(3840, 1, 2, 64)]).toEqual([true, false]);
    const hazard = 256 * (64 ** 4 - 63 ** 4);
    expect([cutsAfter(hazard - 1, 63, 64, 64), cutsAfter(hazard, 63, 64, 64)]).toEqual([true, false]);
  });

  test('nothing passes four times the aim', () => {
    expect(cutsAfter(0xffffffff, 0, 4 * 8192, 8192)).toBe(true);
    expect(cutsAfter(0xffffffff, 4 * 8192 - 1, 4 * 8192 - 1, 8192)).toBe(false);
    expect(cutsAfter(0xffffffff, 0, 1_000_000, 8192)).toBe(true);
  });

  test('an entry that fills no 64th more never ends a leaf', () => {
    expect(cutsAfter(0, 8192, 8192 + 127, 8192)).toBe(false);
    expect(cutsAfter(0, 8192, 8192 + 128, 8192)).toBe(true);
  });
});
