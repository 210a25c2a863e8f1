import { createCipheriv, createDecipheriv } from 'node:crypto';
import { ValenceError } from '../../core/errors.ts';

/** Bytes that sealing adds: the whole 128-bit tag, at the end. */
export const AEAD_TAG_BYTES = 16;
/** Bytes of an AES-256 key. */
export const AEAD_KEY_BYTES = 32;
/** Bytes of a GCM nonce. */
export const AEAD_NONCE_BYTES = 12;

/** What one AES-256-GCM operation is bound to. The pair of key and nonce must never seal twice. */
export interface AeadContext {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
}

/** AES-256-GCM (NIST SP 800-38D): ciphertext ‖ 16-byte tag. */
export function aeadSeal(context: AeadContext, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', context.key, context.nonce, { authTagLength: AEAD_TAG_BYTES });
  cipher.setAAD(context.aad);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/**
 * Opens what `aeadSeal` made; nothing of the plaintext is released unless the tag holds.
 * @throws `integrity/authentication-failed`
 */
export function aeadOpen(context: AeadContext, sealed: Uint8Array): Uint8Array {
  const split = sealed.length - AEAD_TAG_BYTES;
  if (split < 0) throw authenticationFailed();
  const decipher = createDecipheriv('aes-256-gcm', context.key, context.nonce, { authTagLength: AEAD_TAG_BYTES });
  decipher.setAAD(context.aad);
  decipher.setAuthTag(sealed.subarray(split));
  const plaintext = decipher.update(sealed.subarray(0, split));
  try {
    decipher.final();
  } catch (cause) {
    throw authenticationFailed(cause);
  }
  return plaintext;
}

function authenticationFailed(cause?: unknown): ValenceError {
  return new ValenceError('integrity/authentication-failed', 'sealed data does not authenticate under its key', {
    hint: 'the data was changed or belongs elsewhere; try another copy',
    cause,
  });
}
