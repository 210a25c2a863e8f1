import { view } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';
import type { TreeId, TreePosition } from '../core/ports.ts';

const BLOCK_BYTES = 256 * 1024;
const DIGEST_BYTES = 32;
/** Tree, level, length of the key, piece, rows, bytes. */
const FIXED_BYTES = 2 + 1 + 1 + 4 + 8 + 8;
const KEY_BYTES_MAX = 64;

/**
 * Positions in the order they were added. A big snapshot has hundreds of thousands of them, so each is some 190 bytes in a
 * block, not an object.
 */
export class PositionTable implements Iterable<TreePosition> {
  readonly #blocks: { readonly bytes: Buffer; used: number }[] = [];
  readonly #trees: TreeId[] = [];

  add(position: TreePosition): void {
    const { lastKey, level, piece, rows, bytes } = position;
    invariant(lastKey.length <= KEY_BYTES_MAX, 'a key has at most 64 bytes');
    const size = FIXED_BYTES + lastKey.length + 3 * DIGEST_BYTES;
    const block = this.#room(size);
    const target = block.bytes;
    let at = block.used;
    block.used += size;
    at = target.writeUInt16BE(this.#treeNumber(position.tree), at);
    at = target.writeUInt8(level, at);
    at = target.writeUInt8(lastKey.length, at);
    at = target.writeUInt32BE(piece, at);
    at = target.writeDoubleBE(rows, at);
    at = target.writeDoubleBE(bytes, at);
    for (const part of [lastKey, position.contentId, position.name, position.key]) {
      target.set(part, at);
      at += part.length;
    }
  }

  *[Symbol.iterator](): Generator<TreePosition, void, undefined> {
    for (const { bytes, used } of this.#blocks) {
      for (let at = 0; at < used;) {
        const position = this.#read(bytes, at);
        at += FIXED_BYTES + position.lastKey.length + 3 * DIGEST_BYTES;
        yield position;
      }
    }
  }

  /** Views, not copies. */
  #read(block: Buffer, at: number): TreePosition {
    const key = at + FIXED_BYTES;
    const digests = key + block.readUInt8(at + 3);
    return {
      tree: this.#trees[block.readUInt16BE(at)]!,
      level: block.readUInt8(at + 2),
      piece: block.readUInt32BE(at + 4),
      rows: block.readDoubleBE(at + 8),
      bytes: block.readDoubleBE(at + 16),
      lastKey: view(block.subarray(key, digests)),
      contentId: block.subarray(digests, digests + DIGEST_BYTES),
      name: block.subarray(digests + DIGEST_BYTES, digests + 2 * DIGEST_BYTES),
      key: block.subarray(digests + 2 * DIGEST_BYTES, digests + 3 * DIGEST_BYTES),
    };
  }

  #treeNumber({ name, modelId }: TreeId): number {
    const known = this.#trees.findIndex((tree) => tree.name === name && tree.modelId === modelId);
    return known >= 0 ? known : this.#trees.push({ name, modelId }) - 1;
  }

  #room(size: number): { readonly bytes: Buffer; used: number } {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.used + size <= BLOCK_BYTES) return last;
    const block = { bytes: Buffer.allocUnsafe(BLOCK_BYTES), used: 0 };
    this.#blocks.push(block);
    return block;
  }
}
