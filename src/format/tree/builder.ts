import { keyShape } from '../rows/row-key.ts';
import type { TupleBatch } from '../rows/copy-tuples.ts';
import type { TreeLayout } from '../tables.ts';
import { CHUNK_KIND } from './content-id.ts';
import type { ContentIds, TreeSummary } from './content-id.ts';
import { CutPoints } from './cut.ts';
import { LeafBuilder } from './leaf-builder.ts';
import { NodeBuilder } from './node-builder.ts';
import type { StoreChunk, TreeEntry } from './tree-chunk.ts';

export interface BuiltTree<R> {
  readonly summary: TreeSummary;
  readonly root: R;
  /** Chunks a level, leaves first; pieces not counted. */
  readonly chunks: readonly number[];
}

export interface TreeBuilderOptions<R> {
  readonly layout: TreeLayout;
  /** 16 bytes; zero for a tree that belongs to no model. */
  readonly modelId: Uint8Array;
  readonly boundaryKey: Uint8Array;
  readonly ids: ContentIds;
  readonly store: StoreChunk<R>;
}

interface Level<R> {
  readonly nodes: NodeBuilder<R>;
  /** Entries of the level below that came. */
  count: number;
  first: TreeEntry<R> | null;
}

/**
 * Builds the search tree of one table from its rows in key order (FORMAT.md §5). The content id of its root depends on
 * the rows alone: not on how they were split into batches, nor on the engine they came from.
 */
export class TreeBuilder<R> {
  readonly #options: TreeBuilderOptions<R>;
  readonly #leaves: LeafBuilder<R>;
  /** The first takes leaves. */
  readonly #levels: Level<R>[] = [];

  constructor(options: TreeBuilderOptions<R>) {
    this.#options = options;
    this.#leaves = new LeafBuilder({ ...options, rise: (entry) => this.#rise(0, entry) });
  }

  /** @throws `format/malformed` when keys do not ascend */
  add(batch: TupleBatch): void {
    this.#leaves.add(batch);
  }

  /** Ends the tree; nothing may be added afterwards. */
  async finish(): Promise<BuiltTree<R>> {
    this.#leaves.flush();
    if (this.#levels.length === 0) this.#leaves.addEmptyLeaf();
    let level = 0;
    for (; this.#levels[level]!.count > 1; level += 1) this.#levels[level]!.nodes.flush();
    const { layout, modelId } = this.#options;
    const { contentId, rows, bytes, stored } = this.#levels[level]!.first!;
    return {
      summary: { code: layout.code, rowVersion: layout.rowVersion, level, modelId, contentId, rows, bytes },
      root: await stored,
      chunks: this.#levels.slice(0, level + 1).map(({ count }) => count),
    };
  }

  /** An entry of `level` came: what lies above takes it. The root stays alone on its level, so nothing is made of it. */
  #rise(level: number, entry: TreeEntry<R>): void {
    const above = (this.#levels[level] ??= this.#open(level));
    above.count += 1;
    above.first ??= entry;
    above.nodes.add(entry);
  }

  #open(level: number): Level<R> {
    const rise = (entry: TreeEntry<R>): void => this.#rise(level + 1, entry);
    return { nodes: nodeBuilder(this.#options, level + 1, rise), count: 0, first: null };
  }
}

/** What makes the nodes of one level of a tree. */
export function nodeBuilder<R>(
  { layout, boundaryKey, ids, store }: Omit<TreeBuilderOptions<R>, 'modelId'>,
  level: number,
  rise: (entry: TreeEntry<R>) => void,
): NodeBuilder<R> {
  return new NodeBuilder<R>({
    shape: keyShape(layout),
    cuts: new CutPoints(boundaryKey, layout.code, level),
    label: { kind: CHUNK_KIND.node, tree: layout.code, level, rowVersion: layout.rowVersion },
    ids,
    store,
    rise,
  });
}
