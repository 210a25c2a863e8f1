import { toHex } from '../core/bytes.ts';
import type { KeyRange } from '../core/ports.ts';

/**
 * A range of keys with both ends in it, as hexadecimal for `decode(…, 'hex')`: so one index condition serves every
 * range, also one without a beginning or an end.
 */
export interface KeyBounds {
  readonly lower: string;
  readonly upper: string;
}

/** Above every key, the longest of which has 64 bytes (FORMAT.md §5.3). */
const ABOVE_ALL: string = 'ff'.repeat(65);

export function keyBounds({ after, upTo }: KeyRange): KeyBounds {
  return { lower: after === null ? '' : justAbove(after), upper: upTo === null ? ABOVE_ALL : toHex(upTo) };
}

/** The least byte string above a key is that key and a zero byte. */
export function justAbove(key: Uint8Array): string {
  return `${toHex(key)}00`;
}
