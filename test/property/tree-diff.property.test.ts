import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import type { TreeLayout } from '../../src/format/tables.ts';
import { rowEnds } from '../../src/format/rows/large-value.ts';
import { CHUNK_KIND, ContentIds } from '../../src/format/tree/content-id.ts';
import { ChunkReader } from '../../src/vault/chunk-reader.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import type { Chunks, StoredRow } from '../../src/vault/stored-row.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import type { TreeSide } from '../../src/vault/tree-cursor.ts';
import { diffTrees } from '../../src/vault/tree-diff.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { CONTENT_IDS, filler, keyOf, layout, makeTree, randomRows, row } from '../support/tree-fixture.ts';
import type { MadeTree, TreeKeys } from '../support/tree-fixture.ts';

const seed = 73;
const slow = process.env['SLOW'] === '1';
const BELIEFS = layout('beliefs');
const OTHER_KEYS: TreeKeys = {
  boundaryKey: seededRandom('other boundary key').bytes(32),
  ids: new ContentIds(seededRandom('other content id key').bytes(32)),
};

/** A tree and the content ids of the chunks that were opened of it. */
interface Side {
  readonly tree: MadeTree;
  readonly side: TreeSide;
  readonly opened: string[];
}

function sideOf(tree: MadeTree, ids: ContentIds = CONTENT_IDS): Side {
  const reader = new ChunkReader(new PackSource(tree.index, new StripeReader([], Buffer.alloc(32))), ids);
  const opened: string[] = [];
  const chunks: Chunks = {
    open: (child) => {
      opened.push(toHex(child.contentId));
      return reader.open(child);
    },
    children: (child, of) => {
      opened.push(toHex(child.contentId));
      return reader.children(child, of);
    },
  };
  return { tree, side: { tree, chunks }, opened };
}

interface Walked {
  /** One line a difference. */
  readonly lines: string[];
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

async function walk(
  before: Side | null,
  after: Side | null,
  options: { sameIds?: boolean; countOnly?: boolean; of?: TreeLayout } = {},
): Promise<Walked> {
  const { sameIds = true, countOnly = false, of = BELIEFS } = options;
  const found = { lines: [] as string[], added: 0, changed: 0, removed: 0 };
  const pair = { layout: of, before: before?.side ?? null, after: after?.side ?? null, sameIds };
  for await (const difference of diffTrees(pair, { countOnly })) {
    if (difference.kind === 'counted') {
      found[difference.change] += difference.rows;
      continue;
    }
    found[difference.kind] += 1;
    const was = 'before' in difference ? await rowText(difference.before, of) : '';
    const is = 'after' in difference ? await rowText(difference.after, of) : '';
    found.lines.push(`${was} > ${is}`);
  }
  return found;
}

/** Every field with its large values. */
async function rowText(stored: StoredRow, of: TreeLayout): Promise<string> {
  const fields: string[] = [];
  for (const column of of.columns.keys()) {
    const value = await stored.field(column);
    fields.push(value === null ? 'null' : toHex(value));
  }
  return fields.join(' ');
}

/** What two lists of rows do not have in common, the slow way. */
function expected(before: readonly Uint8Array[], after: readonly Uint8Array[], of: TreeLayout): Walked {
  const [was, is] = [byKey(before), byKey(after)];
  const found = { lines: [] as string[], added: 0, changed: 0, removed: 0 };
  for (const key of [...new Set([...was.keys(), ...is.keys()])].toSorted()) {
    const [a, b] = [was.get(key), is.get(key)];
    if (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0) continue;
    found[a === undefined ? 'added' : b === undefined ? 'removed' : 'changed'] += 1;
    found.lines.push(`${a === undefined ? '' : tupleText(a, of)} > ${b === undefined ? '' : tupleText(b, of)}`);
  }
  return found;
}

/** The first column of every table here is its key. */
function byKey(rows: readonly Uint8Array[]): Map<string, Uint8Array> {
  return new Map(rows.map((tuple) => [toHex(tuple.subarray(6, 22)), tuple]));
}

function tupleText(tuple: Uint8Array, of: TreeLayout): string {
  const bytes = Buffer.from(tuple);
  const fields: string[] = [];
  let at = 2;
  for (const _ of of.columns) {
    const length = bytes.readInt32BE(at);
    fields.push(length < 0 ? 'null' : bytes.toString('hex', at + 4, at + 4 + length));
    at += 4 + Math.max(length, 0);
  }
  return fields.join(' ');
}

type Edit = { readonly kind: 'change' | 'remove' | 'add'; readonly at: number; readonly count: number };

/** Each edit touches a run of rows, or adds rows of random keys, or of keys that follow one another. */
function edited(rows: readonly Uint8Array[], edits: readonly Edit[]): Uint8Array[] {
  let now = [...rows];
  for (const [number, { kind, at, count }] of edits.entries()) {
    const from = now.length === 0 ? 0 : at % now.length;
    if (kind === 'remove') now.splice(from, count);
    else if (kind === 'change') {
      for (let i = from; i < Math.min(now.length, from + count); i += 1) now[i] = changed(now[i]!, `${number} ${i}`);
    } else now = [...now, ...newRows(now[from], `${seed} ${number}`, count)];
  }
  return [...byKey(now).entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, tuple]) => tuple);
}

function changed(tuple: Uint8Array, name: string): Uint8Array {
  return row(BELIEFS, tuple.subarray(6, 22), filler(name, 10 + (name.length % 5) * 300));
}

function newRows(beside: Uint8Array | undefined, name: string, count: number): Uint8Array[] {
  if (beside === undefined || count % 2 === 0) return randomRows(BELIEFS, count, { seed: name, least: 10, most: 900 });
  return Array.from({ length: count }, (_, i) => {
    const key = Buffer.from(beside.subarray(6, 22));
    key.writeUInt32BE(i + 1, 12);
    return row(BELIEFS, key, filler(`${name} ${i}`, 500));
  });
}

const edits = fc.array(
  fc.record({
    kind: fc.constantFrom<Edit['kind']>('change', 'remove', 'add'),
    at: fc.nat(10_000),
    count: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 5 }) }, fc.integer({ min: 1, max: 400 })),
  }),
  { maxLength: 5 },
);

describe('the difference of two trees', () => {
  const base = randomRows(BELIEFS, 2_000, { least: 100, most: 1_400 });

  it('is what a comparison of all rows gives, whatever was edited, and counting agrees', async () => {
    const tree = await makeTree(BELIEFS, base);
    const nested = fc.record({ first: edits, size: fc.constantFrom(0, 1, 7, 60, 400, 2_000) });
    await fc.assert(
      fc.asyncProperty(nested, edits, async ({ first, size }, second) => {
        const rowsBefore = size === 2_000 && first.length === 0 ? base : edited(base.slice(0, size), first);
        const rowsAfter = edited(size === 2_000 ? rowsBefore : base, second);
        const [a, b] = [
          rowsBefore === base ? tree : await makeTree(BELIEFS, rowsBefore),
          await makeTree(BELIEFS, rowsAfter),
        ];
        const [before, after] = [sideOf(a), sideOf(b)];
        const wanted = expected(rowsBefore, rowsAfter, BELIEFS);
        expect(await walk(before, after)).toEqual(wanted);
        expectNoChunkTwice(before, after);
        const counting = [sideOf(a), sideOf(b)] as const;
        const counted = await walk(...counting, { countOnly: true });
        expect({ ...counted, lines: [] }).toEqual({ ...wanted, lines: [] });
        expect(counting[0].opened.length).toBeLessThanOrEqual(before.opened.length);
        expect(counting[1].opened.length).toBeLessThanOrEqual(after.opened.length);
      }),
      { seed, numRuns: slow ? 300 : 16 },
    );
  });

  it('across generations is the same, though no content id is and cuts lie elsewhere', async () => {
    const rows = base.slice(0, 700);
    const before = await makeTree(BELIEFS, rows);
    await fc.assert(
      fc.asyncProperty(edits, async (list) => {
        const after = await makeTree(BELIEFS, edited(rows, list), undefined, OTHER_KEYS);
        const wanted = expected(rows, edited(rows, list), BELIEFS);
        const found = await walk(sideOf(before), sideOf(after, OTHER_KEYS.ids), { sameIds: false });
        expect(found).toEqual(wanted);
        const counted = await walk(sideOf(before), sideOf(after, OTHER_KEYS.ids), { sameIds: false, countOnly: true });
        expect({ ...counted, lines: [] }).toEqual({ ...wanted, lines: [] });
      }),
      { seed, numRuns: slow ? 100 : 12 },
    );
  });

  test.for([
    ['nothing and nothing', 0, 0],
    ['nothing and rows', 0, 300],
    ['rows and nothing', 300, 0],
  ] as const)('of %s, as empty trees or as none', async ([, m, n]) => {
    const [a, b] = [base.slice(0, m), base.slice(0, n)];
    const wanted = expected(a, b, BELIEFS);
    const [before, after] = [sideOf(await makeTree(BELIEFS, a)), sideOf(await makeTree(BELIEFS, b))];
    expect(await walk(before, after)).toEqual(wanted);
    expect(await walk(m === 0 ? null : before, n === 0 ? null : after)).toEqual(wanted);
    const counting = [sideOf(before.tree), sideOf(after.tree)] as const;
    expect(await walk(...counting, { countOnly: true })).toEqual({ ...wanted, lines: [] });
    expect(counting.flatMap(({ opened }) => opened)).toEqual([]);
  });
});

/** A chunk is opened once, or not at all. */
function expectNoChunkTwice(...sides: readonly Side[]): void {
  for (const { opened } of sides) expect(new Set(opened).size).toBe(opened.length);
}

describe('what is read', () => {
  const rows = randomRows(BELIEFS, 20_000, { least: 60, most: 300 });
  let built: Promise<MadeTree> | null = null;
  const base = (): Promise<MadeTree> => (built ??= makeTree(BELIEFS, rows));

  it('is nothing where nothing differs', async () => {
    const [before, after] = [sideOf(await base()), sideOf(await base())];
    expect(await walk(before, after)).toEqual({ lines: [], added: 0, changed: 0, removed: 0 });
    expect([...before.opened, ...after.opened]).toEqual([]);
  });

  test.for([
    ['changed', (at: number) => rows.with(at, changed(rows[at]!, 'another'))],
    ['removed', (at: number) => rows.toSpliced(at, 1)],
    ['added', (at: number) => edited(rows, [{ kind: 'add', at, count: 1 }])],
  ] as const)('is one path of each tree where one row was %s', async ([kind, edit]) => {
    const tree = await base();
    for (const at of [0, 4_321, 9_999, 19_999]) {
      const [before, after] = [sideOf(tree), sideOf(await makeTree(BELIEFS, edit(at)))];
      const found = await walk(before, after);
      expect({ kind, at, count: found[kind], lines: found.lines.length }).toEqual({ kind, at, count: 1, lines: 1 });
      const levels = tree.summary.level + 1;
      // A cut that moves takes a neighbour along on its level.
      expect(before.opened.length).toBeLessThanOrEqual(levels + 2);
      expect(after.opened.length).toBeLessThanOrEqual(levels + 2);
    }
  });

  test.for([0, 17])('is no leaf that both have where leaf %i was removed whole, or added', async (removed) => {
    const tree = await base();
    const leaves = tree.chunks.filter(({ label }) => label.kind === CHUNK_KIND.leaf);
    const counts = leaves.map(({ content }) => rowEnds(content, BELIEFS.columns.length).length);
    const start = counts.slice(0, removed).reduce((sum, count) => sum + count, 0);
    const without = await makeTree(BELIEFS, rows.toSpliced(start, counts[removed]!));
    const openedLeaves = ({ opened }: Side): string[] =>
      opened.filter((id) => leaves.some(({ contentId }) => toHex(contentId) === id));
    for (const backwards of [false, true]) {
      const [whole, part] = [sideOf(tree), sideOf(without)];
      const found = backwards ? await walk(part, whole) : await walk(whole, part);
      expect(found).toMatchObject({ [backwards ? 'added' : 'removed']: counts[removed], changed: 0 });
      expect(openedLeaves(whole)).toEqual([toHex(leaves[removed]!.contentId)]);
      expect(openedLeaves(part)).toEqual([]);
    }
  });

  it('is hardly anything but chunks that the trees do not share', async () => {
    const tree = await base();
    const shared = (other: Side): Set<string> => new Set(other.tree.chunks.map(({ contentId }) => toHex(contentId)));
    await fc.assert(
      fc.asyncProperty(edits, async (list) => {
        const [before, after] = [sideOf(tree), sideOf(await makeTree(BELIEFS, edited(rows, list)))];
        await walk(before, after);
        const needless = [
          ...before.opened.filter((id) => shared(after).has(id)),
          ...after.opened.filter((id) => shared(before).has(id)),
        ];
        expect(needless.length).toBeLessThanOrEqual(2 * list.length);
      }),
      { seed, numRuns: slow ? 60 : 8 },
    );
  });

  it('stops with the consumer', async () => {
    const before = sideOf(await base());
    const pair = { layout: BELIEFS, before: before.side, after: null, sameIds: true };
    let taken = 0;
    for await (const { kind } of diffTrees(pair)) {
      expect(kind).toBe('removed');
      taken += 1;
      if (taken === 10) break;
    }
    const { length } = before.opened;
    expect(length).toBeLessThan(40);
    await new Promise((resolve) => setImmediate(resolve));
    expect(before.opened).toHaveLength(length);
  });

  describe('of large values', () => {
    const rowWith = (value: string, note: string): Uint8Array => {
      const tuple = row(BELIEFS, keyOf('large', 16), filler(value, 700_000));
      // In place of the NULL in the second column.
      return Buffer.concat([
        tuple.subarray(0, 22),
        Buffer.from([0, 0, 0, note.length]),
        utf8(note),
        tuple.subarray(26),
      ]);
    };
    const tree = (value: string, note: string, keys?: TreeKeys): Promise<MadeTree> => {
      const all = [...rows.slice(0, 50), rowWith(value, note)];
      return makeTree(
        BELIEFS,
        all.toSorted((a, b) => Buffer.compare(a.subarray(6, 22), b.subarray(6, 22))),
        undefined,
        keys,
      );
    };
    const piecesOpened = ({ tree: { chunks }, opened }: Side): number => {
      const pieces = chunks.filter(({ label }) => label.kind === CHUNK_KIND.piece);
      return opened.filter((id) => pieces.some(({ contentId }) => toHex(contentId) === id)).length;
    };
    const find = async (before: Side, after: Side, sameIds: boolean): Promise<string[]> => {
      const kinds: string[] = [];
      const pair = { layout: BELIEFS, before: before.side, after: after.side, sameIds };
      for await (const { kind } of diffTrees(pair)) kinds.push(kind);
      return kinds;
    };

    test.for([
      ['another column', ['one', 'b']],
      ['the value', ['two', 'a']],
    ] as const)('is no piece where %s changed', async ([, [value, note]]) => {
      const [before, after] = [sideOf(await tree('one', 'a')), sideOf(await tree(value, note))];
      expect(await find(before, after, true)).toEqual(['changed']);
      expect(piecesOpened(before) + piecesOpened(after)).toBe(0);
    });

    it('is every piece across generations, where alone it shows whether they are the same', async () => {
      const before = sideOf(await tree('one', 'a'));
      const same = sideOf(await tree('one', 'a', OTHER_KEYS), OTHER_KEYS.ids);
      expect(await find(before, same, false)).toEqual([]);
      expect([piecesOpened(before), piecesOpened(same)]).toEqual([3, 3]);
      const other = sideOf(await tree('two', 'a', OTHER_KEYS), OTHER_KEYS.ids);
      expect(await find(before, other, false)).toEqual(['changed']);
    });
  });
});
