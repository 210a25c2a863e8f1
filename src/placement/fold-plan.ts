import { SEGMENT_BYTES_AIM } from '../core/limits.ts';

/** Which index segments a run writes again as one. Pure arithmetic on their sizes; decision 0011. */

/** A segment of this size stays as it is: to write it again would save few objects and cost many bytes. */
export const SETTLED_SEGMENT_BYTES: number = SEGMENT_BYTES_AIM / 2;

/**
 * The first of the listed segments to be merged with all after it and with this run's own; null: none. `sizes`: bytes of the
 * listed segments as objects, oldest first; `newest`: those of the run's own, not written yet.
 *
 * The longest suffix is chosen whose oldest segment is no larger than all after it together. So each segment that stays listed
 * before a merged one is larger than all after it, which makes them log₂ of their bytes in number; and a byte that is written
 * again then lies in a segment at least twice as large as before, which happens to it log₂ times. (Asking only each segment to
 * be no larger than the next would let a thousand ever smaller ones pile up.) A segment from `SETTLED_SEGMENT_BYTES` on ends the
 * suffix, and so does one with which it would be longer than a writer makes segments: what is then written has settled itself.
 */
export function planFold(sizes: readonly number[], newest: number): number | null {
  let first: number | null = null;
  let after = newest;
  for (const [i, size] of [...sizes.entries()].toReversed()) {
    if (size >= SETTLED_SEGMENT_BYTES || size + after > SEGMENT_BYTES_AIM) break;
    if (size <= after) first = i;
    after += size;
  }
  return first;
}
