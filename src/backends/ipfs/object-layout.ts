import { createHash } from 'node:crypto';
import type { Cid } from './cid.ts';
import { DAG_PB, RAW, sameCid } from './cid.ts';
import { encodeFileNode } from './dag-node.ts';

/** How an object lies in blocks, which is a function of its bytes alone: so equal content ids mean equal objects. */

const MIB = 1024 * 1024;
/** Every peer takes a block of this size; a shard, which is never larger, is one block. */
export const BLOCK_BYTES: number = MIB;

/** The raw blocks of an object, in order: at least one, each of 1 MiB but the last. */
export function leavesOf(body: Uint8Array): readonly { readonly cid: Cid; readonly sizeBytes: number }[] {
  const count = Math.max(1, Math.ceil(body.length / BLOCK_BYTES));
  return Array.from({ length: count }, (_, i) => {
    const block = body.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
    return { cid: cidOfBlock(block, RAW), sizeBytes: block.length };
  });
}

/** Of the only block, or of the file node over all of them. */
export function cidOfObject(body: Uint8Array): Cid {
  const leaves = leavesOf(body);
  return leaves.length === 1 ? leaves[0]!.cid : cidOfBlock(encodeFileNode(leaves), DAG_PB);
}

export function cidOfBlock(block: Uint8Array, codec: Cid['codec']): Cid {
  return { codec, digest: createHash('sha256').update(block).digest() };
}

/** Whether the content id is that of these bytes. */
export function isBlock(block: Uint8Array, cid: Cid): boolean {
  return sameCid(cidOfBlock(block, cid.codec), cid);
}
