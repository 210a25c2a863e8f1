import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyCollector, KeySet } from '../../src/vault/key-set.ts';
import { edgesAmong, startingWith } from '../../src/vault/wanted.ts';

const slow = process.env['SLOW'] === '1';
const runs = { seed: 73, numRuns: slow ? 2_000 : 200 };

/** Few different bytes, so that keys meet. */
const keyOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.array(fc.constantFrom(0, 1, 255), { minLength: length, maxLength: length }).map((bytes) => Uint8Array.from(bytes));
const keys = (length = 3): fc.Arbitrary<Uint8Array[]> => fc.array(keyOf(length), { maxLength: 30 });
const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');
const sorted = (given: readonly Uint8Array[]): string[] => [...new Set(given.map(hex))].toSorted();

describe('a set of keys', () => {
  it('holds each key once, in order, and finds it', () => {
    fc.assert(
      fc.property(keys(), keyOf(5), (given, other) => {
        const set = KeySet.of(given, 3);
        expect([...set].map(hex)).toEqual(sorted(given));
        expect(set.size).toBe(sorted(given).length);
        const part = hex(other).slice(2, 8);
        expect(set.has(other, 1)).toBe(sorted(given).includes(part));
        expect(set.indexFrom(other, 1)).toBe(sorted(given).filter((key) => key < part).length);
      }),
      runs,
    );
  });

  it('unites and subtracts', () => {
    fc.assert(
      fc.property(keys(), keys(), (a, b) => {
        const [left, right] = [KeySet.of(a, 3), KeySet.of(b, 3)];
        expect([...left.union(right)].map(hex)).toEqual(sorted([...a, ...b]));
        expect([...left.minus(right)].map(hex)).toEqual(sorted(a).filter((key) => !sorted(b).includes(key)));
      }),
      runs,
    );
  });

  it('takes many, most of them again and again', () => {
    const collector = new KeyCollector(4);
    const key = Buffer.alloc(8);
    for (let i = 0; i < 20_000; i += 1) {
      key.writeUInt32BE((i * 7919) % 1000, 4);
      collector.add(key, 4);
    }
    const set = collector.finish();
    expect(set.size).toBe(1000);
    expect([...set].map((bytes) => Buffer.from(bytes).readUInt32BE(0))).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    );
  });
});

describe('what is wanted', () => {
  const between = (all: readonly Uint8Array[], after: Uint8Array | null, upTo: Uint8Array): Uint8Array[] =>
    all.filter((key) => (after === null || Buffer.compare(after, key) < 0) && Buffer.compare(key, upTo) <= 0);
  /** Every key of five such bytes. */
  const all = Array.from({ length: 3 ** 5 }, (_, i) =>
    Uint8Array.from([81, 27, 9, 3, 1].map((d) => [0, 1, 255][Math.floor(i / d) % 3]!)),
  );

  it('may lie in a range exactly if a key with its prefix does', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 3, 5), fc.infiniteStream(keyOf(5)), fc.boolean(), (length, stream, atFirst) => {
        const [a, b, ...given] = [...stream.take(6)] as [Uint8Array, Uint8Array, ...Uint8Array[]];
        const prefixes = given.map((key) => key.subarray(0, length));
        const wanted = startingWith(KeySet.of(prefixes, length));
        const [low, upTo] = Buffer.compare(a, b) <= 0 ? [a, b] : [b, a];
        const after = atFirst ? null : low;
        const isWanted = (key: Uint8Array): boolean =>
          prefixes.some((prefix) => Buffer.compare(prefix, key.subarray(0, length)) === 0);
        const expected = between(all, after, upTo).some(isWanted);
        // A prefix that the key before ends with leaves it open whether more of it follow.
        const isOpen = after !== null && length < 5 && isWanted(after);
        if (!isOpen) expect(wanted.mayLieIn(after, upTo)).toBe(expected);
        if (expected) expect(wanted.mayLieIn(after, upTo)).toBe(true);
        for (const key of all.slice(0, 40)) expect(wanted.has(key)).toBe(isWanted(key));
      }),
      runs,
    );
  });

  const ids = Array.from({ length: 6 }, (_, i) => Buffer.alloc(16, i * 40));
  const types = ['contradicts', 'supports'].map((type) =>
    Buffer.concat([Buffer.from(type), Buffer.alloc(16 - type.length)]),
  );
  const edges = ids.flatMap((source) =>
    types.flatMap((type) =>
      ids
        .filter((target) => target !== source)
        .map((target) => Buffer.concat([source, type, target, Buffer.alloc(16, 7)])),
    ),
  );

  it('never misses an edge between two ids', () => {
    fc.assert(
      fc.property(fc.subarray(ids), fc.nat(edges.length - 1), fc.nat(edges.length - 1), (some, i, j) => {
        const wanted = edgesAmong(KeySet.of(some, 16));
        const [after, upTo] = [i < 5 ? null : edges[Math.min(i, j)]!, edges[Math.max(i, j)]!];
        const isWanted = (key: Uint8Array): boolean =>
          [key.subarray(0, 16), key.subarray(32, 48)].every((end) => some.some((id) => Buffer.compare(id, end) === 0));
        expect(edges.every((key) => wanted.has(key) === isWanted(key))).toBe(true);
        if (between(edges, after, upTo).some(isWanted)) expect(wanted.mayLieIn(after, upTo)).toBe(true);
      }),
      runs,
    );
  });

  it('passes by the edges of a belief to others, and everything where nothing is wanted', () => {
    const [one, two, three, four] = ids as [Buffer, Buffer, Buffer, Buffer];
    const edge = (source: Buffer, target: Buffer): Buffer =>
      Buffer.concat([source, types[0]!, target, Buffer.alloc(16)]);
    const wanted = edgesAmong(KeySet.of([two, four], 16));
    expect(wanted.mayLieIn(edge(two, three), edge(two, three))).toBe(false);
    expect(wanted.mayLieIn(edge(two, three), edge(two, four))).toBe(true);
    expect(wanted.mayLieIn(edge(three, one), edge(three, four))).toBe(false);
    expect(edgesAmong(KeySet.of([], 16)).mayLieIn(null, edge(two, three))).toBe(false);
  });
});
