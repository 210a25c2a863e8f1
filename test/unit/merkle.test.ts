import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import {
  commitShard,
  groupRoot,
  MERKLE_GROUP_BYTES,
  MERKLE_LEAF_BYTES,
  shardRoot,
} from '../../src/format/shard/merkle.ts';
import { shardObjectName } from '../../src/format/shard/name.ts';
import { filler } from '../support/tree-fixture.ts';
import { EVERY_BIT } from './keys-fixture.ts';

const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const leaf = (bytes: Uint8Array): Buffer => sha256(Buffer.of(0), bytes, Buffer.alloc(MERKLE_LEAF_BYTES - bytes.length));
const node = (left: Uint8Array, right: Uint8Array): Buffer => sha256(Buffer.of(1), left, right);
const root = (length: number, top: Uint8Array): string => {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(length));
  return sha256(Buffer.of(2), size, top).toString('hex');
};

/** One tree over all leaves, as FORMAT.md §6.5 says it: nothing of groups. */
function topOf(bytes: Uint8Array): Buffer {
  let level: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += MERKLE_LEAF_BYTES)
    level.push(leaf(bytes.subarray(at, at + MERKLE_LEAF_BYTES)));
  while (level.length > 1) {
    const pairs = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) => level.slice(2 * i, 2 * i + 2));
    level = pairs.map(([left, right]) => (right === undefined ? left! : node(left!, right)));
  }
  return level[0]!;
}

describe('the commitment to a shard', () => {
  const bytes = filler('shard', 3 * MERKLE_LEAF_BYTES + 5);
  const part = (i: number): Uint8Array => bytes.subarray(i * MERKLE_LEAF_BYTES, (i + 1) * MERKLE_LEAF_BYTES);

  test('by hand: one byte, one leaf, two leaves, three, and a bit more', () => {
    const one = bytes.subarray(0, 1);
    expect(toHex(commitShard(one).root)).toBe(root(1, leaf(one)));
    expect(toHex(commitShard(part(0)).root)).toBe(root(4096, leaf(part(0))));
    const two = node(leaf(part(0)), leaf(part(1)));
    expect(toHex(commitShard(bytes.subarray(0, 8192)).root)).toBe(root(8192, two));
    expect(toHex(commitShard(bytes.subarray(0, 12_288)).root)).toBe(root(12_288, node(two, leaf(part(2)))));
    expect(toHex(commitShard(bytes).root)).toBe(root(bytes.length, node(two, node(leaf(part(2)), leaf(part(3))))));
  });

  test('the hash of a known shard', () => {
    // SHA-256(0x00 ‖ 4096 zeros), then SHA-256(0x02 ‖ u64(4096) ‖ that), by sha256sum.
    expect(toHex(commitShard(Buffer.alloc(4096)).groups[0]!)).toBe(
      'b587fa297299ce9c602e58292b51379402bf7b1074f6b18679c2fb871c917ca8',
    );
    expect(toHex(commitShard(Buffer.alloc(4096)).root)).toBe(
      '536ad6f32247df6383fed32374849bda3bca107cb7a30ad1d0407cf220705e57',
    );
  });

  test.for([1, 4096, 4097, 65_535, 65_536, 65_537, 131_072, 3 * 65_536 - 4096, 5 * 65_536, 5 * 65_536 + 1, 1_048_576])(
    'over %d bytes: groups and root are those of one tree',
    (length) => {
      const shard = filler('shard', length);
      const { root: committed, groups } = commitShard(shard);
      expect(toHex(committed)).toBe(root(length, topOf(shard)));
      expect(groups).toHaveLength(Math.ceil(length / MERKLE_GROUP_BYTES));
      for (const [i, group] of groups.entries()) {
        const range = shard.subarray(i * MERKLE_GROUP_BYTES, (i + 1) * MERKLE_GROUP_BYTES);
        expect(toHex(group)).toBe(toHex(groupRoot(range)));
        expect(toHex(group)).toBe(topOf(range).toString('hex'));
      }
      expect(toHex(shardRoot(length, groups))).toBe(toHex(committed));
    },
  );

  it('changes with any byte', () => {
    const shard = Buffer.from(filler('shard', 70_000));
    const before = commitShard(shard);
    for (let at = 0; at < shard.length; at += EVERY_BIT ? 1 : 641) {
      shard[at]! ^= 1 << (at % 8);
      const after = commitShard(shard);
      expect(toHex(after.root)).not.toBe(toHex(before.root));
      const changed = after.groups.map((group, i) => toHex(group) !== toHex(before.groups[i]!));
      expect(changed).toEqual([at < MERKLE_GROUP_BYTES, at >= MERKLE_GROUP_BYTES]);
      shard[at]! ^= 1 << (at % 8);
    }
  });

  it('tells zeros at the end from padding', () => {
    const roots = [4000, 4095, 4096].map((length) => toHex(commitShard(Buffer.alloc(length)).root));
    expect(new Set(roots).size).toBe(3);
  });

  it('tells two leaves from the node above them', () => {
    const pair = Buffer.concat([leaf(part(0)), leaf(part(1))]);
    expect(toHex(groupRoot(pair))).not.toBe(toHex(groupRoot(bytes.subarray(0, 8192))));
  });
});

test('a shard lies under its digest', () => {
  expect(shardObjectName(Buffer.alloc(32, 0xab))).toBe(`shards/ab/${'ab'.repeat(32)}`);
});
