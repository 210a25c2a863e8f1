import { describe, expect, it, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { leafRows } from '../../src/format/rows/leaf-rows.ts';
import { keyShape } from '../../src/format/rows/row-key.ts';
import type { TreeLayout, TreeName } from '../../src/format/tables.ts';
import { CHUNK_KIND } from '../../src/format/tree/content-id.ts';
import { ChunkReader } from '../../src/vault/chunk-reader.ts';
import { KeySet } from '../../src/vault/key-set.ts';
import type { TreeRow } from '../../src/vault/leaf-reader.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import type { SealedSource } from '../../src/vault/sealed-source.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { TreeLookup } from '../../src/vault/tree-lookup.ts';
import { rejection } from '../support/expect-code.ts';
import type { MadeTree } from '../support/tree-fixture.ts';
import { CONTENT_IDS, filler, keyOf, layout, makeTree, randomRows, row } from '../support/tree-fixture.ts';
import { codeOf } from './keys-fixture.ts';

const BELIEFS = layout('beliefs');
const EDGES = layout('belief_edges');

interface Fixture {
  readonly tree: MadeTree;
  readonly lookup: TreeLookup;
  /** Names of the chunks read. */
  readonly read: string[];
}

async function make(of: TreeLayout, rows: readonly Uint8Array[]): Promise<Fixture> {
  const tree = await makeTree(of, rows);
  const read: string[] = [];
  const packs = new PackSource(tree.index, new StripeReader([], Buffer.alloc(32)));
  const source: SealedSource = {
    sealed: (name) => {
      read.push(toHex(name));
      return packs.sealed(name);
    },
  };
  return { tree, lookup: new TreeLookup(new ChunkReader(source, CONTENT_IDS), tree), read };
}

const keysOf = (of: TreeLayout, rows: readonly Uint8Array[]): Uint8Array[] =>
  rows.map((tuple) => [...leafRows(tuple, of)][0]!.key);
const hexes = (tuples: readonly (Uint8Array | null)[]): (string | null)[] =>
  tuples.map((tuple) => (tuple === null ? null : toHex(tuple)));

async function all(rows: AsyncIterable<readonly TreeRow[]>): Promise<TreeRow[]> {
  return (await Array.fromAsync(rows)).flat();
}

/** The least and the greatest key there may be. */
const ends = (keyBytes: number): [Buffer, Buffer] => [Buffer.alloc(keyBytes), Buffer.alloc(keyBytes, 255)];

describe('a look-up', () => {
  test.for<TreeName>(['beliefs', 'belief_versions', 'belief_sources', 'belief_edges', 'belief_embeddings'])(
    'of keys in %s finds every row, and none where there is none',
    async (name) => {
      const of = layout(name);
      const rows = randomRows(of, 3_000, { least: 100, most: 600 });
      const { lookup } = await make(of, rows);
      const { keyBytes } = keyShape(of);
      const keys = keysOf(of, rows);
      expect(hexes(await lookup.get(keys))).toEqual(hexes(rows));
      const some = [0, 1, 500, 1_700, 2_999].map((i) => ({ key: keys[i]!, tuple: rows[i]! as Uint8Array | null }));
      const absent = [...ends(keyBytes), keyOf('absent', keyBytes)].map((key) => ({ key, tuple: null }));
      const asked = [...some, ...absent].toSorted((a, b) => Buffer.compare(a.key, b.key));
      const found = await lookup.get(asked.map(({ key }) => key));
      expect(hexes(found)).toEqual(hexes(asked.map(({ tuple }) => tuple)));
    },
  );

  it('takes keys in any order and several times', async () => {
    const rows = randomRows(BELIEFS, 100);
    const { lookup } = await make(BELIEFS, rows);
    const [a, b] = [keysOf(BELIEFS, rows)[70]!, keysOf(BELIEFS, rows)[3]!];
    expect(hexes(await lookup.get([a, b, a]))).toEqual(hexes([rows[70]!, rows[3]!, rows[70]!]));
    expect(await lookup.get([])).toEqual([]);
  });

  it('of prefixes finds all their rows, with their keys, in key order', async () => {
    const sources = Array.from({ length: 40 }, (_, i) => keyOf(`source ${i}`, 16)).toSorted(Buffer.compare);
    const rows = sources.flatMap((source, i) =>
      Array.from({ length: i % 4 === 0 ? 0 : i === 21 ? 500 : i % 7 }, (_, j) =>
        row(EDGES, Buffer.concat([source, keyOf(`edge ${j}`, 48)]), filler('value', 90)),
      ).toSorted((a, b) => Buffer.compare(keysOf(EDGES, [a])[0]!, keysOf(EDGES, [b])[0]!)),
    );
    const { lookup, read } = await make(EDGES, rows);
    const asked = [sources[0]!, sources[1]!, sources[21]!, sources[38]!, sources[39]!, ...ends(16)];
    const found = await all(lookup.range(KeySet.of(asked, 16)));
    const isAsked = (key: Uint8Array): boolean =>
      asked.some((prefix) => Buffer.compare(prefix, key.subarray(0, 16)) === 0);
    const expected = rows.filter((tuple) => isAsked(keysOf(EDGES, [tuple])[0]!));
    expect(found.length).toBeGreaterThan(500);
    expect(hexes(found.map(({ tuple }) => tuple))).toEqual(hexes(expected));
    expect(hexes(found.map(({ key }) => key))).toEqual(hexes(keysOf(EDGES, expected)));
    expect(new Set(read).size).toBe(read.length);
  });

  it('reads one path for one key, also for the first, the last and one beyond', async () => {
    const rows = randomRows(EDGES, 9_000, { least: 500, most: 1_500 });
    const { tree, lookup, read } = await make(EDGES, rows);
    expect(tree.summary.level).toBeGreaterThanOrEqual(3);
    const keys = keysOf(EDGES, rows);
    for (const key of [keys[0]!, keys[4_321]!, keys.at(-1)!, ends(64)[0]]) {
      read.length = 0;
      await lookup.get([key]);
      expect(read).toHaveLength(tree.summary.level + 1);
    }
    read.length = 0;
    await lookup.get([ends(64)[1]]);
    expect(read).toHaveLength(1);
  });

  it('reads each chunk once, and no leaf without a wanted row', async () => {
    const rows = randomRows(BELIEFS, 5_000, { least: 500, most: 1_500 });
    const { tree, lookup, read } = await make(BELIEFS, rows);
    const asked = keysOf(BELIEFS, rows).filter((_, i) => i % 100 < 2);
    await lookup.get(asked);
    expect(new Set(read).size).toBe(read.length);
    const leaves = tree.chunks.filter(
      ({ label, content }) =>
        label.kind === CHUNK_KIND.leaf &&
        [...leafRows(content, BELIEFS)].some(({ key }) => asked.some((one) => Buffer.compare(one, key) === 0)),
    );
    const nodes = tree.chunks.filter(({ label }) => label.kind === CHUNK_KIND.node);
    expect(read.length).toBeLessThanOrEqual(leaves.length + nodes.length);
    expect(read.length).toBeGreaterThanOrEqual(leaves.length);
  });

  it('of an empty tree reads nothing', async () => {
    const { lookup, read } = await make(BELIEFS, []);
    expect(await lookup.get(ends(16))).toEqual([null, null]);
    expect(await all(lookup.range(KeySet.of([], 16)))).toEqual([]);
    expect(read).toEqual([]);
  });

  it('of nothing reads no leaf', async () => {
    const { tree, lookup, read } = await make(BELIEFS, randomRows(BELIEFS, 300));
    expect(tree.summary.level).toBeGreaterThan(0);
    expect(await all(lookup.range(KeySet.of([], 16)))).toEqual([]);
    expect(read).toHaveLength(1);
  });

  it('puts large values back, and reads those of wanted rows alone', async () => {
    const rows = randomRows(BELIEFS, 60).map((tuple, i) =>
      i % 10 === 7 ? row(BELIEFS, tuple.subarray(6, 22), filler(`large ${i}`, 300_000)) : tuple,
    );
    const { lookup, read } = await make(BELIEFS, rows);
    const keys = keysOf(BELIEFS, rows);
    expect(hexes(await lookup.get([keys[27]!, keys[28]!]))).toEqual(hexes([rows[27]!, rows[28]!]));
    const withPieces = read.length;
    read.length = 0;
    const found = await Array.fromAsync(
      lookup.keys({ mayLieIn: () => true, has: (key) => Buffer.compare(key, keys[27]!) === 0 }),
    );
    expect(hexes(found.flat())).toEqual(hexes([keys[27]!]));
    const leaves = read.length;
    read.length = 0;
    expect(hexes(await lookup.get(keys))).toEqual(hexes(rows));
    expect(read.length).toBe(leaves + 12);
    expect(withPieces).toBeLessThanOrEqual(leaves + 2);
  });

  it('goes no further than its caller', async () => {
    const { tree, lookup, read } = await make(EDGES, randomRows(EDGES, 9_000, { least: 500, most: 1_500 }));
    for await (const rows of lookup.rows({ mayLieIn: () => true, has: () => true })) {
      expect(rows.length).toBeGreaterThan(0);
      break;
    }
    expect(read.length).toBeLessThan(tree.chunks.length / 4);
  });

  it('refuses a chunk that says something else than its parent states, and other versions', async () => {
    const rows = randomRows(BELIEFS, 300);
    const [{ tree }, { tree: other }] = [await make(BELIEFS, rows), await make(BELIEFS, rows.slice(1))];
    const chunks = new ChunkReader(new PackSource(other.index, new StripeReader([], Buffer.alloc(32))), CONTENT_IDS);
    const mixed = new TreeLookup(chunks, { summary: tree.summary, root: other.root });
    await rejection(mixed.get(keysOf(BELIEFS, rows)), 'integrity/authentication-failed');
    const newer = { ...tree, summary: { ...tree.summary, rowVersion: 2 } };
    expect(codeOf(() => new TreeLookup(chunks, newer))).toBe('format/newer');
  });
});

describe('the rows of a leaf', () => {
  const tuple = row(BELIEFS, keyOf('row', 16), filler('value', 30));
  const moved = Buffer.from(tuple);
  const valueAt = tuple.length - 34;

  test.for([
    ['a row cut short', tuple.subarray(0, -1)],
    ['half a count', tuple.subarray(0, 1)],
    ['another number of fields', Buffer.concat([Buffer.of(0, 3), tuple.subarray(2)])],
    ['a length of -3', Buffer.concat([tuple.subarray(0, valueAt), Buffer.from('fffffffd', 'hex'), moved])],
    [
      'a moved value beyond all limits',
      Buffer.concat([tuple.subarray(0, valueAt), Buffer.from('fffffffe7fffffff', 'hex')]),
    ],
    [
      'a moved value without its pieces',
      Buffer.concat([tuple.subarray(0, valueAt), Buffer.from('fffffffe00040000', 'hex')]),
    ],
    ['a key of another length', Buffer.concat([tuple.subarray(0, 2), Buffer.of(0, 0, 0, 15), tuple.subarray(7)])],
  ] as const)('are refused with %s', ([, content]) => {
    expect(codeOf(() => [...leafRows(content, BELIEFS)])).toBe('format/malformed');
  });
});
