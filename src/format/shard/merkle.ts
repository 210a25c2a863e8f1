import { ByteWriter } from '../../core/bytes.ts';
import { sha256 } from './name.ts';

/** The commitment by which a stored shard is audited without reading all of it. FORMAT.md §6.5. */

export const MERKLE_LEAF_BYTES = 4096;
/** One audited range: 16 leaves, whose subtree root the index keeps. */
export const MERKLE_GROUP_BYTES: number = 64 * 1024;

const LEAF_TAG = 0x00;
const NODE_TAG = 0x01;
const ROOT_TAG = 0x02;

export interface ShardCommitment {
  /** Binds the length and the top of the tree. */
  readonly root: Uint8Array;
  /** The subtree root of every 64 KiB, in order; the last group may be shorter. */
  readonly groups: readonly Uint8Array[];
}

/** Commits to the stored bytes of a shard. `bytes` must not be empty. */
export function commitShard(bytes: Uint8Array): ShardCommitment {
  const groups: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; offset += MERKLE_GROUP_BYTES) {
    groups.push(groupRoot(bytes.subarray(offset, offset + MERKLE_GROUP_BYTES)));
  }
  return { root: shardRoot(bytes.length, groups), groups };
}

/** The subtree root of one group of at most 64 KiB; what a ranged audit recomputes. */
export function groupRoot(group: Uint8Array): Uint8Array {
  return top(leafHashes(group));
}

/** The shard's root from its length and group roots. Groups hold a power of two leaves, so the tree's shape is one. */
export function shardRoot(length: number, groups: readonly Uint8Array[]): Uint8Array {
  return sha256(new ByteWriter(41).u8(ROOT_TAG).u64(length).bytes(top(groups)).finish());
}

function leafHashes(bytes: Uint8Array): Uint8Array[] {
  const tagged = Buffer.alloc(1 + MERKLE_LEAF_BYTES);
  tagged[0] = LEAF_TAG;
  const hashes: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; offset += MERKLE_LEAF_BYTES) {
    const leaf = bytes.subarray(offset, offset + MERKLE_LEAF_BYTES);
    tagged.set(leaf, 1);
    tagged.fill(0, 1 + leaf.length);
    hashes.push(sha256(tagged));
  }
  return hashes;
}

/** Pairs neighbours level by level; an odd last one rises unchanged. */
function top(hashes: readonly Uint8Array[]): Uint8Array {
  let level = hashes;
  const pair = Buffer.alloc(65);
  pair[0] = NODE_TAG;
  while (level.length > 1) {
    const next: Uint8Array[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) {
      pair.set(level[i]!, 1);
      pair.set(level[i + 1]!, 33);
      next.push(sha256(pair));
    }
    if (level.length % 2 === 1) next.push(level[level.length - 1]!);
    level = next;
  }
  return level[0]!;
}
