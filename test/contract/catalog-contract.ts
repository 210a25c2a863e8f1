import { describe, expect, test } from 'vitest';
import type { CatalogChunk, TierRecord, TreeCensus, TreeId, TreePosition } from '../../src/core/ports.ts';
import {
  baseOf,
  BELIEFS,
  bytesOf,
  commitOnTop,
  EDGES,
  embeddings,
  keyOf,
  numberOf,
  positionAt,
  recordOf,
  rootOf,
  rootsOf,
  segmentOf,
  wholeCommit,
} from '../support/catalog-fixture.ts';
import { rejection } from '../support/expect-code.ts';
import { describeHistories } from './catalog-histories.ts';
import type { OpenCatalog, OpenedCatalog } from './opened-catalog.ts';
import {
  chunksOf,
  everything,
  LEVELS,
  MODEL_1,
  MODEL_2,
  ownedBy,
  plain,
  plainPositions,
  TREES,
} from './opened-catalog.ts';

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
      expect(await trees.uses('main', [named('x')])).toEqual([0]);
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
    await commitOnTop(catalog, 'main', { ...record, removed: 'all', added: [] });
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
      await commitOnTop(catalog, 'main', { ...record, removed: [], added: [] });
      expect(plain(await catalog.record('main'))).toEqual(plain(record));
    }
  });

  test('tiers do not touch each other, and are forgotten one by one', async () => {
    const opened = await open();
    const { catalog, stored } = opened;
    const segments = [segmentOf('a', 2)];
    for (const [n, tier] of ['b', "a'; --", 'c'].entries()) {
      const added = [positionAt({ last: 5 }), positionAt({ last: n + 6 })];
      await commitOnTop(catalog, tier, { ...recordOf(n + 1, { segments }), removed: 'all', added });
    }
    expect((await catalog.heads()).map(({ tier }) => tier)).toEqual(["a'; --", 'b', 'c']);
    await commitOnTop(catalog, 'c', { ...recordOf(9), removed: 'all', added: [positionAt({ last: 1 })] });
    await catalog.forget('b');
    expect(await catalog.record('b')).toBeNull();
    expect(await everything(opened, 'b')).toEqual([]);
    expect((await catalog.heads()).map(({ tier }) => tier)).toEqual(["a'; --", 'c']);
    expect(plain(await catalog.record("a'; --"))).toEqual(plain(recordOf(2, { segments })));
    expect(await everything(opened, "a'; --")).toEqual(
      plainPositions([positionAt({ last: 5 }), positionAt({ last: 7 })]),
    );
    expect(await stored((trees) => trees.uses("a'; --", [positionAt({ last: 5 })]))).toEqual([1]);
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
    await commitOnTop(opened.catalog, 'main', wholeCommit(1, [...pieces, ...others]));
    expect(await everything(opened, 'main')).toEqual(plainPositions([...pieces, ...others]));
    const removed = [{ tree: BELIEFS, level: 0, after: keyOf(10), upTo: keyOf(20) }];
    await commitOnTop(opened.catalog, 'main', { ...recordOf(2), removed, added: [] });
    expect(await everything(opened, 'main')).toEqual(plainPositions(others));
  });

  test('the empty last key of an empty tree comes and goes', async () => {
    const opened = await open();
    const empty = [positionAt({ last: null }), positionAt({ last: null, tree: embeddings(2) })];
    await commitOnTop(opened.catalog, 'main', wholeCommit(1, empty));
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
    await commitOnTop(opened.catalog, 'main', { ...recordOf(2), removed, added });
    expect(await everything(opened, 'main')).toEqual(plainPositions([added[0]!, empty[1]!]));
  });

  test('a commit that fails leaves everything as it was', async () => {
    const opened = await open();
    const { catalog } = opened;
    const before = recordOf(1, { segments: [segmentOf('a', 1)], trees: [rootOf(BELIEFS, 1)] });
    const positions = [1, 2, 3].map((last) => positionAt({ last }));
    await commitOnTop(catalog, 'main', { ...before, removed: 'all', added: positions });
    const failed = new Error('no more positions');
    function* failing(): Generator<TreePosition> {
      for (let last = 0; last < 8000; last += 1) yield { ...positions[0]!, lastKey: keyOf(last) };
      throw failed;
    }
    const twice = [positionAt({ last: 9 }), positionAt({ last: 9, says: 'something else' })];
    const next = recordOf(2, { segments: [segmentOf('b', 1)] });
    await expect(commitOnTop(catalog, 'main', { ...next, removed: 'all', added: failing() })).rejects.toBe(failed);
    await expect(commitOnTop(catalog, 'main', { ...next, removed: [], added: twice })).rejects.toThrow(/./);
    await expect(commitOnTop(catalog, 'main', { ...next, removed: [], added: [positions[2]!] })).rejects.toThrow(/./);
    expect(plain(await catalog.record('main'))).toEqual(plain(before));
    expect(await everything(opened, 'main')).toEqual(plainPositions(positions));
  });

  test.each([
    ['nothing, where a snapshot is remembered', 2, null],
    ['a snapshot, where none is remembered', null, 2],
    ['the snapshot before the one remembered', 2, 1],
    ['a snapshot that nobody knows', 2, 7],
  ])('a commit on top of %s is refused and changes nothing', async (_, remembered, on) => {
    const opened = await open();
    const { catalog } = opened;
    for (const tier of ['main', 'other']) {
      if (tier === 'main' && remembered === null) continue;
      const segments = [segmentOf(tier, 2)];
      const first = wholeCommit(1, [positionAt({ last: 1 }), positionAt({ last: 2 })]);
      await commitOnTop(catalog, tier, { ...first, segments });
      const removed = [{ tree: BELIEFS, level: 0, after: keyOf(1), upTo: null }];
      const next = recordOf(2, { segments, trees: [rootOf(BELIEFS, 0)] });
      await commitOnTop(catalog, tier, { ...next, removed, added: [positionAt({ last: 3 })] });
    }
    const before = await remembrance(opened);
    const base = on === null ? null : recordOf(on).digest;
    const next = { ...recordOf(3, { segments: [segmentOf('b', 1)] }), base, added: [positionAt({ last: 4 })] };
    const removed = [{ tree: BELIEFS, level: 0, after: null, upTo: null }];
    await rejection(catalog.commit('main', { ...next, removed: [] }), 'backend/second-writer');
    await rejection(catalog.commit('main', { ...next, removed }), 'backend/second-writer');
    await rejection(catalog.commit('main', { ...next, removed: 'all' }), 'backend/second-writer');
    expect(await remembrance(opened)).toEqual(before);
  });

  test('a commit on top of what was forgotten meanwhile is refused', async () => {
    const { catalog } = await open();
    await commitOnTop(catalog, 'main', wholeCommit(1, []));
    const base = await baseOf(catalog, 'main');
    await catalog.forget('main');
    await rejection(catalog.commit('main', { ...wholeCommit(2, []), base }), 'backend/second-writer');
    expect(await catalog.heads()).toEqual([]);
  });

  test.each(['the first', 'a later'])('of two commits at once only one is %s of its tier', async (which) => {
    const opened = await open();
    const { catalog } = opened;
    if (which === 'a later') await commitOnTop(catalog, 'main', wholeCommit(1, [positionAt({ last: 1 })]));
    const base = await baseOf(catalog, 'main');
    const commits = [2, 3].map((n) => wholeCommit(n, [positionAt({ last: n })]));
    const done = await Promise.allSettled(commits.map((commit) => catalog.commit('main', { ...commit, base })));
    const [won, lost] = done[0]!.status === 'fulfilled' ? [0, 1] : [1, 0];
    expect(done[won]!.status).toBe('fulfilled');
    expect(done[lost]).toMatchObject({ status: 'rejected', reason: { code: 'backend/second-writer' } });
    expect((await catalog.record('main'))?.sequence).toBe(commits[won]!.sequence);
    expect(await everything(opened, 'main')).toEqual(plainPositions([...commits[won]!.added]));
  });
}

function describeReads(open: OpenCatalog): void {
  test('positions of a content id are counted by name', async () => {
    const { catalog, stored } = await open();
    const same = [
      positionAt({ last: 1, says: 'same' }),
      positionAt({ last: 2, says: 'same' }),
      positionAt({ last: 2, piece: 1, tree: EDGES, says: 'same' }),
    ];
    const otherName = { ...positionAt({ last: 4, says: 'same' }), name: bytesOf('another name') };
    const other = positionAt({ last: 3 });
    await commitOnTop(catalog, 'main', wholeCommit(1, [...same, otherName, other]));
    await commitOnTop(catalog, 'elsewhere', wholeCommit(1, [same[0]!]));
    const swapped = { contentId: other.contentId, name: otherName.name };
    const asked = [other, named('nothing'), same[0]!, otherName, swapped, other];
    expect(await stored((trees) => trees.uses('main', asked))).toEqual([1, 0, 3, 1, 0, 1]);
    expect(await stored((trees) => trees.uses('main', []))).toEqual([]);
  });

  test('every position is there once, pieces right after their leaf', async () => {
    const { catalog } = await open();
    const positions = forest();
    await commitOnTop(catalog, 'main', wholeCommit(1, positions.toReversed()));
    await commitOnTop(catalog, 'other', wholeCommit(1, [positionAt({ last: 99 })]));
    const found = await Array.fromAsync(catalog.positions('main'));
    for (const [i, position] of found.entries()) {
      if (position.piece > 0) expect(placeOf(found[i - 1]!)).toEqual(placeOf(position, position.piece - 1));
    }
    expect(plainPositions(found)).toEqual(plainPositions(positions));
    await catalog.forget('main');
    expect(await Array.fromAsync(catalog.positions('main'))).toEqual([]);
  });

  test('a census is the count of what is there, pieces left out', async () => {
    const { catalog, stored } = await open();
    const positions = forest();
    await commitOnTop(catalog, 'main', wholeCommit(1, positions));
    await commitOnTop(catalog, 'other', wholeCommit(1, [positionAt({ last: 99 })]));
    const census = async (): Promise<unknown> => plainPositions(await stored((trees) => trees.census('main')));
    expect(await census()).toEqual(plainPositions(countOf(positions)));
    const removed = [
      { tree: BELIEFS, level: 0, after: keyOf(2), upTo: keyOf(5) },
      { tree: EDGES, level: 0, after: null, upTo: null },
    ];
    const added = [positionAt({ last: 4 }), positionAt({ last: 4, piece: 1 })];
    const left = positions.filter(
      ({ tree, lastKey, level }) =>
        tree !== EDGES && !(tree === BELIEFS && level === 0 && numberOf(lastKey) > 2 && numberOf(lastKey) <= 5),
    );
    await commitOnTop(catalog, 'main', { ...recordOf(2, { trees: rootsOf(left) }), removed, added });
    expect(await census()).toEqual(plainPositions(countOf([...left, ...added])));
  });

  test('owners of more keys than one statement takes are each there once', async () => {
    const { catalog, stored } = await open();
    const lastKeys = Array.from({ length: 900 }, (_, i) => 7 * i + 6);
    const leaves = lastKeys.map((last) => positionAt({ last }));
    await commitOnTop(catalog, 'main', wholeCommit(1, leaves));
    const keys = Array.from({ length: 2500 }, (_, i) => keyOf(3 * i));
    await stored(async (trees) => {
      const owners = await trees.owners('main', BELIEFS, 0, keys);
      expect(plain(owners)).toEqual(plain(lastKeys.map((_, i) => ownedBy(lastKeys, i))));
      const ranges = Array.from({ length: 1100 }, (_, i) => ({ after: keyOf(7 * i), upTo: keyOf(7 * i + 6) }));
      const within = await trees.within('main', BELIEFS, 0, ranges);
      expect(within.map(({ lastKey }) => numberOf(lastKey))).toEqual(lastKeys);
      const counts = await trees.uses(
        'main',
        within.flatMap((position) => [position, { ...position, contentId: position.name }]),
      );
      expect(counts).toEqual(within.flatMap(() => [1, 0]));
    });
  });
}

/** Trees of three levels and of one, with pieces and without; a leaf without rows. */
function forest(): readonly TreePosition[] {
  const leaves = (tree: TreeId, pieces: number): readonly TreePosition[] =>
    [1, 2, 3, 4, 5, 6].flatMap((last) =>
      chunksOf(tree, 0, last, { pieces: last % (pieces + 1), says: `leaf ${last}` }),
    );
  const nodes = [3, 6].map((last) => positionAt({ last, level: 1 }));
  const empty = positionAt({ last: null, tree: MODEL_2 });
  const beliefs = [...leaves(BELIEFS, 3), ...nodes, positionAt({ last: 6, level: 2 })];
  return [...beliefs, ...leaves(EDGES, 12), ...leaves(MODEL_1, 0), empty];
}

function countOf(positions: readonly TreePosition[]): readonly TreeCensus[] {
  return TREES.flatMap((tree) => {
    const levels = LEVELS.flatMap((level) => {
      const own = positions.filter((each) => each.tree === tree && each.level === level && each.piece === 0);
      return own.length === 0 ? [] : [{ chunks: own.length, rows: own.reduce((sum, { rows }) => sum + rows, 0) }];
    });
    return levels.length === 0 ? [] : [{ tree, levels }];
  });
}

function placeOf({ tree, level, lastKey, piece }: TreePosition, instead: number = piece): unknown {
  return plain({ tree, level, lastKey, piece: instead });
}

function named(text: string): Pick<CatalogChunk, 'contentId' | 'name'> {
  return { contentId: bytesOf(text), name: bytesOf(`name of ${text}`) };
}

/** All that a catalog remembers, as comparable text. */
async function remembrance(opened: OpenedCatalog): Promise<unknown> {
  const tiers = ['main', 'other'].map(async (tier) => [
    plain(await opened.catalog.record(tier)),
    await everything(opened, tier),
  ]);
  return [plain(await opened.catalog.heads()), await Promise.all(tiers)];
}
