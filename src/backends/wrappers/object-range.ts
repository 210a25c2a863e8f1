import type { GetOptions } from '../backend.ts';
import type { FailedCall } from '../backend-error.ts';
import { backendError } from '../backend-error.ts';
import { checkRange } from '../object-range.ts';

/** What `get` gives of an object that is in memory: a copy. @throws `backend/invalid-range` */
export function objectRange(object: Uint8Array, range: GetOptions['range'], call: FailedCall): Uint8Array {
  const { offset, length } = range ?? { offset: 0, length: object.length };
  checkRange(range);
  if (offset + length <= object.length) return Uint8Array.from(object.subarray(offset, offset + length));
  const reason = `bytes ${offset} to ${offset + length} of ${object.length}`;
  throw backendError('backend/invalid-range', call, reason, { context: { offset, length, sizeBytes: object.length } });
}
