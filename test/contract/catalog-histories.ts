import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredTrees, TierCommit, TreeId, TreePosition, TreeStretch } from '../../src/core/ports.ts';
import { commitOnTop, EDGES, keyOf, numberOf, recordOf, wholeCommit } from '../support/catalog-fixture.ts';
import { chunksOf, everything, LEVELS, ownedBy, plain, plainPositions, TREES } from './opened-catalog.ts';
import type { OpenCatalog } from './opened-catalog.ts';

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

/** Commits of any kind, one after another, against a model of sorted numbers. */
export function describeHistories(open: OpenCatalog): void {
  test('any history of commits reads like its model, and like one commit of all', async () => {
    const opened = await open();
    const { catalog, stored } = opened;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), fc.uniqueArray(KEY), async (steps, asked) => {
        const model: Model = new Map();
        await catalog.forget('main');
        for (const [n, one] of steps.entries()) {
          const change = apply(model, one);
          await commitOnTop(catalog, 'main', { ...recordOf(n + 1), ...change });
        }
        const positions = positionsOf(model);
        expect(await everything(opened, 'main')).toEqual(plainPositions(positions));
        await commitOnTop(catalog, 'whole', wholeCommit(1, positions));
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
): Pick<TierCommit, 'removed' | 'added'> {
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
