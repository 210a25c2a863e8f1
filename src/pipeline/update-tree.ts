import { equalBytes } from '../core/bytes.ts';
import type { CatalogTree, KeyRange, SnapshotSource, StoredTrees, TreePosition, TreeStretch } from '../core/ports.ts';
import type { TupleBatch } from '../format/rows/copy-tuples.ts';
import type { TreeLayout } from '../format/tables.ts';
import { nodeBuilder } from '../format/tree/builder.ts';
import type { BuiltTree } from '../format/tree/builder.ts';
import type { ContentIds } from '../format/tree/content-id.ts';
import { LeafBuilder } from '../format/tree/leaf-builder.ts';
import type { StoreChunk, TreeEntry } from '../format/tree/tree-chunk.ts';
import { editLevel, isWithin, removedBy } from './edit-level.ts';
import type { Edit } from './edit-level.ts';
import { RangeRows } from './range-rows.ts';

/**
 * Makes the next tree of a table from the last one and the keys that changed, reading only leaves around those: the root
 * that a full build would give (FORMAT.md §5.6: where a leaf or node ends depends on nothing before its beginning).
 */

export interface UpdateTreeOptions<R> {
  readonly layout: TreeLayout;
  /** 16 bytes; zero for a tree that belongs to no model. */
  readonly modelId: Uint8Array;
  readonly boundaryKey: Uint8Array;
  readonly ids: ContentIds;
  readonly tier: string;
  /** The tree as the tier's newest snapshot has it. */
  readonly base: CatalogTree;
  /** Keys of rows that may have changed since, ascending; at least one. */
  readonly keys: readonly Uint8Array[];
  readonly source: SnapshotSource;
  readonly stored: StoredTrees;
  readonly store: StoreChunk<R>;
  /** Told of every old chunk before new ones come in its place. */
  readonly replacing: (positions: readonly TreePosition[]) => void;
  /** Whether what was given back for a new chunk refers to the same stored one as an old position. */
  readonly isSame: (stored: R, position: TreePosition) => boolean;
  /** What `store` would have given back for an old chunk that stays. */
  readonly keep: (position: TreePosition) => R;
  /** Resolves when more may be stored. */
  readonly ready: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

export interface UpdatedTree<R> extends BuiltTree<R> {
  /** Where old positions go; everything handed to `store` comes in their place. */
  readonly removed: readonly TreeStretch[];
}

const EVERYTHING: KeyRange = { after: null, upTo: null };

/** @throws what source and storage throw */
export async function updateTree<R>(options: UpdateTreeOptions<R>): Promise<UpdatedTree<R>> {
  return new TreeUpdate(options).run();
}

class TreeUpdate<R> {
  readonly #options: UpdateTreeOptions<R>;
  readonly #removed: TreeStretch[] = [];
  /** Chunks a level of the new tree. */
  readonly #chunks: number[] = [];

  constructor(options: UpdateTreeOptions<R>) {
    this.#options = options;
  }

  async run(): Promise<UpdatedTree<R>> {
    let edits = await this.#editLeaves();
    for (let level = 0; ; level += 1) {
      this.#account(level, edits);
      const changed: Edit<R>[] = [];
      for (const edit of edits) if (await this.#changes(edit)) changed.push(edit);
      if (changed.length === 0) return this.#unchanged();
      if (this.#chunks[level] === 1) return this.#rooted(level, edits);
      edits = await this.#editNodes(level + 1, changed);
    }
  }

  async #editLeaves(): Promise<Edit<R>[]> {
    const { layout, boundaryKey, ids, store, base, tier, stored, keys, source } = this.#options;
    const rows = new RangeRows(source, base.tree, layout);
    const ended: TreeEntry<R>[] = [];
    const builder = new LeafBuilder<R>({ layout, boundaryKey, ids, store, rise: (entry) => ended.push(entry) });
    const edits = await editLevel<R>({
      ...this.#levelOptions(0),
      owners: await stored.owners(tier, base.tree, 0, keys),
      cutter: builder,
      ended,
      prepare: (ranges) => rows.prepare(ranges),
      feed: (range) => this.#feedRows(builder, rows.read(range)),
    });
    const left = base.chunks[0]! - edits.reduce((sum, edit) => sum + edit.removed.length, 0);
    if (left === 0 && edits.every((edit) => edit.entries.length === 0)) {
      builder.addEmptyLeaf();
      edits.at(-1)!.entries.push(...ended.splice(0));
    }
    return edits;
  }

  async #feedRows(builder: LeafBuilder<R>, rows: AsyncIterable<TupleBatch>): Promise<void> {
    const { ready, signal } = this.#options;
    for await (const batch of rows) {
      signal?.throwIfAborted();
      builder.add(batch);
      await ready();
    }
  }

  async #editNodes(level: number, below: readonly Edit<R>[]): Promise<Edit<R>[]> {
    const { base, tier, stored } = this.#options;
    const ended: TreeEntry<R>[] = [];
    const builder = nodeBuilder<R>(this.#options, level, (entry) => ended.push(entry));
    if (level > base.level) {
      for (const entry of below.flatMap((edit) => edit.entries)) builder.add(entry);
      builder.flush();
      // A root may have been tried as the first child of a node that was not needed.
      return [{ ...EVERYTHING, removed: [], entries: ended }];
    }
    const gone = below.flatMap((edit) => edit.removed.map(({ lastKey }) => lastKey));
    const children = new ChildMerge(below, this.#options.keep);
    let ahead: { ranges: readonly KeyRange[]; positions: readonly TreePosition[] } = { ranges: [], positions: [] };
    return editLevel<R>({
      ...this.#levelOptions(level),
      owners: await stored.owners(tier, base.tree, level, gone),
      cutter: builder,
      ended,
      prepare: async (ranges) => {
        ahead = { ranges, positions: await stored.within(tier, base.tree, level - 1, ranges) };
      },
      feed: async (range) => {
        const old = ahead.ranges.includes(range)
          ? ahead.positions.filter(({ lastKey }) => isWithin(lastKey, range))
          : await stored.within(tier, base.tree, level - 1, [range]);
        for (const entry of children.merge(old)) builder.add(entry);
      },
    });
  }

  /** Not where every new chunk is the old one at the same place, also by the name it is stored under. */
  async #changes({ removed, entries }: Edit<R>): Promise<boolean> {
    if (removed.length !== entries.length) return true;
    for (const [i, { lastKey, contentId, stored }] of entries.entries()) {
      const old = removed[i]!;
      if (!equalBytes(lastKey, old.lastKey) || !equalBytes(contentId, old.contentId)) return true;
      if (!this.#options.isSame(await stored, old)) return true;
    }
    return false;
  }

  #levelOptions(level: number): Pick<Parameters<typeof editLevel<R>>[0], 'next' | 'within' | 'replacing'> {
    const { tier, base, stored, replacing } = this.#options;
    return {
      next: (lastKey) => stored.next(tier, base.tree, level, lastKey),
      within: (ranges) => stored.within(tier, base.tree, level, ranges),
      replacing,
    };
  }

  #account(level: number, edits: readonly Edit<R>[]): void {
    const { base } = this.#options;
    const entries = edits.reduce((sum, edit) => sum + edit.entries.length, 0);
    const removed = edits.reduce((sum, edit) => sum + edit.removed.length, 0);
    this.#chunks.push((level > base.level ? 0 : base.chunks[level]!) - removed + entries);
    for (const { after, upTo } of edits) this.#removed.push({ tree: base.tree, level, after, upTo });
  }

  /** Rows were written again as they were. */
  #unchanged(): UpdatedTree<R> {
    const { base, keep } = this.#options;
    const root = { ...base, lastKey: Buffer.alloc(0), piece: 0 };
    return { ...this.#built(base.level, base, keep(root)), chunks: base.chunks };
  }

  /** A level with one chunk: that is the root, and what stood above it goes. */
  async #rooted(level: number, edits: readonly Edit<R>[]): Promise<UpdatedTree<R>> {
    const { base, tier, stored, keep, replacing } = this.#options;
    for (let above = level + 1; above <= base.level; above += 1) {
      replacing(await stored.within(tier, base.tree, above, [EVERYTHING]));
      this.#removed.push({ tree: base.tree, level: above, ...EVERYTHING });
    }
    const made = edits.flatMap((edit) => edit.entries)[0];
    if (made !== undefined) return this.#built(level, made, await made.stored);
    const gone = removedBy(edits);
    const all = await stored.within(tier, base.tree, level, [EVERYTHING]);
    const survivor = all.find((position) => position.piece === 0 && !gone(position.lastKey))!;
    return this.#built(level, survivor, keep(survivor));
  }

  #built(level: number, root: Pick<TreePosition, 'contentId' | 'rows' | 'bytes'>, stored: R): UpdatedTree<R> {
    const { layout, modelId } = this.#options;
    const { contentId, rows, bytes } = root;
    return {
      summary: { code: layout.code, rowVersion: layout.rowVersion, level, modelId, contentId, rows, bytes },
      root: stored,
      chunks: this.#chunks,
      removed: this.#removed,
    };
  }
}

/** Old entries of a level with the edits made to it, in key order. Asked for ascending stretches. */
class ChildMerge<R> {
  readonly #edits: readonly Edit<R>[];
  readonly #keep: (position: TreePosition) => R;
  /** The edit whose turn it is, and whether its entries have been given out. */
  #at = 0;
  #given = false;

  constructor(edits: readonly Edit<R>[], keep: (position: TreePosition) => R) {
    this.#edits = edits;
    this.#keep = keep;
  }

  *merge(old: readonly TreePosition[]): Generator<TreeEntry<R>, void, undefined> {
    for (const position of old) {
      if (position.piece !== 0) continue;
      this.#passEditsBefore(position.lastKey);
      const edit = this.#edits[this.#at];
      const isGone = edit !== undefined && (edit.after === null || Buffer.compare(position.lastKey, edit.after) > 0);
      if (isGone && !this.#given) {
        this.#given = true;
        yield* edit.entries;
      }
      if (!isGone) yield { ...position, stored: Promise.resolve(this.#keep(position)) };
    }
  }

  #passEditsBefore(key: Uint8Array): void {
    for (let edit = this.#edits[this.#at]; edit !== undefined; edit = this.#edits[this.#at]) {
      if (edit.upTo === null || Buffer.compare(key, edit.upTo) <= 0) return;
      this.#at += 1;
      this.#given = false;
    }
  }
}
