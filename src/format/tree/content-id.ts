import { hash } from 'node:crypto';
import { ByteWriter } from '../../core/bytes.ts';

/** What a chunk says, as a keyed digest: equal rows give equal ids, whatever order they came in. FORMAT.md §5.5. */

/** What a chunk holds. */
export const CHUNK_KIND = { leaf: 1, node: 2, piece: 3 } as const;
export type ChunkKind = (typeof CHUNK_KIND)[keyof typeof CHUNK_KIND];

/** The four bytes that say how to read a chunk; part of its plaintext and of its content id. */
export interface ChunkLabel {
  readonly kind: ChunkKind;
  /** `code` of the tree layout. */
  readonly tree: number;
  /** 0 for leaves and pieces. */
  readonly level: number;
  readonly rowVersion: number;
}

const CONTENT_TAG = Buffer.from('valence content\0', 'latin1');
const ROOT_TAG = Buffer.from('valence root\0\0\0\0', 'latin1');
const PREFIX_BYTES = 64;

/** Computes content ids under one id key (32 bytes). */
export class ContentIds {
  readonly #idKey: Uint8Array;
  #scratch: Buffer = Buffer.allocUnsafe(PREFIX_BYTES + 128 * 1024);

  constructor(idKey: Uint8Array) {
    this.#idKey = idKey;
  }

  /**
   * SHA-256(id key ‖ tag ‖ label ‖ 0 ‖ length ‖ content). The first 64 bytes fix the length of what follows, so no message
   * is a prefix of another and the plain hash is a PRF under the key.
   */
  of(label: ChunkLabel, content: Uint8Array): Uint8Array {
    const size = PREFIX_BYTES + content.length;
    if (size > this.#scratch.length) this.#scratch = Buffer.allocUnsafe(size * 2);
    const scratch = this.#scratch;
    scratch.set(this.#idKey, 0);
    scratch.set(CONTENT_TAG, 32);
    scratch[48] = label.kind;
    scratch[49] = label.tree;
    scratch[50] = label.level;
    scratch[51] = label.rowVersion;
    scratch.writeUInt32BE(0, 52);
    scratch.writeBigUInt64BE(BigInt(content.length), 56);
    scratch.set(content, PREFIX_BYTES);
    return hash('sha256', scratch.subarray(0, size), 'buffer');
  }

  /** The content root of a snapshot: one digest over all its trees, in the order of FORMAT.md §5.2. */
  root(schemaVersion: number, trees: readonly TreeSummary[]): Uint8Array {
    const writer = new ByteWriter(64 + trees.length * 72)
      .bytes(this.#idKey)
      .bytes(ROOT_TAG)
      .u32(schemaVersion)
      .u32(trees.length);
    for (const tree of trees) {
      writer.u8(tree.code).u8(tree.rowVersion).u8(tree.level).u8(0).bytes(tree.modelId).bytes(tree.contentId);
      writer.u64(tree.rows).u64(tree.bytes);
    }
    return hash('sha256', writer.finish(), 'buffer');
  }
}

export interface TreeSummary {
  readonly code: number;
  readonly rowVersion: number;
  /** Level of the root: 0 when it is a leaf. */
  readonly level: number;
  /** 16 bytes; zero for a tree that belongs to no model. */
  readonly modelId: Uint8Array;
  readonly contentId: Uint8Array;
  readonly rows: number;
  /** Encoded bytes of all rows, large values included. */
  readonly bytes: number;
}
