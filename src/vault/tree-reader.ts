import { copyOf } from '../core/copy-stream.ts';
import { ValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { TreeId } from '../core/ports.ts';
import { mayHoldMovedValue } from '../format/rows/large-value.ts';
import type { RootedTree } from '../format/snapshot/body.ts';
import { TREES } from '../format/tables.ts';
import type { TreeLayout } from '../format/tables.ts';
import { aheadInOrder } from './ahead.ts';
import { rootOf } from './chunk-reader.ts';
import type { Child, ChunkReader } from './chunk-reader.ts';
import { LeafReader } from './leaf-reader.ts';

/** Reads trees of a snapshot; everything it gives out has the content id that the tree states. */

/** Leaves read ahead of the one being consumed. */
const LEAVES_AHEAD = 24;

export class TreeReader {
  readonly #chunks: ChunkReader;
  readonly #leafReader: LeafReader;

  constructor(chunks: ChunkReader) {
    this.#chunks = chunks;
    this.#leafReader = new LeafReader(chunks);
  }

  /** The rows of a tree in key order as one binary COPY stream. @throws `integrity/*`, `format/malformed` */
  copy(tree: RootedTree): AsyncIterable<Uint8Array> {
    const layout = layoutOf(tree);
    return copyOf(aheadInOrder(this.#leaves(tree, layout), LEAVES_AHEAD, (leaf) => this.#rows(leaf, layout)));
  }

  /** The leaves below the root, in key order. */
  async *#leaves(tree: RootedTree, layout: TreeLayout): AsyncGenerator<Child, void, undefined> {
    yield* this.#below(rootOf(tree), layout);
  }

  async *#below(child: Child, layout: TreeLayout): AsyncGenerator<Child, void, undefined> {
    if (child.label.level === 0) {
      yield child;
      return;
    }
    for (const entry of await this.#chunks.children(child, layout)) yield* this.#below(entry, layout);
  }

  /** A leaf's rows, large values put back. */
  async #rows(leaf: Child, layout: TreeLayout): Promise<Uint8Array> {
    const chunk = await this.#chunks.open(leaf);
    if (chunk.references.length === 0 && !mayHoldMovedValue(chunk.content)) return chunk.content;
    const rows = await this.#leafReader.rows(leaf, layout);
    return Buffer.concat(rows.map(({ tuple }) => tuple));
  }
}

/** @throws `format/newer` for a table or a row version that this program does not know */
export function layoutOf(tree: RootedTree): TreeLayout {
  const { code, rowVersion } = tree.summary;
  const layout = TREES.find((candidate) => candidate.code === code);
  if (layout !== undefined && layout.rowVersion === rowVersion) return layout;
  throw new ValenceError(
    'format/newer',
    `the snapshot holds a table (code ${code}, row version ${rowVersion}) that this program does not know`,
    {
      hint: 'upgrade valence and try again',
    },
  );
}

/** @throws `format/newer` as `layoutOf` */
export function treeIdOf(tree: RootedTree): TreeId {
  const { name, perModel } = layoutOf(tree);
  return perModel === true ? { name, modelId: uuidText(tree.summary.modelId) } : { name };
}
