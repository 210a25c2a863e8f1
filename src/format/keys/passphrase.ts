import { argon2 } from 'node:crypto';
import { promisify } from 'node:util';
import { utf8 } from '../../core/bytes.ts';
import { ValenceError } from '../../core/errors.ts';

/** Cost of Argon2id, stored beside what it protects. `memoryKib` is in KiB. */
export interface Argon2Cost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

/**
 * RFC 9106 §4, second recommended option: 64 MiB, 3 passes, 4 lanes (OWASP asks for no more than 19 MiB and 2 passes).
 * A seventh of a second on two cores, and a restore on a small machine still has the memory. The cost is stored with
 * each key, so raising it breaks no old one.
 */
export const DEFAULT_ARGON2_COST: Argon2Cost = { memoryKib: 64 * 1024, passes: 3, lanes: 4 };

/** What a reader accepts, so that a hostile file can cost neither all memory nor all day. */
export const ARGON2_COST_MAX: Argon2Cost = { memoryKib: 1024 * 1024, passes: 16, lanes: 16 };

/** Bytes of the random salt. */
export const ARGON2_SALT_BYTES = 16;

const KEY_BYTES = 32;
const PASSPHRASE_BYTES_MAX = 1024;

const argon2Async = promisify(argon2);

/**
 * The bytes of a typed passphrase: one final newline (LF or CRLF) taken off and nothing else trimmed, Unicode NFKC,
 * UTF-8. NFKC, because full-width or composed letters of another keyboard are the same passphrase to the person.
 * @throws `key/passphrase` when empty, longer than 1024 bytes, or not well-formed Unicode
 */
export function normalizePassphrase(typed: string): Uint8Array {
  if (!typed.isWellFormed()) throw unusable('is not well-formed Unicode');
  const bytes = utf8(typed.replace(/\r?\n$/, '').normalize('NFKC'));
  if (bytes.length === 0) throw unusable('is empty');
  if (bytes.length > PASSPHRASE_BYTES_MAX) throw unusable(`is longer than ${PASSPHRASE_BYTES_MAX} bytes`);
  return bytes;
}

/**
 * Refuses costs outside 1..`ARGON2_COST_MAX` or with less than 8 KiB a lane (RFC 9106 §3.1).
 * @throws `format/malformed`
 */
export function checkArgon2Cost({ memoryKib, passes, lanes }: Argon2Cost): void {
  const inRange =
    within(memoryKib, 8 * lanes, ARGON2_COST_MAX.memoryKib) &&
    within(passes, 1, ARGON2_COST_MAX.passes) &&
    within(lanes, 1, ARGON2_COST_MAX.lanes);
  if (inRange) return;
  throw new ValenceError('format/malformed', 'Argon2id cost is outside the limits of the format', {
    context: { memoryKib, passes, lanes },
  });
}

/**
 * Argon2id version 0x13 (RFC 9106) without secret or associated data: the 32-byte key of a passphrase.
 * @throws `key/passphrase` as `normalizePassphrase`, `format/malformed` as `checkArgon2Cost`
 */
export async function passphraseKey(typed: string, salt: Uint8Array, cost: Argon2Cost): Promise<Uint8Array> {
  checkArgon2Cost(cost);
  return await argon2Async('argon2id', {
    message: normalizePassphrase(typed),
    nonce: salt,
    memory: cost.memoryKib,
    passes: cost.passes,
    parallelism: cost.lanes,
    tagLength: KEY_BYTES,
  });
}

function within(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function unusable(reason: string): ValenceError {
  return new ValenceError('key/passphrase', `passphrase ${reason}`, { hint: 'type another passphrase' });
}
