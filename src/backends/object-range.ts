import { ValenceError, invariant } from '../core/errors.ts';
import type { GetOptions } from './backend.ts';

/** Which bytes of an object a `get` asks for. */

const MIB = 1024 * 1024;
/** A guard for the reader's memory against a file that is not ours; the largest object, a manifest, stays below (FORMAT.md §11). */
export const OBJECT_BYTES_MAX: number = 16 * MIB;

/** @throws `internal/invariant` unless it is a range of whole bytes */
export function checkRange(range: GetOptions['range']): void {
  if (range === undefined) return;
  const { offset, length } = range;
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  invariant(whole && offset >= 0 && length >= 0, `not a range: ${offset}, ${length}`);
}

/**
 * The range within an object of `sizeBytes`; all of it where none is given.
 * @throws `backend/invalid-range` past the end; `backend/unavailable` where it is too large to be an object of ours
 */
export function rangeWithin(range: GetOptions['range'], sizeBytes: number): { offset: number; length: number } {
  const { offset, length } = range ?? { offset: 0, length: sizeBytes };
  if (offset + length > sizeBytes) {
    throw new ValenceError('backend/invalid-range', `bytes ${offset} to ${offset + length} of ${sizeBytes}`, {
      context: { offset, length, sizeBytes },
    });
  }
  if (length > OBJECT_BYTES_MAX) {
    throw new ValenceError('backend/unavailable', `object of ${sizeBytes} bytes is too large to be one of ours`);
  }
  return { offset, length };
}
