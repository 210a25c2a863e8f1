import fc from 'fast-check';
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { INLINE_VALUE_BYTES_MAX } from '../../src/core/limits.ts';
import type { CatalogTree, KeyRange, SnapshotSource, TreeId, TreePosition } from '../../src/core/ports.ts';
import { TupleReader } from '../../src/format/rows/copy-tuples.ts';
import { keyShape } from '../../src/format/rows/row-key.ts';
import type { TreeLayout, TreeName } from '../../src/format/tables.ts';
import { TreeBuilder } from '../../src/format/tree/builder.ts';
import type { BuiltTree } from '../../src/format/tree/builder.ts';
import { CHUNK_KIND } from '../../src/format/tree/content-id.ts';
import type { StoreChunk } from '../../src/format/tree/tree-chunk.ts';
import { updateTree } from '../../src/pipeline/update-tree.ts';
import type { UpdatedTree } from '../../src/pipeline/update-tree.ts';
import { commitOnTop } from '../support/catalog-fixture.ts';
import { MemoryCatalog } from '../support/memory-catalog.ts';
import { BOUNDARY_KEY, CONTENT_IDS, filler, keyOf, layout, NO_MODEL, row } from '../support/tree-fixture.ts';
import { copyStream } from '../vectors/copy-rows.ts';

const slow = process.env['SLOW'] === '1';
const TIER = 'main';

interface Stored {
  readonly contentId: Uint8Array;
}

/** Rows by key, in hexadecimal. */
type Rows = ReadonlyMap<string, Uint8Array>;

interface Change {
  readonly kind: 'put' | 'remove' | 'remove-range' | 'append' | 'clear';
  readonly at: number;
  readonly count: number;
  readonly size: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('put', 'put', 'put', 'remove', 'remove', 'remove-range', 'append', 'clear'),
  at: fc.nat(5000),
  count: fc.integer({ min: 1, max: 40 }),
  size: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 1, max: 400 }) },
    { weight: 1, arbitrary: fc.constantFrom(INLINE_VALUE_BYTES_MAX + 1, 2000) },
  ),
});

/** Small leaves, so that few rows make a high tree. */
const small = (name: TreeName): TreeLayout => ({ ...layout(name), leafAim: 128 });

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

class Table {
  readonly #of: TreeLayout;
  readonly #tree: TreeId;
  readonly #catalog = new MemoryCatalog();
  #rows: Rows = new Map();
  #sequence = 0;

  constructor(of: TreeLayout) {
    this.#of = of;
    this.#tree = { name: of.name };
  }

  async begin(count: number): Promise<void> {
    const keys = Array.from({ length: count }, (_, i) => keyOf(`row ${i}`, keyShape(this.#of).keyBytes));
    this.#rows = new Map(keys.map((key) => [toHex(key), row(this.#of, key, filler(toHex(key), 40))]));
    const { built, positions } = await this.#build();
    await this.#commit(built, 'all', positions);
  }

  /** Makes the changes, updates the tree, and holds it against a full build. */
  async step(changes: readonly Change[]): Promise<void> {
    const touched = new Set<string>();
    const rows = new Map(this.#rows);
    for (const each of changes) apply(each, { of: this.#of, rows, touched });
    this.#rows = rows;
    if (touched.size === 0) return;
    const positions: TreePosition[] = [];
    const updated = await this.#update([...touched].sort(), positions);
    const full = await this.#build();
    assert.deepEqual(plain(updated), plain(full.built));
    await this.#commit(updated, updated.removed, positions);
    const kept = await Array.fromAsync(this.#catalog.all(TIER, this.#tree));
    const { level } = updated.summary;
    assert.deepEqual(places(kept, level), places(full.positions, level));
    assert.ok(kept.length - places(kept, level).length <= 1);
  }

  async #update(touched: readonly string[], positions: TreePosition[]): Promise<UpdatedTree<Stored>> {
    const record = (await this.#catalog.record(TIER))!;
    const replaced = new Set<string>();
    return updateTree<Stored>({
      layout: this.#of,
      modelId: NO_MODEL,
      boundaryKey: BOUNDARY_KEY,
      ids: CONTENT_IDS,
      tier: TIER,
      base: record.trees[0]!,
      keys: touched.map((key) => Buffer.from(key, 'hex')),
      source: this.#source(),
      stored: this.#catalog,
      store: recorder(this.#tree, positions),
      replacing: (old) => {
        for (const position of old) {
          const place = placeOf(position);
          assert.ok(!replaced.has(place), 'a position is replaced once');
          replaced.add(place);
        }
      },
      isSame: () => true,
      keep: ({ contentId }) => ({ contentId }),
      ready: () => Promise.resolve(),
    });
  }

  #source(): SnapshotSource {
    const rows = [...this.#rows].sort(byKey);
    return {
      schemaVersion: 1,
      engine: 'made by hand',
      trees: [this.#tree],
      position: null,
      untracked: 'made by hand',
      changesSince: () => Promise.resolve({ kind: 'unknown', reason: 'made by hand' }),
      async *rows(_, ranges: readonly KeyRange[] = [{ after: null, upTo: null }]) {
        const inside = rows.filter(([key]) => ranges.some((range) => holds(range, key)));
        yield copyStream(inside.map(([, bytes]) => bytes));
      },
    };
  }

  async #build(): Promise<{ built: BuiltTree<Stored>; positions: TreePosition[] }> {
    const positions: TreePosition[] = [];
    const store = recorder(this.#tree, positions);
    const builder = new TreeBuilder<Stored>({
      layout: this.#of,
      modelId: NO_MODEL,
      boundaryKey: BOUNDARY_KEY,
      ids: CONTENT_IDS,
      store,
    });
    const reader = new TupleReader(this.#of, INLINE_VALUE_BYTES_MAX);
    for await (const piece of this.#source().rows(this.#tree))
      for (const batch of reader.push(piece)) builder.add(batch);
    return { built: await builder.finish(), positions };
  }

  async #commit(
    { summary, root, chunks }: BuiltTree<Stored>,
    removed: UpdatedTree<Stored>['removed'] | 'all',
    added: readonly TreePosition[],
  ): Promise<void> {
    const { rowVersion, level, rows, bytes } = summary;
    const { contentId } = root;
    assert.equal(toHex(contentId), toHex(summary.contentId));
    const tree: CatalogTree = {
      tree: this.#tree,
      rowVersion,
      level,
      rows,
      bytes,
      contentId,
      name: contentId,
      key: contentId,
      chunks,
    };
    this.#sequence += 1;
    const base = (await this.#catalog.record(TIER))?.digest ?? null;
    const head = { base, sequence: this.#sequence, digest: contentId, contentRoot: contentId, position: null };
    await commitOnTop(this.#catalog, TIER, { ...head, trees: [tree], segments: [], removed, added });
  }
}

/** Notes where everything stands that is stored, as a tier's writer does. */
function recorder(tree: TreeId, positions: TreePosition[]): StoreChunk<Stored> {
  return async ({ label, contentId, lastKey, rows, bytes, children }) => {
    const pieces = await Promise.all(children);
    if (label.kind === CHUNK_KIND.piece) return { contentId };
    const place = { tree, level: label.level, lastKey };
    positions.push({ ...place, piece: 0, rows, bytes, contentId, name: contentId, key: contentId });
    if (label.kind !== CHUNK_KIND.leaf) return { contentId };
    for (const [i, { contentId: id }] of pieces.entries()) {
      positions.push({ ...place, piece: i + 1, rows: 0, bytes: 0, contentId: id, name: id, key: id });
    }
    return { contentId };
  };
}

function apply(
  { kind, at, count, size }: Change,
  { of, rows, touched }: { of: TreeLayout; rows: Map<string, Uint8Array>; touched: Set<string> },
): void {
  const { keyBytes } = keyShape(of);
  const keys = [...rows.keys()].sort();
  const put = (key: Uint8Array): void => {
    rows.set(toHex(key), row(of, key, filler(`${toHex(key)} ${at} ${size}`, size)));
    touched.add(toHex(key));
  };
  const remove = (key: string | undefined): void => {
    if (key === undefined) return;
    rows.delete(key);
    touched.add(key);
  };
  if (kind === 'put') {
    const key =
      at % 2 === 0 && keys.length > 0 ? Buffer.from(keys[at % keys.length]!, 'hex') : keyOf(`new ${at}`, keyBytes);
    put(key);
  } else if (kind === 'remove') remove(keys[at % (keys.length + 1)]);
  else if (kind === 'remove-range')
    for (const key of keys.slice(at % (keys.length + 1)).slice(0, count * 4)) remove(key);
  else if (kind === 'clear') {
    if (at % 7 === 0) keys.forEach(remove);
  } else {
    const last = Buffer.from(keys.at(-1) ?? '01'.repeat(keyBytes), 'hex');
    for (let i = 0; i < count; i += 1) put(keyAbove(last, i));
  }
}

/** Keys that ascend above `last`, without zero bytes. */
function keyAbove(last: Buffer, i: number): Buffer {
  const key = Buffer.from(last);
  key.writeUInt32BE(Math.min(0xfffffffe, key.readUInt32BE(0) + 1 + i * 257), 0);
  return key.map((byte) => byte || 1) as Buffer;
}

function plain({ summary, chunks }: BuiltTree<Stored>): unknown {
  const { level, rows, bytes, contentId } = summary;
  return { level, rows, bytes, contentId: toHex(contentId), chunks };
}

function holds({ after, upTo }: KeyRange, key: string): boolean {
  return (after === null || key > toHex(after)) && (upTo === null || key <= toHex(upTo));
}

function placeOf({ level, lastKey, piece }: TreePosition): string {
  return `${level} ${toHex(lastKey)} ${piece}`;
}

function places(positions: readonly TreePosition[], level: number): string[] {
  return positions
    .filter((position) => position.level <= level)
    .map((position) => `${placeOf(position)} ${toHex(position.contentId)} ${position.rows} ${position.bytes}`)
    .sort();
}

describe('a tree that is updated', () => {
  it.for([
    ['beliefs', 0],
    ['beliefs', 30],
    ['beliefs', 900],
    ['belief_versions', 400],
    ['belief_edges', 400],
  ] as const)('equals the one built anew: %s, from %i rows', async ([name, count]) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 }),
        async (steps) => {
          const table = new Table(small(name));
          await table.begin(count);
          for (const changes of steps) await table.step(changes);
        },
      ),
      { seed: 11, numRuns: slow ? 1000 : count > 100 ? 40 : 150 },
    );
  });
});
