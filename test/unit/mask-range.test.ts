import { expect, it, test } from 'vitest';
import { SHARD_BYTES_MAX } from '../../src/core/limits.ts';
import { maskShard, maskShardRange } from '../../src/format/sealing/stripe.ts';
import type { MaskContext } from '../../src/format/sealing/stripe.ts';
import { filler } from '../support/tree-fixture.ts';

const KEY = filler('mask key', 32);
const CONTEXT: MaskContext = { stripeId: filler('stripe', 32), index: 2, holder: filler('holder', 16), epoch: 3 };
const SHARD = filler('shard', SHARD_BYTES_MAX);
const MASKED = maskShard(KEY, CONTEXT, SHARD);

test.for([
  [0, 0],
  [0, 1],
  [0, SHARD_BYTES_MAX],
  [1, 15],
  [15, 2],
  [16, 16],
  [17, 4_096],
  [4_095, 100_000],
  // Block numbers of one, two and more than two bytes.
  [255 * 16 + 7, 40],
  [65_535 * 16, 16],
  [SHARD_BYTES_MAX - 1, 1],
] as const)('the mask of a shard comes off from byte %d for %d bytes', ([offset, length]) => {
  const range = MASKED.subarray(offset, offset + length);
  const before = Uint8Array.from(range);
  const bytes = maskShardRange(KEY, CONTEXT, offset, range);
  expect(Buffer.compare(bytes, SHARD.subarray(offset, offset + length))).toBe(0);
  expect(Buffer.compare(range, before)).toBe(0);
});

it('needs the whole context', () => {
  const range = MASKED.subarray(100, 200);
  for (const other of [
    { index: 1 },
    { epoch: 4 },
    { holder: filler('other', 16) },
    { stripeId: filler('other', 32) },
  ]) {
    const bytes = maskShardRange(KEY, { ...CONTEXT, ...other }, 100, range);
    expect(Buffer.compare(bytes, SHARD.subarray(100, 200))).not.toBe(0);
  }
});
