import { expect } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type { SnapshotSource, TreeId } from '../../src/core/ports.ts';
import { TupleReader } from '../../src/format/rows/copy-tuples.ts';
import { keyShape } from '../../src/format/rows/row-key.ts';
import { layoutOf, snapshotSourceOf } from '../../src/graph/snapshot/snapshot-source.ts';
import type { Database } from '../../src/schema/database.ts';

/** Rows by key, both in hexadecimal. */
export type TreeState = ReadonlyMap<string, string>;

/** What a snapshot saw: its position, and every row of every tree. */
export interface SeenState {
  readonly position: string;
  readonly trees: ReadonlyMap<string, TreeState>;
}

/** Changed keys by tree in hexadecimal, or why they are not known. */
export type Told = Readonly<Record<string, readonly string[] | 'all'>> | string;

/** `name`, or `name/model`. */
export function treeLabel({ name, modelId }: TreeId): string {
  return modelId === undefined ? name : `${name}/${modelId}`;
}

export function positionOf(database: Database): Promise<string | null> {
  return snapshotSourceOf(database)(async ({ position }) => position);
}

/** The position, which must be there. */
export async function goodPosition(database: Database): Promise<string> {
  const position = await positionOf(database);
  expect(position).not.toBeNull();
  return position!;
}

export function toldSince(database: Database, position: string): Promise<Told> {
  return snapshotSourceOf(database)((source) => toldBy(source, position));
}

export async function toldBy(source: SnapshotSource, position: string): Promise<Told> {
  const changes = await source.changesSince(position);
  if (changes.kind === 'unknown') return changes.reason;
  return Object.fromEntries(
    changes.trees.map(({ tree, keys }) => [treeLabel(tree), keys === 'all' ? keys : keys.map(toHex)]),
  );
}

export function seeState(database: Database): Promise<SeenState> {
  return snapshotSourceOf(database)(async (source) => {
    const trees = new Map<string, TreeState>();
    for (const tree of source.trees) trees.set(treeLabel(tree), await rowsByKey(tree, source.rows(tree)));
    expect(source.position).not.toBeNull();
    return { position: source.position!, trees };
  });
}

/** The rows of COPY streams by key, in the order in which they come. */
export async function rowsByKey(tree: TreeId, streams: AsyncIterable<Uint8Array>): Promise<TreeState> {
  const layout = layoutOf(tree);
  const { keyBytes, paddedBytes } = keyShape(layout);
  const reader = new TupleReader(layout, 1 << 28);
  const rows = new Map<string, string>();
  for await (const piece of streams) {
    for (const { bytes, count, ends, keys } of reader.push(piece)) {
      for (let index = 0; index < count; index += 1) {
        const key = toHex(keys.subarray(index * paddedBytes, index * paddedBytes + keyBytes));
        rows.set(key, toHex(bytes.subarray(ends[index - 1] ?? 0, ends[index])));
      }
    }
  }
  reader.end();
  return rows;
}

/** The keys whose rows are not the same in both states, ascending, by tree; trees without are left out. */
export function differences(before: SeenState, after: SeenState): Readonly<Record<string, readonly string[]>> {
  const differing: Record<string, readonly string[]> = {};
  for (const [label, rows] of after.trees) {
    const earlier = before.trees.get(label) ?? new Map<string, string>();
    const keys = [...new Set([...earlier.keys(), ...rows.keys()])].filter((key) => earlier.get(key) !== rows.get(key));
    if (keys.length > 0) differing[label] = keys.toSorted();
  }
  return differing;
}

/** That the log told of every difference, in order and each key once; and of which keys beyond them. */
export function expectCovers(told: Told, before: SeenState, after: SeenState): readonly string[] {
  if (typeof told === 'string') throw new Error(`the change log is not trusted: ${told}`);
  const differing = differences(before, after);
  for (const [label, keys] of Object.entries(differing)) {
    const known = told[label] ?? [];
    if (known !== 'all') expect([label, keys.filter((key) => !known.includes(key))]).toEqual([label, []]);
  }
  return Object.entries(told).flatMap(([label, keys]) => {
    if (keys === 'all') return [`${label} all`];
    expect(keys).toEqual([...new Set(keys)].toSorted());
    return keys.filter((key) => differing[label]?.includes(key) !== true).map((key) => `${label} ${key}`);
  });
}
