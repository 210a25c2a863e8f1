import { toHex } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import { keyShape } from '../format/rows/row-key.ts';
import { COPY_HEADER, COPY_TRAILER } from '../format/rows/copy-tuples.ts';
import { inlineLargeValues, mayHoldMovedValue, readLeafRow, rowEnds } from '../format/rows/large-value.ts';
import { openChunk } from '../format/sealing/sealed-chunk.ts';
import { sha256 } from '../format/shard/name.ts';
import type { RootedTree } from '../format/snapshot/body.ts';
import { TREES } from '../format/tables.ts';
import type { TreeLayout } from '../format/tables.ts';
import { decodeChunk } from '../format/tree/chunk.ts';
import type { Chunk, Reference } from '../format/tree/chunk.ts';
import { CHUNK_KIND } from '../format/tree/content-id.ts';
import type { ChunkLabel, ContentIds } from '../format/tree/content-id.ts';
import { decodeNode } from '../format/tree/node.ts';
import { aheadInOrder } from './ahead.ts';
import type { IndexMap } from './index-map.ts';
import type { StripeReader } from './stripe-reader.ts';

/** Reads trees of a snapshot; everything it gives out has the content id that the tree states. */

/** Leaves read ahead of the one being consumed. */
const LEAVES_AHEAD = 24;

/** A chunk as its parent knows it. */
interface Child {
  readonly label: ChunkLabel;
  readonly contentId: Uint8Array;
  readonly reference: Reference;
}

export class TreeReader {
  readonly #index: IndexMap;
  readonly #stripes: StripeReader;
  readonly #ids: ContentIds;

  constructor(index: IndexMap, stripes: StripeReader, ids: ContentIds) {
    this.#index = index;
    this.#stripes = stripes;
    this.#ids = ids;
  }

  /** The rows of a tree in key order as one binary COPY stream. @throws `integrity/*`, `format/malformed` */
  async *copy(tree: RootedTree): AsyncGenerator<Uint8Array, void, undefined> {
    yield COPY_HEADER;
    const layout = layoutOf(tree);
    for await (const rows of aheadInOrder(this.#leaves(tree, layout), LEAVES_AHEAD, (leaf) =>
      this.#rows(leaf, layout),
    )) {
      yield rows;
    }
    yield COPY_TRAILER;
  }

  /** The leaves below the root, in key order. */
  async *#leaves(tree: RootedTree, layout: TreeLayout): AsyncGenerator<Child, void, undefined> {
    const { summary, root } = tree;
    const kind = summary.level === 0 ? CHUNK_KIND.leaf : CHUNK_KIND.node;
    const label = { kind, tree: summary.code, level: summary.level, rowVersion: summary.rowVersion };
    yield* this.#below({ label, contentId: summary.contentId, reference: root }, layout);
  }

  async *#below(child: Child, layout: TreeLayout): AsyncGenerator<Child, void, undefined> {
    if (child.label.level === 0) {
      yield child;
      return;
    }
    const chunk = await this.#open(child);
    const entries = decodeNode(chunk.content, keyShape(layout).keyBytes);
    if (entries.length !== chunk.references.length) throw malformed('a node does not have one reference a child');
    const level = child.label.level - 1;
    const label = { ...child.label, level, kind: level === 0 ? CHUNK_KIND.leaf : CHUNK_KIND.node };
    for (const [i, entry] of entries.entries()) {
      yield* this.#below({ label, contentId: entry.contentId, reference: chunk.references[i]! }, layout);
    }
  }

  /** A leaf's rows, large values put back. */
  async #rows(leaf: Child, layout: TreeLayout): Promise<Uint8Array> {
    const chunk = await this.#open(leaf);
    const columns = layout.columns.length;
    if (chunk.references.length === 0 && !mayHoldMovedValue(chunk.content)) return chunk.content;
    const ends = rowEnds(chunk.content, columns);
    const pieces = await this.#pieces(leaf.label, chunk, columns, ends);
    const rows: Uint8Array[] = [];
    let start = 0;
    for (const end of ends) {
      rows.push(
        inlineLargeValues(readLeafRow(chunk.content.subarray(start, end), columns), (id) => pieces.get(toHex(id))!),
      );
      start = end;
    }
    return Buffer.concat(rows);
  }

  /** The pieces of all large values of a leaf, by content id. */
  async #pieces(
    label: ChunkLabel,
    chunk: Chunk,
    columns: number,
    ends: readonly number[],
  ): Promise<Map<string, Uint8Array>> {
    const contentIds: Uint8Array[] = [];
    let start = 0;
    for (const end of ends) {
      for (const field of readLeafRow(chunk.content.subarray(start, end), columns)) {
        if (field.kind === 'moved') contentIds.push(...field.pieceIds);
      }
      start = end;
    }
    if (contentIds.length !== chunk.references.length) throw malformed('a leaf does not have one reference a piece');
    const pieces = new Map<string, Uint8Array>();
    for (const [i, contentId] of contentIds.entries()) {
      const piece = await this.#open({
        label: { ...label, kind: CHUNK_KIND.piece },
        contentId,
        reference: chunk.references[i]!,
      });
      pieces.set(toHex(contentId), piece.content);
    }
    return pieces;
  }

  async #open(child: Child): Promise<Chunk> {
    const sealed = await this.#sealed(child.reference.name);
    if (Buffer.compare(sha256(sealed), child.reference.name) !== 0) {
      throw new ValenceError('integrity/authentication-failed', 'a chunk does not have the name its parent gives');
    }
    const chunk = decodeChunk(openChunk(child.label.kind, sealed, child.reference.key));
    const { kind, tree, level, rowVersion } = child.label;
    const { label } = chunk;
    if (label.kind !== kind || label.tree !== tree || label.level !== level || label.rowVersion !== rowVersion) {
      throw malformed('a chunk is of another kind than its parent says');
    }
    if (Buffer.compare(this.#ids.of(label, chunk.content), child.contentId) !== 0) {
      throw new ValenceError('integrity/authentication-failed', 'a chunk says something else than its parent states');
    }
    return chunk;
  }

  async #sealed(name: Uint8Array): Promise<Uint8Array> {
    const place = this.#index.find(name);
    if (place === null) {
      throw new ValenceError(
        'integrity/too-few-shards',
        `no index segment says where chunk ${toHex(name).slice(0, 12)} lies`,
      );
    }
    const pack = 'inline' in place.pack ? place.pack.inline : await this.#stripes.read(place.pack.stripe);
    return pack.subarray(place.offset, place.offset + place.length);
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

function malformed(reason: string): ValenceError {
  return new ValenceError('format/malformed', `malformed tree: ${reason}`);
}
