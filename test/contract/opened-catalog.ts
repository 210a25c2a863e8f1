import { toHex } from '../../src/core/bytes.ts';
import type { Catalog, OwnedKeys, StoredTrees, TreeId, TreePosition } from '../../src/core/ports.ts';
import { BELIEFS, EDGES, embeddings, keyOf, positionAt } from '../support/catalog-fixture.ts';

/** An empty catalog, and its trees as a snapshot opened now sees them. */
export interface OpenedCatalog {
  readonly catalog: Catalog;
  stored<T>(read: (trees: StoredTrees) => Promise<T>): Promise<T>;
}

/** Opens one that nobody else uses. */
export type OpenCatalog = () => Promise<OpenedCatalog>;

/** Embeddings of one model. */
export const MODEL_1: TreeId = embeddings(1);
/** Embeddings of another. */
export const MODEL_2: TreeId = embeddings(2);
/** Every tree that the contract writes. */
export const TREES: readonly TreeId[] = [BELIEFS, EDGES, MODEL_1, MODEL_2];
/** Their levels, leaves first. */
export const LEVELS: readonly number[] = [0, 1, 2];

/** A leaf or node with this last key, and its pieces. */
export function chunksOf(
  tree: TreeId,
  level: number,
  last: number,
  leaf: { pieces: number; says: string },
): TreePosition[] {
  return Array.from({ length: 1 + leaf.pieces }, (_, piece) =>
    positionAt({ tree, level, last, piece, says: piece === 0 ? leaf.says : `${leaf.says} ${piece}` }),
  );
}

/** One of these last keys, which are all of its level. */
export function ownedBy(numbers: readonly number[], place: number, tree: TreeId = BELIEFS): OwnedKeys {
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
