import type {
  CatalogTree,
  OpenedSnapshot,
  StoredTrees,
  TierRecord,
  TreeChanges,
  TreePosition,
  TreeId,
  TreeStretch,
} from '../core/ports.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { GenerationSecrets } from '../format/keys/writer-secrets.ts';
import { ContentIds } from '../format/tree/content-id.ts';
import type { TreeChunk } from '../format/tree/tree-chunk.ts';
import type { Reference } from '../format/tree/chunk.ts';
import { layoutNamed } from '../format/tables.ts';
import { modelIdOf, readTree } from './read-trees.ts';
import type { ReadTree } from './read-trees.ts';
import { updateTree } from './update-tree.ts';

/** The trees of the next snapshot of a tier, made from those of the last one and what changed since. */

export interface ReadChangesOptions<R> {
  readonly tier: string;
  readonly record: TierRecord;
  readonly changes: readonly TreeChanges[];
  readonly secrets: GenerationSecrets;
  readonly store: (chunk: TreeChunk<R>, tree: TreeId) => Promise<R>;
  /** Told of every old chunk before new ones come in its place, and of all chunks of a tree that goes. */
  readonly replacing: (position: TreePosition) => void;
  /** Whether what was given back for a new chunk refers to the same stored one as an old position. */
  readonly isSame: (stored: R, position: TreePosition) => boolean;
  /** What `store` would have given back for an old chunk that stays. */
  readonly keep: (contentId: Uint8Array, reference: Reference) => R;
  readonly ready: () => Promise<void>;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal | undefined;
}

export interface ChangesRead<R> {
  readonly contentRoot: Uint8Array;
  readonly trees: readonly ReadTree<R>[];
  readonly removed: readonly TreeStretch[];
}

export async function readChanges<R>(
  { source, stored }: OpenedSnapshot,
  options: ReadChangesOptions<R>,
): Promise<ChangesRead<R>> {
  const ids = new ContentIds(options.secrets.contentIdKey);
  const trees: ReadTree<R>[] = [];
  const removed: TreeStretch[] = [];
  for (const base of options.record.trees) {
    if (source.trees.some((tree) => isSame(tree, base.tree))) continue;
    removed.push(...(await removeTree(base, stored, options)));
  }
  for (const tree of source.trees) {
    const base = options.record.trees.find((candidate) => isSame(candidate.tree, tree));
    const changed = options.changes.find((candidate) => isSame(candidate.tree, tree));
    if (base !== undefined && changed === undefined) {
      trees.push(keptTree(base, options));
      continue;
    }
    options.progress({ stage: `reading changes of ${tree.name}` });
    if (base === undefined || changed?.keys === 'all') {
      if (base !== undefined) removed.push(...(await removeTree(base, stored, options)));
      trees.push(await readTree(source, tree, ids, options));
      continue;
    }
    const updated = await updateTree<R>({
      ...options,
      layout: layoutNamed(tree.name),
      modelId: modelIdOf(tree),
      boundaryKey: options.secrets.boundaryKey,
      ids,
      base,
      keys: changed!.keys,
      source,
      stored,
      store: (chunk) => options.store(chunk, tree),
      replacing: (positions) => positions.forEach(options.replacing),
      keep: (position) => options.keep(position.contentId, position),
    });
    removed.push(...updated.removed);
    trees.push({ ...updated, tree });
  }
  const contentRoot = ids.root(
    source.schemaVersion,
    trees.map(({ summary }) => summary),
  );
  return { contentRoot, trees, removed };
}

function isSame(a: TreeId, b: TreeId): boolean {
  return a.name === b.name && a.modelId === b.modelId;
}

function keptTree<R>(base: CatalogTree, { keep }: ReadChangesOptions<R>): ReadTree<R> {
  const { code } = layoutNamed(base.tree.name);
  const { rowVersion, level, contentId, rows, bytes, chunks, tree } = base;
  const summary = { code, rowVersion, level, modelId: modelIdOf(tree), contentId, rows, bytes };
  return { summary, root: keep(contentId, base), chunks, tree };
}

/** One level more than the tree has: its root may have been tried as the first child of a node that was not needed. */
async function removeTree<R>(
  { tree, level }: CatalogTree,
  stored: StoredTrees,
  { tier, replacing }: ReadChangesOptions<R>,
): Promise<TreeStretch[]> {
  for await (const position of stored.all(tier, tree)) replacing(position);
  return Array.from({ length: level + 2 }, (_, i) => ({ tree, level: i, after: null, upTo: null }));
}
