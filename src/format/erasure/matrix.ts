import { invariant } from '../../core/errors.ts';
import { inverse, multiply, power } from './field.ts';

/** Rows of elements of GF(2^8), all of one length. */
export type Matrix = readonly Uint8Array[];

/**
 * The n x k matrix that makes n shards of k data shards: V times the inverse of the top k x k square of V, where
 * V[r][c] = r^c with 0^0 = 1. Its top square is the identity (data shards are the data), and any k of its rows are
 * independent, because any k rows of a Vandermonde matrix with distinct bases are. With k = 1 every entry is 1.
 * The matrix of klauspost/reedsolomon, Backblaze JavaReedSolomon and the Rust crate reed-solomon-erasure.
 * @throws `internal/invariant` unless 1 <= k <= n <= 255
 */
export function systematicMatrix(k: number, n: number): Matrix {
  invariant(Number.isInteger(k) && Number.isInteger(n), 'k and n must be integers');
  invariant(k >= 1 && k <= n && n <= 255, `erasure code must have 1 <= k <= n <= 255, not ${k} of ${n}`);
  const vandermonde = Array.from({ length: n }, (_, r) => Uint8Array.from({ length: k }, (_, c) => power(r, c)));
  return multiplyMatrices(vandermonde, invertMatrix(vandermonde.slice(0, k)));
}

/** The product a * b. @throws `internal/invariant` unless a row of `a` is as long as `b` has rows */
export function multiplyMatrices(a: Matrix, b: Matrix): Matrix {
  return a.map((row) => {
    invariant(row.length === b.length, 'matrices do not fit together');
    const product = new Uint8Array(b[0]?.length ?? 0);
    for (const [index, factor] of row.entries()) addMultiple(product, b[index]!, factor);
    return product;
  });
}

/** Gauss-Jordan elimination. @throws `internal/invariant` for a matrix that is not square or not invertible */
export function invertMatrix(matrix: Matrix): Matrix {
  const size = matrix.length;
  const left = matrix.map((row) => row.slice());
  const right = matrix.map((_, r) => Uint8Array.from({ length: size }, (_, c) => (r === c ? 1 : 0)));
  for (let column = 0; column < size; column++) {
    const pivot = left.findIndex((row, r) => r >= column && row[column] !== 0);
    invariant(pivot >= 0, 'matrix is not invertible');
    swapRows(left, column, pivot);
    swapRows(right, column, pivot);
    const scale = inverse(left[column]![column]!);
    scaleRow(left[column]!, scale);
    scaleRow(right[column]!, scale);
    for (let r = 0; r < size; r++) {
      if (r === column) continue;
      const factor = left[r]![column]!;
      addMultiple(left[r]!, left[column]!, factor);
      addMultiple(right[r]!, right[column]!, factor);
    }
  }
  return right;
}

function swapRows(rows: Uint8Array[], a: number, b: number): void {
  [rows[a], rows[b]] = [rows[b]!, rows[a]!];
}

function scaleRow(row: Uint8Array, factor: number): void {
  for (let c = 0; c < row.length; c++) row[c] = multiply(row[c]!, factor);
}

/** target += factor * source */
function addMultiple(target: Uint8Array, source: Uint8Array, factor: number): void {
  if (factor === 0) return;
  for (let c = 0; c < target.length; c++) target[c] = target[c]! ^ multiply(source[c]!, factor);
}
