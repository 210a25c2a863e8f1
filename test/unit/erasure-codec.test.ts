import { ReedSolomonErasure } from '@subspace/reed-solomon-erasure.wasm';
import { describe, expect, it } from 'vitest';
import { isValenceError } from '../../src/core/errors.ts';
import { SHARD_BYTES_MAX } from '../../src/core/limits.ts';
import { ErasureCodec, erasureCodec } from '../../src/format/erasure/codec.ts';
import { combination, combine } from '../../src/format/erasure/kernel.ts';

/** Reproducible bytes (xorshift32). */
function bytes(length: number, seed: number): Uint8Array {
  let state = seed | 1;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  });
}

/** Every way to choose `size` of the numbers below `n`. */
function* subsets(n: number, size: number, first = 0): Generator<number[]> {
  if (size === 0) yield [];
  for (let next = first; size > 0 && next <= n - size; next++) {
    for (const rest of subsets(n, size - 1, next + 1)) yield [next, ...rest];
  }
}

const without = (shards: readonly Uint8Array[], lost: readonly number[]): (Uint8Array | null)[] =>
  shards.map((shard, index) => (lost.includes(index) ? null : shard));
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const throwsCode = (run: () => unknown, code: 'internal/invariant' | 'integrity/too-few-shards'): void => {
  expect(run).toThrow(expect.toSatisfy((error) => isValenceError(error, code)));
};

describe('published vectors', () => {
  // JavaReedSolomon ReedSolomonTest.testOneEncode, klauspost/reedsolomon reedsolomon_test.go TestOneEncode
  it('5 + 5', () => {
    const shards = erasureCodec(5, 10).encode(Uint8Array.of(0, 1, 4, 5, 2, 3, 6, 7, 8, 9));
    expect(shards.slice(5).map((shard) => [...shard])).toEqual([
      [12, 13],
      [10, 11],
      [14, 15],
      [90, 91],
      [94, 95],
    ]);
  });

  // klauspost/reedsolomon galois_test.go testGalois: 34 bytes times a constant
  it.for([
    [25, '0019322b647d56fab86dc785c31f220725feda5d446f7639200b121108233a756c47'],
    [177, '00b17fcefe4f819e0306e875bd4036a395cb0cdd6ca21323925ced1baa64d5e5549a'],
  ] as const)('the kernel times %d', ([factor, expected]) => {
    const input = Uint8Array.of(
      0,
      1,
      2,
      3,
      4,
      5,
      6,
      10,
      50,
      100,
      150,
      174,
      201,
      255,
      99,
      32,
      67,
      85,
      200,
      199,
      198,
      197,
      196,
      195,
      194,
      193,
      192,
      191,
      190,
      189,
      188,
      187,
      186,
      185,
    );
    const output = new Uint8Array(input.length);
    combine(combination([Uint8Array.of(factor)]), [input], [output]);
    expect(Buffer.from(output).toString('hex')).toBe(expected);
  });
});

describe('the npm codec', async () => {
  const other = await ReedSolomonErasure.fromCurrentDirectory();
  const profiles = [
    [1, 2],
    [1, 5],
    [2, 3],
    [3, 5],
    [4, 6],
    [5, 9],
    [5, 10],
    [7, 15],
    [10, 15],
    [10, 14],
    [17, 20],
    [3, 200],
    [64, 128],
    [127, 255],
    [200, 255],
    [254, 255],
  ] as const;

  it.for(profiles)('agrees byte for byte at %d of %d', ([k, n]) => {
    for (const length of [1, 15, 16, 33, 1000]) {
      const data = bytes(k * length, k * 1000 + n + length);
      const stripe = new Uint8Array(n * length);
      stripe.set(data);
      expect(other.encode(stripe, k, n - k)).toBe(ReedSolomonErasure.RESULT_OK);
      expect(same(Buffer.concat(erasureCodec(k, n).encode(data)), stripe)).toBe(true);
    }
  });

  it('reads our shards, and we read its', () => {
    const [k, n, length] = [5, 9, 77];
    const data = bytes(k * length, 4);
    const shards = erasureCodec(k, n).encode(data);
    const kept = without(shards, [0, 2, 3, 7]);
    const stripe = Buffer.concat(kept.map((shard) => shard ?? new Uint8Array(length)));
    const available = kept.map((shard) => shard !== null);
    expect(other.reconstruct(stripe, k, n - k, available)).toBe(ReedSolomonErasure.RESULT_OK);
    expect(same(stripe.subarray(0, k * length), data)).toBe(true);
  });
});

describe('every erasure pattern', () => {
  it.for([
    [2, 3],
    [3, 5],
    [5, 9],
  ] as const)('of %d of %d gives back data and shards', ([k, n]) => {
    const data = bytes(k * 49, n);
    const codec = erasureCodec(k, n);
    const shards = codec.encode(data);
    let patterns = 0;
    for (let count = 0; count <= n - k; count++) {
      for (const lost of subsets(n, count)) {
        const kept = without(shards, lost);
        if (!same(codec.reconstruct(kept), data)) expect.fail(`reconstruct without ${lost.join()}`);
        const rebuilt = codec.rebuild(kept, lost);
        if (!rebuilt.every((shard, i) => same(shard, shards[lost[i]!]!))) expect.fail(`rebuild of ${lost.join()}`);
        patterns++;
      }
    }
    expect(patterns).toBe({ 3: 4, 5: 16, 9: 256 }[n]);
  });

  it.for([
    [2, 3],
    [3, 5],
    [5, 9],
  ] as const)('that leaves fewer than %d of %d is refused', ([k, n]) => {
    const codec = erasureCodec(k, n);
    const shards = codec.encode(bytes(k * 3, n));
    for (const lost of subsets(n, n - k + 1)) {
      throwsCode(() => codec.reconstruct(without(shards, lost)), 'integrity/too-few-shards');
      throwsCode(() => codec.rebuild(without(shards, lost), lost), 'integrity/too-few-shards');
    }
    throwsCode(() => codec.reconstruct(shards.map(() => null)), 'integrity/too-few-shards');
  });
});

describe('ErasureCodec', () => {
  it('says which shards it has when they are too few', () => {
    const shards = without(erasureCodec(3, 5).encode(bytes(30, 1)), [0, 2, 3]);
    expect(() => erasureCodec(3, 5).reconstruct(shards)).toThrow(
      expect.objectContaining({
        message: 'only 2 of the 3 shards needed are present',
        context: { present: [1, 4], needed: 3, total: 5 },
      }),
    );
  });

  it('makes plain copies for k = 1', () => {
    const data = bytes(100_001, 3);
    const shards = erasureCodec(1, 7).encode(data);
    expect(shards.every((shard) => same(shard, data))).toBe(true);
    expect(same(erasureCodec(1, 7).reconstruct(without(shards, [0, 1, 2, 3, 4, 5])), data)).toBe(true);
  });

  it('has no parity for k = n', () => {
    const data = bytes(12, 3);
    const shards = erasureCodec(4, 4).encode(data);
    expect(shards).toHaveLength(4);
    expect(same(erasureCodec(4, 4).reconstruct(shards), data)).toBe(true);
    throwsCode(() => erasureCodec(4, 4).reconstruct(without(shards, [1])), 'integrity/too-few-shards');
  });

  it.for([1, 31, 32, 33, 32_767, 32_768, 32_769, 100_000, SHARD_BYTES_MAX])('takes shards of %d bytes', (length) => {
    const codec = erasureCodec(3, 5);
    const data = Buffer.alloc(3 * length, bytes(997, length));
    const shards = codec.encode(data);
    expect(same(codec.reconstruct(without(shards, [0, 2])), data)).toBe(true);
    expect(same(codec.rebuild(without(shards, [1, 3]), [3])[0]!, shards[3]!)).toBe(true);
  });

  it('returns views of the data and of the parity it is given', () => {
    const data = bytes(15, 1);
    const parity = new Uint8Array(10);
    const shards = erasureCodec(3, 5).encode(data, parity);
    expect(shards.slice(0, 3).every((shard) => shard.buffer === data.buffer)).toBe(true);
    expect(shards.slice(3).every((shard) => shard.buffer === parity.buffer)).toBe(true);
    expect(
      erasureCodec(3, 5)
        .encode(data)
        .map((shard) => [...shard]),
    ).toEqual(shards.map((shard) => [...shard]));
  });

  it('rebuilds in the order asked for and passes present shards through', () => {
    const codec = erasureCodec(3, 5);
    const shards = codec.encode(bytes(33, 9));
    const rebuilt = codec.rebuild(without(shards, [1, 4]), [4, 2, 1]);
    expect(rebuilt.map((shard) => [...shard])).toEqual([4, 2, 1].map((index) => [...shards[index]!]));
    expect(rebuilt[1]).toBe(shards[2]);
    expect(codec.rebuild(shards, [])).toEqual([]);
  });

  it('leaves its inputs as they were', () => {
    const data = bytes(60, 2);
    const before = data.slice();
    const shards = erasureCodec(3, 5).encode(data);
    erasureCodec(3, 5).reconstruct(without(shards, [0]))[0] = 99;
    expect(same(data, before)).toBe(true);
  });

  it('refuses wrong lengths, counts and indices', () => {
    const codec = erasureCodec(3, 5);
    const shards = codec.encode(bytes(30, 1));
    const wrong: (() => unknown)[] = [
      () => codec.encode(new Uint8Array(0)),
      () => codec.encode(new Uint8Array(31)),
      () => codec.encode(new Uint8Array(3 * (SHARD_BYTES_MAX + 1))),
      () => codec.encode(new Uint8Array(30), new Uint8Array(19)),
      () => codec.reconstruct(shards.slice(0, 4)),
      () => codec.reconstruct([...shards, null]),
      () => codec.reconstruct(shards.map((shard, index) => (index === 4 ? shard.subarray(1) : shard))),
      () => codec.reconstruct(shards.map(() => new Uint8Array(0))),
      () => codec.rebuild(shards, [5]),
      () => codec.rebuild(shards, [-1]),
      () => codec.rebuild(without(shards, [1]), [1, 1]),
      () => new ErasureCodec(6, 5),
      () => erasureCodec(1, 256),
    ];
    for (const run of wrong) throwsCode(run, 'internal/invariant');
  });

  it('is kept for a (k, n)', () => {
    expect(erasureCodec(3, 5)).toBe(erasureCodec(3, 5));
    expect(erasureCodec(3, 5)).not.toBe(erasureCodec(3, 6));
  });
});
