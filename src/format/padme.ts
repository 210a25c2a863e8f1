import { invariant } from '../core/errors.ts';

/**
 * The length that `length` bytes are padded to, so that a size tells an observer O(log log n) bits instead of O(log n)
 * and grows by at most 12 %. Padmé: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication
 * with PURBs", PoPETs 2019, algorithm 1: with E = ⌊log2 length⌋ and S = ⌊log2 E⌋ + 1, the last E − S bits are rounded
 * up to zero. Lengths 0 and 1 stay. Idempotent and monotonic. `length` is at most 2^52.
 */
export function padmeLength(length: number): number {
  invariant(Number.isSafeInteger(length) && length >= 0 && length <= 2 ** 52, 'padded length out of range');
  if (length < 2) return length;
  const exponent = floorLog2(length);
  const granule = 2 ** (exponent - floorLog2(exponent) - 1);
  return Math.ceil(length / granule) * granule;
}

/** Exact: counts binary digits, where `Math.log2` rounds up just below large powers of two. */
function floorLog2(value: number): number {
  return value.toString(2).length - 1;
}
