import { ml_kem768_x25519 } from '@noble/post-quantum/hybrid.js';
import { ValenceError, invariant } from '../../core/errors.ts';

/** Bytes of a decapsulation key: the seed from which everything else is expanded. */
export const X_WING_SEED_BYTES = 32;
/** ML-KEM-768 encapsulation key (1184) ‖ X25519 public key (32). */
export const X_WING_PUBLIC_KEY_BYTES = 1216;
/** ML-KEM-768 ciphertext (1088) ‖ X25519 ephemeral public key (32). */
export const X_WING_CIPHERTEXT_BYTES = 1120;
/** ML-KEM randomness (32) ‖ X25519 ephemeral secret (32). */
export const X_WING_RANDOMNESS_BYTES = 64;

/** A recipient's own key: whoever holds the seed opens what was sealed to the public key. */
export interface XWingIdentity {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** One encapsulation: the 32-byte secret for the sender, the ciphertext for the recipient. */
export interface XWingEncapsulation {
  readonly sharedSecret: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** GenerateKeyPairDerand of draft-connolly-cfrg-xwing-kem-10 §5.2. `seed` is 32 random bytes. */
export function xWingIdentity(seed: Uint8Array): XWingIdentity {
  invariant(seed.length === X_WING_SEED_BYTES, 'X-Wing seed must have 32 bytes');
  const { publicKey } = ml_kem768_x25519.keygen(seed);
  return { seed, publicKey };
}

/**
 * EncapsulateDerand of draft-connolly-cfrg-xwing-kem-10 §5.4, including the ML-KEM check of the key's modulus.
 * `randomness` is 64 fresh random bytes.
 * @throws `format/malformed` when `publicKey` is not a valid X-Wing key
 */
export function xWingEncapsulate(publicKey: Uint8Array, randomness: Uint8Array): XWingEncapsulation {
  invariant(randomness.length === X_WING_RANDOMNESS_BYTES, 'X-Wing randomness must have 64 bytes');
  try {
    const { sharedSecret, cipherText } = ml_kem768_x25519.encapsulate(publicKey, randomness);
    return { sharedSecret, ciphertext: cipherText };
  } catch (cause) {
    throw new ValenceError('format/malformed', 'recipient is not a valid X-Wing public key', { cause });
  }
}

/**
 * Decapsulate of draft-connolly-cfrg-xwing-kem-10 §5.5. A changed ciphertext of the right length mostly gives an
 * unrelated secret (implicit rejection); one with a low-order X25519 point is refused.
 * @throws `integrity/authentication-failed` when the ciphertext has another length or is refused
 */
export function xWingDecapsulate(seed: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  invariant(seed.length === X_WING_SEED_BYTES, 'X-Wing seed must have 32 bytes');
  try {
    return ml_kem768_x25519.decapsulate(ciphertext, seed);
  } catch (cause) {
    throw new ValenceError('integrity/authentication-failed', 'encapsulated key is not valid', { cause });
  }
}
