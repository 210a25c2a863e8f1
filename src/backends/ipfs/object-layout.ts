import { createHash } from 'node:crypto';
import type { Cid } from './cid.ts';
import { DAG_PB, RAW } from './cid.ts';
import { encodeFileNode } from './dag-node.ts';

/** How an object lies in blocks, which is a function of its bytes alone: so equal content ids mean equal objects. */

const MIB = 1024 * 1024;
/** Every peer takes a block of this size; a shard, which is never larger, is one block. */
export const BLOCK_BYTES: number = MIB;

/** One raw block, or a file node over raw blocks of 1 MiB (the last may be shorter). */
export function cidOfObject(body: Uint8Array): Cid {
  if (body.length <= BLOCK_BYTES) return cidOfBlock(body, RAW);
  const leaves: { cid: Cid; sizeBytes: number }[] = [];
  for (let start = 0; start < body.length; start += BLOCK_BYTES) {
    const block = body.subarray(start, start + BLOCK_BYTES);
    leaves.push({ cid: cidOfBlock(block, RAW), sizeBytes: block.length });
  }
  return cidOfBlock(encodeFileNode(leaves), DAG_PB);
}

export function cidOfBlock(block: Uint8Array, codec: Cid['codec']): Cid {
  return { codec, digest: createHash('sha256').update(block).digest() };
}
