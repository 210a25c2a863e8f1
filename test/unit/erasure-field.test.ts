import { describe, expect, it } from 'vitest';
import { isValenceError } from '../../src/core/errors.ts';
import { inverse, multiply, power } from '../../src/format/erasure/field.ts';
import { invertMatrix, multiplyMatrices, systematicMatrix } from '../../src/format/erasure/matrix.ts';

const ELEMENTS = Array.from({ length: 256 }, (_, element) => element);
const matrix = (rows: number[][]): Uint8Array[] => rows.map((row) => Uint8Array.from(row));
const plain = (rows: readonly Uint8Array[]): number[][] => rows.map((row) => [...row]);
const throwsInvariant = (run: () => unknown): void => {
  expect(run).toThrow(expect.toSatisfy((error) => isValenceError(error, 'internal/invariant')));
};

/** Schoolbook: shift and add, reduced by the polynomial bit by bit. */
function slowMultiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product <<= 1;
    if (product & 0x100) product ^= 0x11d;
    if ((b >> bit) & 1) product ^= a;
  }
  return product;
}

describe('GF(2^8)', () => {
  it('multiplies as polynomials modulo 0x11d', () => {
    const wrong = ELEMENTS.flatMap((a) => ELEMENTS.filter((b) => multiply(a, b) !== slowMultiply(a, b)));
    expect(wrong).toEqual([]);
  });

  it('is a field', () => {
    for (const a of ELEMENTS) {
      expect(multiply(a, 1)).toBe(a);
      expect(multiply(a, 0)).toBe(0);
      if (a !== 0) expect(multiply(a, inverse(a))).toBe(1);
    }
    let failures = 0;
    for (const a of ELEMENTS) {
      for (const b of ELEMENTS) {
        if (multiply(a, b) !== multiply(b, a)) failures++;
        for (let c = 0; c < 256; c += 5) {
          if (multiply(a, multiply(b, c)) !== multiply(multiply(a, b), c)) failures++;
          if (multiply(a, b ^ c) !== (multiply(a, b) ^ multiply(a, c))) failures++;
        }
      }
    }
    expect(failures).toBe(0);
  });

  it('raises to powers by repeated multiplication, with 0^0 = 1', () => {
    for (const a of ELEMENTS) {
      let expected = 1;
      for (let exponent = 0; exponent < 256; exponent++) {
        if (power(a, exponent) !== expected) expect.fail(`${a}^${exponent}`);
        expected = multiply(expected, a);
      }
    }
  });

  it('has no inverse of zero', () => {
    throwsInvariant(() => inverse(0));
  });

  // JavaReedSolomon GaloisTest.testWithPythonAnswers, klauspost/reedsolomon galois_test.go testGalois
  it('gives the published products and powers', () => {
    expect([multiply(3, 4), multiply(7, 7), multiply(23, 45)]).toEqual([12, 21, 41]);
    expect([power(2, 2), power(5, 20), power(13, 7)]).toEqual([4, 235, 43]);
  });
});

// JavaReedSolomon MatrixTest, klauspost/reedsolomon matrix_test.go
describe('matrices', () => {
  it('multiply as published', () => {
    expect(
      plain(
        multiplyMatrices(
          matrix([
            [1, 2],
            [3, 4],
          ]),
          matrix([
            [5, 6],
            [7, 8],
          ]),
        ),
      ),
    ).toEqual([
      [11, 22],
      [19, 42],
    ]);
  });

  it('invert as published', () => {
    expect(
      plain(
        invertMatrix(
          matrix([
            [56, 23, 98],
            [3, 100, 200],
            [45, 201, 123],
          ]),
        ),
      ),
    ).toEqual([
      [175, 133, 33],
      [130, 13, 245],
      [112, 35, 126],
    ]);
    const shuffled = [
      [1, 0, 0, 0, 0],
      [0, 1, 0, 0, 0],
      [0, 0, 0, 1, 0],
      [0, 0, 0, 0, 1],
      [7, 7, 6, 6, 1],
    ];
    expect(plain(invertMatrix(matrix(shuffled)))).toEqual([
      [1, 0, 0, 0, 0],
      [0, 1, 0, 0, 0],
      [123, 123, 1, 122, 122],
      [0, 0, 1, 0, 0],
      [0, 0, 0, 1, 0],
    ]);
  });

  it('refuse a singular matrix and sizes that do not fit', () => {
    throwsInvariant(() =>
      invertMatrix(
        matrix([
          [1, 2],
          [1, 2],
        ]),
      ),
    );
    throwsInvariant(() => multiplyMatrices(matrix([[1, 2]]), matrix([[1]])));
  });

  it('of the code have the identity on top, and only ones for k = 1', () => {
    const rows = systematicMatrix(5, 9);
    expect(plain(rows.slice(0, 5))).toEqual([0, 1, 2, 3, 4].map((r) => [0, 1, 2, 3, 4].map((c) => (r === c ? 1 : 0))));
    expect(plain(systematicMatrix(1, 255)).every((row) => row.length === 1 && row[0] === 1)).toBe(true);
  });

  it('of the code exist for 1 <= k <= n <= 255 only', () => {
    for (const [k, n] of [
      [0, 1],
      [1, 0],
      [4, 3],
      [1, 256],
      [1.5, 3],
      [2, Number.NaN],
    ] as const) {
      throwsInvariant(() => systematicMatrix(k, n));
    }
    expect(systematicMatrix(255, 255)).toHaveLength(255);
  });
});
