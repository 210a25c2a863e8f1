import type { RootedTree } from '../format/snapshot/body.ts';
import type { TreeLayout } from '../format/tables.ts';
import { aheadInOrder } from './ahead.ts';
import { rootOf } from './chunk-reader.ts';
import type { Child, ChunkReader, NodeChild } from './chunk-reader.ts';
import { KeySet } from './key-set.ts';
import { LeafReader } from './leaf-reader.ts';
import type { TreeRow } from './leaf-reader.ts';
import { layoutOf } from './tree-reader.ts';
import { startingWith } from './wanted.ts';
import type { Wanted } from './wanted.ts';

/** Chunks of one level read ahead of the one being consumed. */
const CHUNKS_AHEAD = 24;

/** A chunk and the last key before it; null: it is the first. */
interface Found {
  readonly child: Child;
  readonly after: Uint8Array | null;
}

/**
 * Finds rows of one tree by their keys, reading only chunks on the way to them, each once a call, several at once.
 * Everything it gives out has the content id that the tree states; every method throws `integrity/*` and
 * `format/malformed`.
 */
export class TreeLookup {
  readonly layout: TreeLayout;
  readonly #tree: RootedTree;
  readonly #chunks: ChunkReader;
  readonly #leaves: LeafReader;

  /** @throws `format/newer` for a table or a row version that this program does not know */
  constructor(chunks: ChunkReader, tree: RootedTree) {
    this.layout = layoutOf(tree);
    this.#tree = tree;
    this.#chunks = chunks;
    this.#leaves = new LeafReader(chunks);
  }

  /** The rows of these keys, in the same order; null: there is none. */
  async get(keys: readonly Uint8Array[]): Promise<(Uint8Array | null)[]> {
    const [first] = keys;
    if (first === undefined) return [];
    const wanted = KeySet.of(keys, first.length);
    const tuples: (Uint8Array | null)[] = Array.from({ length: wanted.size }, () => null);
    for await (const rows of this.rows(startingWith(wanted))) {
      for (const { key, tuple } of rows) tuples[wanted.indexFrom(key)] = tuple;
    }
    return keys.map((key) => tuples[wanted.indexFrom(key)]!);
  }

  /** All rows whose key starts with one of these, in key order, those of a leaf at a time. */
  range(prefixes: KeySet): AsyncGenerator<readonly TreeRow[], void, undefined> {
    return this.rows(startingWith(prefixes));
  }

  /** The wanted rows in key order, those of a leaf at a time. */
  rows(wanted: Wanted): AsyncGenerator<readonly TreeRow[], void, undefined> {
    const has = (key: Uint8Array): boolean => wanted.has(key);
    return aheadInOrder(this.#owners(wanted), CHUNKS_AHEAD, (leaf) => this.#leaves.rows(leaf, this.layout, has));
  }

  /** The wanted keys, ascending, those of a leaf at a time. Reads no large values. */
  keys(wanted: Wanted): AsyncGenerator<readonly Uint8Array[], void, undefined> {
    const has = (key: Uint8Array): boolean => wanted.has(key);
    return aheadInOrder(this.#owners(wanted), CHUNKS_AHEAD, (leaf) => this.#leaves.keys(leaf, this.layout, has));
  }

  /** The leaves that may hold wanted rows, in key order. */
  async *#owners(wanted: Wanted): AsyncGenerator<Child, void, undefined> {
    if (this.#tree.summary.rows === 0) return;
    for await (const { child } of this.#level(0, wanted)) yield child;
  }

  /** A level is found while the one above is still being read: a scattered look-up waits for few round trips. */
  async *#level(level: number, wanted: Wanted): AsyncGenerator<Found, void, undefined> {
    if (level === this.#tree.summary.level) {
      yield { child: rootOf(this.#tree), after: null };
      return;
    }
    const read = async ({ child, after }: Found): Promise<Found[]> =>
      selected(await this.#chunks.children(child, this.layout), after, wanted);
    for await (const found of aheadInOrder(this.#level(level + 1, wanted), CHUNKS_AHEAD, read)) yield* found;
  }
}

function selected(children: readonly NodeChild[], before: Uint8Array | null, wanted: Wanted): Found[] {
  return children.flatMap((child, i) => {
    const after = i === 0 ? before : children[i - 1]!.lastKey;
    return wanted.mayLieIn(after, child.lastKey) ? [{ child, after }] : [];
  });
}
