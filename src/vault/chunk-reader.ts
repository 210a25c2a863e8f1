import { ValenceError } from '../core/errors.ts';
import { keyShape } from '../format/rows/row-key.ts';
import { openChunk } from '../format/sealing/sealed-chunk.ts';
import { sha256 } from '../format/shard/name.ts';
import type { RootedTree } from '../format/snapshot/body.ts';
import type { TreeLayout } from '../format/tables.ts';
import { decodeChunk } from '../format/tree/chunk.ts';
import type { Chunk, Reference } from '../format/tree/chunk.ts';
import { CHUNK_KIND } from '../format/tree/content-id.ts';
import type { ChunkLabel, ContentIds } from '../format/tree/content-id.ts';
import { decodeNode } from '../format/tree/node.ts';
import type { NodeEntry } from '../format/tree/node.ts';
import type { SealedSource } from './sealed-source.ts';

/** Opens single chunks of a snapshot; everything it gives out has the content id that its parent states. */

/** A chunk as its parent knows it. */
export interface Child {
  readonly label: ChunkLabel;
  readonly contentId: Uint8Array;
  readonly reference: Reference;
}

/** A leaf or node as the node above knows it. */
export interface NodeChild extends Child, NodeEntry {}

export class ChunkReader {
  readonly #source: SealedSource;
  readonly #ids: ContentIds;

  constructor(source: SealedSource, ids: ContentIds) {
    this.#source = source;
    this.#ids = ids;
  }

  /** The children of a node, in key order. @throws `integrity/*`, `format/malformed` */
  async children(node: Child, layout: TreeLayout): Promise<NodeChild[]> {
    const chunk = await this.open(node);
    const entries = decodeNode(chunk.content, keyShape(layout).keyBytes);
    if (entries.length !== chunk.references.length) throw malformed('a node does not have one reference a child');
    const level = node.label.level - 1;
    const label = { ...node.label, level, kind: level === 0 ? CHUNK_KIND.leaf : CHUNK_KIND.node };
    return entries.map((entry, i) => ({ ...entry, label, reference: chunk.references[i]! }));
  }

  /** @throws `integrity/*`, `format/malformed` */
  async open(child: Child): Promise<Chunk> {
    const sealed = await this.#source.sealed(child.reference.name);
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
}

/** The root of a tree as the manifest knows it. */
export function rootOf({ summary, root }: RootedTree): Child {
  const kind = summary.level === 0 ? CHUNK_KIND.leaf : CHUNK_KIND.node;
  const label = { kind, tree: summary.code, level: summary.level, rowVersion: summary.rowVersion };
  return { label, contentId: summary.contentId, reference: root };
}

/** A tree that contradicts itself. */
export function malformed(reason: string): ValenceError {
  return new ValenceError('format/malformed', `malformed tree: ${reason}`);
}
