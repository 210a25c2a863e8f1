import { invariant } from '../../core/errors.ts';

/**
 * The field GF(2^8) = GF(2)[x] / (x^8 + x^4 + x^3 + x^2 + 1), that is 0x11d, with generator x = 2. An element is a
 * byte; addition and subtraction are XOR.
 */
const POLYNOMIAL = 0x11d;
const ORDER = 255;

/** EXP[i] = 2^i, repeated so that a sum of two logarithms needs no reduction. */
const EXP = new Uint8Array(2 * ORDER);
/** LOG[2^i] = i; zero has no logarithm. */
const LOG = new Uint8Array(ORDER + 1);

for (let exponent = 0, value = 1; exponent < ORDER; exponent++) {
  EXP[exponent] = value;
  EXP[exponent + ORDER] = value;
  LOG[value] = exponent;
  value <<= 1;
  if (value > ORDER) value ^= POLYNOMIAL;
}

/** The product of two elements of GF(2^8). */
export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : EXP[LOG[a]! + LOG[b]!]!;
}

/** The element whose product with `a` is 1. @throws `internal/invariant` for zero */
export function inverse(a: number): number {
  invariant(a !== 0, 'zero has no inverse in GF(2^8)');
  return EXP[ORDER - LOG[a]!]!;
}

/** `base` to the power of a non-negative integer, with 0^0 = 1. */
export function power(base: number, exponent: number): number {
  if (exponent === 0) return 1;
  return base === 0 ? 0 : EXP[(LOG[base]! * exponent) % ORDER]!;
}
