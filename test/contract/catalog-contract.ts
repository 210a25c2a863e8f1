import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type {
  Catalog,
  OwnedKeys,
  StoredTrees,
  TierRecord,
  TreeId,
  TreePosition,
  TreeStretch,
} from '../../src/core/ports.ts';
import {
  BELIEFS,
  bytesOf,
  EDGES,
  embeddings,
  keyOf,
  numberOf,
  positionAt,
  recordOf,
  rootOf,
  segmentOf,
  wholeCommit,
} from '../support/catalog-fixture.ts';

/** An empty catalog, and its trees as a snapshot opened now sees them. */
export interface OpenedCatalog {
  readonly catalog: Catalog;
  stored<T>(read: (trees: StoredTrees) => Promise<T>): Promise<T>;
}

export type OpenCatalog = () => Promise<OpenedCatalog>;

const TREES: readonly TreeId[] = [BELIEFS, EDGES, embeddings(1), embeddings(2)];
const LEVELS = [0, 1, 2];

/** The promises of `Catalog` and `StoredTrees` in core/ports.ts, for every implementation. */
export function describeCatalogContract(subject: string, open: OpenCatalog): void {
  describe(`${subject} keeps the contract of a catalog`, () => {
    describeRecords(open);
    describeCommits(open);
    describeReads(open);
    describeHistories(open);
  });
}

function describeRecords(open: OpenCatalog): void {
  test('a tier that was never committed is unknown', async () => {
    const { catalog, stored } = await open();
    expect(await catalog.heads()).toEqual([]);
    expect(await catalog.record('main')).toBeNull();
    await stored(async (trees) => {
      expect(await trees.owners('main', BELIEFS, 0, [keyOf(1)])).toEqual([]);
      expect(await trees.next('main', BELIEFS, 0, keyOf(1))).toBeNull();
      expect(await trees.within('main', BELIEFS, 0, [{ after: null, upTo: null }])).toEqual([]);
      expect(await trees.uses('main', [bytesOf('x')])).toEqual([0]);
    });
    expect(await everything({ catalog, stored }, 'main')).toEqual([]);
    await catalog.forget('main');
  });

  test('a record reads as it was written', async () => {
    const { catalog } = await open();
    const record = recordOf(41, {
      position: "100:120:105,110 'quoted' é",
      trees: [rootOf(BELIEFS, 3), rootOf(EDGES, 0), rootOf(embeddings(1), 1), rootOf(embeddings(2), 2)],
      segments: [segmentOf('b', 2), segmentOf('a', 0), segmentOf('c', 40)],
    });
    await catalog.commit('main', { ...record, removed: 'all', added: [] });
    expect(plain(await catalog.record('main'))).toEqual(plain(record));
    const { sequence, digest, contentRoot } = record;
    expect(plain(await catalog.heads())).toEqual(plain([{ tier: 'main', sequence, digest, contentRoot }]));
  });

  test('a commit replaces the record, with its segments', async () => {
    const { catalog } = await open();
    const records: readonly TierRecord[] = [
      recordOf(1, { segments: [segmentOf('a', 1), segmentOf('b', 2), segmentOf('c', 3)], trees: [rootOf(BELIEFS, 2)] }),
      recordOf(2, { segments: [segmentOf('c', 3), { ...segmentOf('a', 1), stripes: [] }], position: null }),
      recordOf(3, { segments: [segmentOf('d', 1)], trees: [rootOf(BELIEFS, 1)] }),
      recordOf(4),
    ];
    for (const record of records) {
      await catalog.commit('main', { ...record, removed: [], added: [] });
      expect(plain(await catalog.record('main'))).toEqual(plain(record));
    }
  });

  test('tiers do not touch each other, and are forgotten one by one', async () => {
    const opened = await open();
    const { catalog, stored } = opened;
    const segments = [segmentOf('a', 2)];
    for (const [n, tier] of ['b', "a'; --", 'c'].entries()) {
      const added = [positionAt({ last: 5 }), positionAt({ last: n + 6 })];
      await catalog.commit(tier, { ...recordOf(n + 1, { segments }), removed: 'all', added });
    }
    expect((await catalog.heads()).map(({ tier }) => tier)).toEqual(["a'; --", 'b', 'c']);
    await catalog.commit('c', { ...recordOf(9), removed: 'all', added: [positionAt({ last: 1 })] });
    await catalog.forget('b');
    expect(await catalog.record('b')).toBeNull();
    expect(await everything(opened, 'b')).toEqual([]);
    expect((await catalog.heads()).map(({ tier }) => tier)).toEqual(["a'; --", 'c']);
    expect(plain(await catalog.record("a'; --"))).toEqual(plain(recordOf(2, { segments })));
    expect(await everything(opened, "a'; --")).toEqual(
      plainPositions([positionAt({ last: 5 }), positionAt({ last: 7 })]),
    );
    expect(await stored((trees) => trees.uses("a'; --", [positionAt({ last: 5 }).contentId]))).toEqual([1]);
    expect(await everything(opened, 'c')).toEqual(plainPositions([positionAt({ last: 1 })]));
  });

  test('exclusive work gives its result, or its error', async () => {
    const { catalog } = await open();
    expect(await catalog.exclusively(async () => 7)).toBe(7);
    const failed = new Error('failed');
    await expect(catalog.exclusively(() => Promise.reject(failed))).rejects.toBe(failed);
    expect(await catalog.exclusively(async () => 8)).toBe(8);
  });
}

function describeCommits(open: OpenCatalog): void {
  test('pieces go with their leaf, and what lies beside a stretch stays', async () => {
    const opened = await open();
    const pieces = [0, 1, 2, 10].map((piece) => positionAt({ last: 20, piece }));
    const others = [
      positionAt({ last: 10 }),
      positionAt({ last: 10, piece: 1 }),
      positionAt({ last: 30 }),
      positionAt({ last: 20, level: 1 }),
      positionAt({ last: 20, tree: EDGES }),
      positionAt({ last: 20, tree: embeddings(1) }),
    ];
    await opened.catalog.commit('main', wholeCommit(1, [...pieces, ...others]));
    expect(await everything(opened, 'main')).toEqual(plainPositions([...pieces, ...others]));
    const removed = [{ tree: BELIEFS, level: 0, after: keyOf(10), upTo: keyOf(20) }];
    await opened.catalog.commit('main', { ...recordOf(2), removed, added: [] });
    expect(await everything(opened, 'main')).toEqual(plainPositions(others));
  });

  test('the empty last key of an empty tree comes and goes', async () => {
    const opened = await open();
    const empty = [positionAt({ last: null }), positionAt({ last: null, tree: embeddings(2) })];
    await opened.catalog.commit('main', wholeCommit(1, empty));
    const lastKey = Buffer.alloc(0);
    await opened.stored(async (trees) => {
      const owners = await trees.owners('main', BELIEFS, 0, [keyOf(0), keyOf(7)]);
      expect(plain(owners)).toEqual(plain([{ after: null, lastKey, isLast: true }]));
      expect(await trees.next('main', BELIEFS, 0, lastKey)).toBeNull();
      const within = await trees.within('main', BELIEFS, 0, [{ after: null, upTo: keyOf(9) }]);
      expect(plain(within)).toEqual(plain([empty[0]]));
      expect(await trees.within('main', BELIEFS, 0, [{ after: lastKey, upTo: null }])).toEqual([]);
    });
    const removed = [{ tree: BELIEFS, level: 0, after: null, upTo: null }];
    const added = [positionAt({ last: 7 })];
    await opened.catalog.commit('main', { ...recordOf(2), removed, added });
    expect(await everything(opened, 'main')).toEqual(plainPositions([added[0]!, empty[1]!]));
  });

  test('a commit that fails leaves everything as it was', async () => {
    const opened = await open();
    const { catalog } = opened;
    const before = recordOf(1, { segments: [segmentOf('a', 1)], trees: [rootOf(BELIEFS, 1)] });
    const positions = [1, 2, 3].map((last) => positionAt({ last }));
    await catalog.commit('main', { ...before, removed: 'all', added: positions });
    const failed = new Error('no more positions');
    function* failing(): Generator<TreePosition> {
      for (let last = 0; last < 8000; last += 1) yield { ...positions[0]!, lastKey: keyOf(last) };
      throw failed;
    }
    const twice = [positionAt({ last: 9 }), positionAt({ last: 9, says: 'something else' })];
    const next = recordOf(2, { segments: [segmentOf('b', 1)] });
    await expect(catalog.commit('main', { ...next, removed: 'all', added: failing() })).rejects.toBe(failed);
    await expect(catalog.commit('main', { ...next, removed: [], added: twice })).rejects.toThrow(/./);
    await expect(catalog.commit('main', { ...next, removed: [], added: [positions[2]!] })).rejects.toThrow(/./);
    expect(plain(await catalog.record('main'))).toEqual(plain(before));
    expect(await everything(opened, 'main')).toEqual(plainPositions(positions));
  });

  test('a content id at several positions is one chunk, counted at each', async () => {
    const { catalog, stored } = await open();
    const same = [
      positionAt({ last: 1, says: 'same' }),
      positionAt({ last: 2, says: 'same' }),
      positionAt({ last: 2, piece: 1, tree: EDGES, says: 'same' }),
    ];
    const other = positionAt({ last: 3 });
    await catalog.commit('main', wholeCommit(1, [...same, other]));
    const chunks = await Array.fromAsync(catalog.chunks('main'));
    const expected = [same[0]!, other].map(({ contentId, name, key }) => ({ contentId, name, key }));
    expect(plainPositions(chunks)).toEqual(plainPositions(expected));
    const ids = [other.contentId, bytesOf('nothing'), same[0]!.contentId, other.contentId];
    expect(await stored((trees) => trees.uses('main', ids))).toEqual([1, 0, 3, 1]);
    expect(await stored((trees) => trees.uses('main', []))).toEqual([]);
  });
}

function describeReads(open: OpenCatalog): void {
  test('owners of more keys than one statement takes are each there once', async () => {
    const { catalog, stored } = await open();
    const lastKeys = Array.from({ length: 900 }, (_, i) => 7 * i + 6);
    await catalog.commit(
      'main',
      wholeCommit(
        1,
        lastKeys.map((n) => positionAt({ last: n })),
      ),
    );
    const keys = Array.from({ length: 2500 }, (_, i) => keyOf(3 * i));
    await stored(async (trees) => {
      const owners = await trees.owners('main', BELIEFS, 0, keys);
      expect(plain(owners)).toEqual(plain(lastKeys.map((_, i) => ownedBy(lastKeys, i))));
      const ranges = Array.from({ length: 1100 }, (_, i) => ({ after: keyOf(7 * i), upTo: keyOf(7 * i + 6) }));
      const within = await trees.within('main', BELIEFS, 0, ranges);
      expect(within.map(({ lastKey }) => numberOf(lastKey))).toEqual(lastKeys);
      const counts = await trees.uses(
        'main',
        within.flatMap(({ contentId }) => [contentId, bytesOf(toHex(contentId))]),
      );
      expect(counts).toEqual(within.flatMap(() => [1, 0]));
    });
  });
}

/** Levels of trees as sorted numbers of last keys, each with its number of pieces and what its chunk says. */
type Model = Map<string, Map<number, { readonly pieces: number; readonly says: string }>>;

interface Step {
  readonly tree: TreeId;
  readonly level: number;
  /** Numbers of keys: above the first, up to the second; null without end. */
  readonly stretch: readonly [number | null, number | null];
  readonly added: ReadonlyMap<number, { readonly pieces: number; readonly says: string }>;
  readonly all: boolean;
}

const KEYS = 60;
const KEY = fc.nat(KEYS);
const bound = fc.option(KEY, { freq: 5 });
const step: fc.Arbitrary<Step> = fc
  .record({
    tree: fc.constantFrom(...TREES),
    level: fc.constantFrom(...LEVELS),
    stretch: fc
      .tuple(bound, bound)
      .map(([a, b]): [number | null, number | null] => (a !== null && b !== null && a > b ? [b, a] : [a, b])),
    numbers: fc.uniqueArray(KEY, { maxLength: 25 }),
    pieces: fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
    says: fc.constantFrom('one', 'two', undefined),
    all: fc.nat(9).map((n) => n === 0),
  })
  .map(({ numbers, pieces, says, level, ...rest }) => ({
    ...rest,
    level,
    added: new Map(
      numbers.map((n, i) => [
        n,
        { pieces: level === 0 ? pieces[i % pieces.length]! : 0, says: says ?? `${n} ${pieces.length}` },
      ]),
    ),
  }));

function describeHistories(open: OpenCatalog): void {
  test('any history of commits reads like its model, and like one commit of all', async () => {
    const opened = await open();
    const { catalog, stored } = opened;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), fc.uniqueArray(KEY), async (steps, asked) => {
        const model: Model = new Map();
        await catalog.forget('main');
        for (const [n, one] of steps.entries()) {
          const change = apply(model, one);
          await catalog.commit('main', { ...recordOf(n + 1), ...change });
        }
        const positions = positionsOf(model);
        expect(await everything(opened, 'main')).toEqual(plainPositions(positions));
        await catalog.commit('whole', wholeCommit(1, positions));
        expect(await everything(opened, 'whole')).toEqual(plainPositions(positions));
        await stored(async (trees) => {
          for (const tree of TREES)
            for (const level of LEVELS) await compareLevel(trees, { model, tree, level, asked });
        });
      }),
      { seed: 311, numRuns: process.env['SLOW'] === '1' ? 200 : 12 },
    );
  });
}

function apply(
  model: Model,
  { tree, level, stretch: [after, upTo], added, all }: Step,
): Pick<Parameters<Catalog['commit']>[1], 'removed' | 'added'> {
  const name = levelName(tree, level);
  if (all) model.clear();
  const before = model.get(name) ?? new Map<number, { pieces: number; says: string }>();
  const kept = [...before].filter(([n]) => (after !== null && n <= after) || (upTo !== null && n > upTo));
  const fresh = [...added].filter(([n]) => !kept.some(([known]) => known === n));
  model.set(name, new Map([...kept, ...fresh]));
  const removed: TreeStretch = {
    tree,
    level,
    after: after === null ? null : keyOf(after, tree),
    upTo: upTo === null ? null : keyOf(upTo, tree),
  };
  return {
    removed: all ? 'all' : [removed],
    added: fresh.flatMap(([n, leaf]) => chunksOf(tree, level, n, leaf)),
  };
}

function levelName(tree: TreeId, level: number): string {
  return `${TREES.indexOf(tree)} ${level}`;
}

function chunksOf(tree: TreeId, level: number, last: number, leaf: { pieces: number; says: string }): TreePosition[] {
  return Array.from({ length: 1 + leaf.pieces }, (_, piece) =>
    positionAt({ tree, level, last, piece, says: piece === 0 ? leaf.says : `${leaf.says} ${piece}` }),
  );
}

function levelOf(model: Model, tree: TreeId, level: number): readonly TreePosition[] {
  const own = [...(model.get(levelName(tree, level)) ?? [])].sort(([a], [b]) => a - b);
  return own.flatMap(([n, leaf]) => chunksOf(tree, level, n, leaf));
}

function positionsOf(model: Model): readonly TreePosition[] {
  return TREES.flatMap((tree) => LEVELS.flatMap((level) => levelOf(model, tree, level)));
}

interface Asked {
  readonly model: Model;
  readonly tree: TreeId;
  readonly level: number;
  /** Numbers of keys. */
  readonly asked: readonly number[];
}

async function compareLevel(trees: StoredTrees, { model, tree, level, asked }: Asked): Promise<void> {
  const numbers = [...(model.get(levelName(tree, level))?.keys() ?? [])].sort((a, b) => a - b);
  const sorted = [...asked].sort((a, b) => a - b);
  const places = sorted.map((n) => {
    const place = numbers.findIndex((last) => last >= n);
    return place === -1 ? numbers.length - 1 : place;
  });
  const owners = numbers.length === 0 ? [] : [...new Set(places)].map((place) => ownedBy(numbers, place, tree));
  const keys = sorted.map((n) => keyOf(n, tree));
  expect(plain(await trees.owners('main', tree, level, keys))).toEqual(plain(owners));
  for (const n of sorted.slice(0, 3)) {
    const place = numbers.findIndex((last) => last > n);
    const expected = place === -1 ? null : ownedBy(numbers, place, tree);
    const found = await trees.next('main', tree, level, keyOf(n, tree));
    expect(plain(found === null ? null : { ...found, after: null })).toEqual(
      plain(expected === null ? null : { ...expected, after: null }),
    );
    if (numbers.includes(n)) expect(plain(found)).toEqual(plain(expected));
  }
  const ranges = rangesOf(sorted, tree);
  const expected = levelOf(model, tree, level).filter(({ lastKey }) =>
    ranges.some(
      ({ after, upTo }) =>
        (after === null || numberOf(lastKey) > after) && (upTo === null || numberOf(lastKey) <= upTo),
    ),
  );
  const found = await trees.within(
    'main',
    tree,
    level,
    ranges.map(({ after, upTo }) => ({
      after: after === null ? null : keyOf(after, tree),
      upTo: upTo === null ? null : keyOf(upTo, tree),
    })),
  );
  expect(plain(found)).toEqual(plain(expected));
}

/** Every other gap between the numbers, the first and the last without end. */
function rangesOf(sorted: readonly number[], tree: TreeId): readonly { after: number | null; upTo: number | null }[] {
  const ends = tree === EDGES ? [null, ...sorted, null] : [...sorted, null];
  return ends.flatMap((after, i) => (i % 2 === 0 && i + 1 < ends.length ? [{ after, upTo: ends[i + 1]! }] : []));
}

function ownedBy(numbers: readonly number[], place: number, tree: TreeId = BELIEFS): OwnedKeys {
  return {
    after: place === 0 ? null : keyOf(numbers[place - 1]!, tree),
    lastKey: keyOf(numbers[place]!, tree),
    isLast: place === numbers.length - 1,
  };
}

/** Every position of a tier as comparable text, in one order, as `all` gives them. */
export async function everything({ stored }: OpenedCatalog, tier: string): Promise<readonly string[]> {
  return stored(async (trees) => {
    const found: TreePosition[] = [];
    for (const tree of TREES) found.push(...(await Array.fromAsync(trees.all(tier, tree))));
    return plainPositions(found);
  });
}

/** As comparable text, in one order. */
export function plainPositions(positions: readonly unknown[]): readonly string[] {
  return positions.map((position) => JSON.stringify(plain(position))).sort();
}

/** The same value with its bytes in hexadecimal and its keys in order. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]): [string, unknown] => [key, plain(item)]),
  );
}
