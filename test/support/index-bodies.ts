import fc from 'fast-check';
import { toHex } from '../../src/core/bytes.ts';
import type { IndexedStripe, InlinePack, SegmentBody } from '../../src/format/index/segment-body.ts';
import { filler } from './tree-fixture.ts';

/** Segments of any kind, also such as no writer makes: few names, each placed and dropped in any number of places. */

const NAMES = 12;

export function nameOf(number: number): Uint8Array {
  return filler(`chunk ${number}`, 32);
}

/** Names that segments may speak of, and one of which none does. */
export const ALL_NAMES: readonly Uint8Array[] = Array.from({ length: NAMES + 1 }, (_, i) => nameOf(i));

const number: fc.Arbitrary<number> = fc.nat(NAMES - 1);
const chunks: fc.Arbitrary<number[]> = fc.array(number, { minLength: 1, maxLength: 4 });

/** The same chunks make the same pack, as when a stripe is listed again. */
export function stripeOf(numbers: readonly number[], shardCount = 3): IndexedStripe {
  const id = numbers.join(' ');
  const packLength = numbers.reduce((sum, each) => sum + each + 1, 0);
  return {
    geometry: { code: 1, k: 2, n: 3, shardLength: 70_000, packLength, packDigest: filler(`pack ${id}`, 32) },
    shards: Array.from({ length: shardCount }, (_, index) => ({
      index,
      holder: filler(`holder ${index}`, 16),
      epoch: index,
      name: filler(`shard ${index} of ${id}`, 32),
      root: filler(`root ${index} of ${id}`, 32),
      groups: [0, 1].map((group) => filler(`group ${group} of ${index} of ${id}`, 32)),
    })),
    chunks: numbers.map((each) => ({ name: nameOf(each), length: each + 1 })),
  };
}

function inlineOf(numbers: readonly number[]): InlinePack {
  const length = numbers.reduce((sum, each) => sum + each + 1, 0);
  const listed = numbers.map((each) => ({ name: nameOf(each), length: each + 1 }));
  return { bytes: filler(`inline ${numbers.join(' ')}`, length), chunks: listed };
}

export const segmentBody: fc.Arbitrary<SegmentBody> = fc.record({
  stripes: fc.array(
    fc.tuple(chunks, fc.nat(3)).map(([numbers, shards]) => stripeOf(numbers, shards)),
    { maxLength: 4 },
  ),
  inline: fc.array(chunks.map(inlineOf), { maxLength: 2 }),
  dropped: fc.array(number.map(nameOf), { maxLength: 5 }),
});

/** By the letter of F-7.4.2: the stripes with a chunk that no segment drops. */
export function liveStripesOf(bodies: readonly SegmentBody[]): IndexedStripe[] {
  const dropped = new Set(bodies.flatMap((body) => body.dropped.map(toHex)));
  const stripes = bodies.flatMap((body) => body.stripes);
  return stripes.filter((stripe) => stripe.chunks.some(({ name }) => !dropped.has(toHex(name))));
}
