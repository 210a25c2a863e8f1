import { createHash } from 'node:crypto';
import { view } from '../../src/core/bytes.ts';
import type {
  Catalog,
  CatalogSegment,
  CatalogTree,
  TierCommit,
  TierRecord,
  TreeId,
  TreePosition,
} from '../../src/core/ports.ts';

/** What a catalog remembers, made of numbers and names. */

export const BELIEFS: TreeId = { name: 'beliefs' };
export const EDGES: TreeId = { name: 'belief_edges' };
/** Embeddings of one of two models. */
export function embeddings(model: 1 | 2): TreeId {
  return { name: 'belief_embeddings', modelId: `0190a5b6-0000-7000-8000-00000000000${model}` };
}

/** 32 bytes that stand for this text. */
export function bytesOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The key of row n: as many bytes as the tree's keys have, ascending with n. */
export function keyOf(n: number, tree: TreeId = BELIEFS): Buffer {
  const key = Buffer.alloc(tree.name === 'belief_edges' ? 64 : 16);
  key.writeUInt32BE(n, 4);
  return key;
}

/** The row that `keyOf` made this key of. */
export function numberOf(key: Uint8Array): number {
  return view(key).readUInt32BE(4);
}

export interface PositionOptions {
  readonly tree?: TreeId;
  readonly level?: number;
  /** Number of the last key; null: empty, as in the leaf of an empty tree. */
  readonly last: number | null;
  readonly piece?: number;
  /** What the chunk says; chunks that say the same share content id, name and key. */
  readonly says?: string;
}

export function positionAt({ tree = BELIEFS, level = 0, last, piece = 0, says }: PositionOptions): TreePosition {
  const text = says ?? `${tree.name} ${tree.modelId ?? ''} ${level} ${last} ${piece}`;
  return {
    tree,
    level,
    lastKey: last === null ? Buffer.alloc(0) : keyOf(last, tree),
    piece,
    contentId: bytesOf(text),
    rows: piece > 0 || last === null ? 0 : 3 + (last % 5),
    bytes: text.length,
    name: bytesOf(`name of ${text}`),
    key: bytesOf(`key of ${text}`),
  };
}

export function rootOf(tree: TreeId, level: number): CatalogTree {
  const [contentId, name, key] = ['root', 'name', 'key'].map((part) => bytesOf(`${part} ${tree.name} ${tree.modelId}`));
  return {
    tree,
    rowVersion: 1,
    level,
    contentId: contentId!,
    rows: 2 ** 40,
    bytes: 2 ** 50,
    name: name!,
    key: key!,
    chunks: Array.from({ length: level + 1 }, (_, i) => 7 ** (level - i)),
  };
}

/** Of `stripes` stripes 3/5 over five holders. */
export function segmentOf(name: string, stripes: number): CatalogSegment {
  return {
    digest: bytesOf(`segment ${name}`),
    sizeBytes: 1000 + stripes,
    stripes: Array.from({ length: stripes }, (_, stripe) => ({
      required: 3,
      shardLength: 1024 * 1024,
      shards: Array.from({ length: 5 }, (_shard, i) => ({
        holder: bytesOf(`holder ${i}`).subarray(0, 16),
        name: bytesOf(`shard ${name} ${stripe} ${i}`),
      })),
    })),
  };
}

/** Snapshot n of a tier with nothing in it but what is given. */
export function recordOf(n: number, parts: Partial<TierRecord> = {}): TierRecord {
  return {
    sequence: n,
    digest: bytesOf(`digest ${n}`),
    contentRoot: bytesOf(`content root ${n}`),
    position: `position ${n}`,
    trees: [],
    segments: [],
    ...parts,
  };
}

/** A commit but for what it is made on top of. */
export type Change = Omit<TierCommit, 'base'>;

/** These positions in place of all others, and a root for each of their trees. */
export function wholeCommit(n: number, positions: readonly TreePosition[]): Change {
  return { ...recordOf(n, { trees: rootsOf(positions) }), removed: 'all', added: positions };
}

/** A root for each tree of these positions, as high as they are. */
export function rootsOf(positions: readonly TreePosition[]): readonly CatalogTree[] {
  const trees = Map.groupBy(positions, ({ tree }) => `${tree.name} ${tree.modelId ?? ''}`);
  return [...trees.values()].map((of) => rootOf(of[0]!.tree, Math.max(...new Set(of.map(({ level }) => level)))));
}

/** Commits on top of whatever is remembered. */
export async function commitOnTop(catalog: Catalog, tier: string, change: Change): Promise<void> {
  await catalog.commit(tier, { ...change, base: await baseOf(catalog, tier) });
}

/** What the next commit is made on top of; a record too damaged to be read still has its head. */
export async function baseOf(catalog: Catalog, tier: string): Promise<Uint8Array | null> {
  const heads = await catalog.heads();
  return heads.find((head) => head.tier === tier)?.digest ?? null;
}
