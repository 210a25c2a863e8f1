import { createHash } from 'node:crypto';
import { domainTag } from './derive.ts';

/** Bytes of a recipient's fingerprint. */
export const FINGERPRINT_BYTES = 16;

/**
 * Names a recipient in clear headers: the first 16 bytes of SHA-256("valence/v1 recipient" ‖ 0x00 ‖ X-Wing public key).
 * Two recipients with one fingerprint would take 2^64 tries to make, and would only confuse their maker.
 */
export function recipientFingerprint(publicKey: Uint8Array): Uint8Array {
  return createHash('sha256').update(domainTag('recipient')).update(publicKey).digest().subarray(0, FINGERPRINT_BYTES);
}

/** Negative, zero or positive as `a` sorts before, with or after `b`: the order of recipients everywhere. */
export function compareFingerprints(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}
