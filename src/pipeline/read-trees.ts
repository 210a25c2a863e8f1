import { INLINE_VALUE_BYTES_MAX } from '../core/limits.ts';
import { uuidBytes } from '../core/ids.ts';
import type { SnapshotSource, TreeId } from '../core/ports.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { GenerationSecrets } from '../format/keys/writer-secrets.ts';
import { TupleReader } from '../format/rows/copy-tuples.ts';
import { layoutNamed } from '../format/tables.ts';
import { TreeBuilder } from '../format/tree/builder.ts';
import type { BuiltTree } from '../format/tree/builder.ts';
import type { TreeChunk } from '../format/tree/tree-chunk.ts';
import { ContentIds } from '../format/tree/content-id.ts';

/** Reads every row of a source into trees; what becomes of their chunks is up to `store`. */

export interface ReadTreesOptions<R> {
  readonly secrets: GenerationSecrets;
  readonly store: (chunk: TreeChunk<R>, tree: TreeId) => Promise<R>;
  /** Resolves when more may be stored. */
  readonly ready: () => Promise<void>;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal | undefined;
}

/** A tree with what it is called. */
export interface ReadTree<R> extends BuiltTree<R> {
  readonly tree: TreeId;
}

export interface TreesRead<R> {
  readonly contentRoot: Uint8Array;
  readonly trees: readonly ReadTree<R>[];
}

export async function readTrees<R>(source: SnapshotSource, options: ReadTreesOptions<R>): Promise<TreesRead<R>> {
  const ids = new ContentIds(options.secrets.contentIdKey);
  const trees: ReadTree<R>[] = [];
  for (const tree of source.trees) trees.push(await readTree(source, tree, ids, options));
  const contentRoot = ids.root(
    source.schemaVersion,
    trees.map((tree) => tree.summary),
  );
  return { contentRoot, trees };
}

/** The content root of a source, without storing anything. */
export async function contentRootOf(
  source: SnapshotSource,
  secrets: GenerationSecrets,
  signal?: AbortSignal,
): Promise<TreesRead<null>> {
  const nothing = Promise.resolve();
  const stored = Promise.resolve(null);
  return readTrees(source, { secrets, store: () => stored, ready: () => nothing, progress: () => {}, signal });
}

/** All of one tree. */
export async function readTree<R>(
  source: SnapshotSource,
  tree: TreeId,
  ids: ContentIds,
  options: ReadTreesOptions<R>,
): Promise<ReadTree<R>> {
  const layout = layoutNamed(tree.name);
  const builder = new TreeBuilder<R>({
    layout,
    modelId: modelIdOf(tree),
    boundaryKey: options.secrets.boundaryKey,
    ids,
    store: (chunk) => options.store(chunk, tree),
  });
  const reader = new TupleReader(layout, INLINE_VALUE_BYTES_MAX);
  let rows = 0;
  for await (const piece of source.rows(tree)) {
    options.signal?.throwIfAborted();
    for (const batch of reader.push(piece)) {
      builder.add(batch);
      rows += batch.count;
      await options.ready();
    }
    options.progress({ stage: `reading ${tree.name}`, done: rows, unit: 'rows' });
  }
  reader.end();
  return { ...(await builder.finish()), tree };
}

/** 16 bytes; zero for a tree that belongs to no model. */
export function modelIdOf({ modelId }: TreeId): Uint8Array {
  return modelId === undefined ? Buffer.alloc(16) : uuidBytes(modelId);
}
