import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isValenceError } from '../../src/core/errors.ts';
import { erasureCodec } from '../../src/format/erasure/codec.ts';

const SEED = 0x11d;

/** A second opinion that shares no code with ours: no tables, no SIMD, decoding by interpolation. */
const reference = {
  multiply(a: number, b: number): number {
    let product = 0;
    for (let left = a, right = b; right > 0; right >>= 1) {
      if (right & 1) product ^= left;
      left = left & 0x80 ? (left << 1) ^ 0x11d : left << 1;
    }
    return product;
  },

  divide(a: number, b: number): number {
    let inverse = 1;
    for (let i = 0; i < 254; i++) inverse = this.multiply(inverse, b);
    return this.multiply(a, inverse);
  },

  /**
   * The weights with which the values of a polynomial of degree below k at `points` give its value at `at`. Shard r is
   * the value at r of the polynomial through the data at 0 to k - 1, which is what V times the inverse of its top says.
   */
  weights(points: readonly number[], at: number): number[] {
    return points.map((point) => {
      let weight = 1;
      for (const next of points) {
        if (next !== point) weight = this.divide(this.multiply(weight, at ^ next), point ^ next);
      }
      return weight;
    });
  },

  shard(sources: ReadonlyMap<number, Uint8Array>, at: number): Uint8Array {
    const weights = this.weights([...sources.keys()], at);
    const values = [...sources.values()];
    return Uint8Array.from(values[0]!, (_, i) =>
      values.reduce((sum, value, source) => sum ^ this.multiply(weights[source]!, value[i]!), 0),
    );
  },
};

interface Case {
  readonly k: number;
  readonly n: number;
  readonly data: Uint8Array;
  /** All indices in random order: a prefix is a random choice. */
  readonly order: readonly number[];
}

function cases(nMax: number, lengthMax: number): fc.Arbitrary<Case> {
  return fc
    .tuple(fc.integer({ min: 1, max: nMax }), fc.integer({ min: 1, max: nMax }), fc.integer({ min: 1, max: lengthMax }))
    .chain(([a, b, length]) => {
      const [k, n] = [Math.min(a, b), Math.max(a, b)];
      const indices = Array.from({ length: n }, (_, index) => index);
      return fc.record({
        k: fc.constant(k),
        n: fc.constant(n),
        data: fc.uint8Array({ minLength: k * length, maxLength: k * length }),
        order: fc.shuffledSubarray(indices, { minLength: n, maxLength: n }),
      });
    });
}

const keepOnly = (shards: readonly Uint8Array[], kept: readonly number[]): (Uint8Array | null)[] =>
  shards.map((shard, index) => (kept.includes(index) ? shard : null));
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function checkAnyChoice({ k, n, data, order }: Case): void {
  const codec = erasureCodec(k, n);
  const shards = codec.encode(data);
  const kept = keepOnly(shards, order.slice(0, k));
  expect(same(codec.reconstruct(kept), data)).toBe(true);
  const wanted = order.slice(k);
  const rebuilt = codec.rebuild(kept, wanted);
  expect(rebuilt.every((shard, i) => same(shard, shards[wanted[i]!]!))).toBe(true);
}

it('any k of n shards give back the data and every other shard', () => {
  fc.assert(fc.property(cases(24, 100), checkAnyChoice), { seed: SEED, numRuns: 300 });
});

it('any k of n shards give back the data, n to 255', () => {
  fc.assert(fc.property(cases(255, 40), checkAnyChoice), { seed: SEED, numRuns: 25 });
});

it.for([
  [2, 3],
  [7, 15],
  [10, 15],
] as const)('patterns of the profile %d of %d', ([k, n]) => {
  const indices = Array.from({ length: n }, (_, index) => index);
  const data = Uint8Array.from({ length: k * 37 }, (_, i) => (i * 167 + (i >> 3)) & 0xff);
  fc.assert(
    fc.property(fc.shuffledSubarray(indices, { minLength: n, maxLength: n }), (order) => {
      checkAnyChoice({ k, n, data, order });
    }),
    { seed: SEED, numRuns: 200 },
  );
});

it('fewer than k shards are refused', () => {
  const run = ({ k, n, data, order }: Case, share: number): void => {
    const codec = erasureCodec(k, n);
    const kept = keepOnly(codec.encode(data), order.slice(0, Math.floor(share * k)));
    const tooFew = expect.toSatisfy((error) => isValenceError(error, 'integrity/too-few-shards'));
    expect(() => codec.reconstruct(kept)).toThrow(tooFew);
    expect(() => codec.rebuild(kept, order.slice(-1))).toThrow(tooFew);
  };
  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(cases(40, 8), share, run), { seed: SEED, numRuns: 200 });
});

it('encodes and decodes as interpolation of polynomials does', () => {
  const run = ({ k, n, data, order }: Case): void => {
    const codec = erasureCodec(k, n);
    const shards = codec.encode(data);
    const dataShards = new Map(shards.slice(0, k).entries());
    const expected = shards.map((_, index) => reference.shard(dataShards, index));
    expect(shards.every((shard, index) => same(shard, expected[index]!))).toBe(true);
    const kept = new Map(order.slice(0, k).map((index) => [index, shards[index]!]));
    const decoded = codec.reconstruct(keepOnly(shards, [...kept.keys()]));
    const decodedByReference = shards.slice(0, k).map((_, index) => reference.shard(kept, index));
    expect(same(decoded, Buffer.concat(decodedByReference))).toBe(true);
  };
  fc.assert(fc.property(cases(20, 40), run), { seed: SEED, numRuns: 60 });
});
