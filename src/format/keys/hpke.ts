import { createHmac } from 'node:crypto';
import { ByteWriter, utf8 } from '../../core/bytes.ts';
import type { Random } from '../../core/random.ts';
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, AEAD_TAG_BYTES, aeadOpen, aeadSeal } from './aead.ts';
import { X_WING_RANDOMNESS_BYTES, xWingDecapsulate, xWingEncapsulate } from './x-wing.ts';

/** The three registered numbers of an HPKE ciphersuite (RFC 9180 §7). */
export interface HpkeSuite {
  readonly kem: number;
  readonly kdf: number;
  readonly aead: number;
}

/** X-Wing (called MLKEM768-X25519 in draft-ietf-hpke-pq-04), HKDF-SHA256, AES-256-GCM. */
export const HPKE_SUITE: HpkeSuite = { kem: 0x647a, kdf: 0x0001, aead: 0x0002 };

/** What both sides must agree on; neither is transmitted by HPKE. */
export interface HpkeContext {
  readonly info: Uint8Array;
  readonly aad: Uint8Array;
}

/** `enc` is the X-Wing ciphertext (1120 bytes); `ciphertext` is 16 bytes longer than the plaintext. */
export interface HpkeSealed {
  readonly enc: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Key and nonce of the first and only message of a base-mode context. */
export interface HpkeKeys {
  readonly key: Uint8Array;
  readonly baseNonce: Uint8Array;
}

/** Bytes that single-shot sealing adds to the plaintext, `enc` apart. */
export const HPKE_TAG_BYTES: number = AEAD_TAG_BYTES;

const MODE_BASE = 0x00;
const NOTHING: Uint8Array = new Uint8Array();

/**
 * SealBase of RFC 9180 §6.1 under `HPKE_SUITE`. Takes 64 bytes from `random`.
 * @throws `format/malformed` when `publicKey` is not a valid X-Wing key
 */
export function hpkeSeal(
  publicKey: Uint8Array,
  plaintext: Uint8Array,
  context: HpkeContext,
  random: Random,
): HpkeSealed {
  const { sharedSecret, ciphertext: enc } = xWingEncapsulate(publicKey, random.bytes(X_WING_RANDOMNESS_BYTES));
  const { key, baseNonce } = hpkeKeySchedule(HPKE_SUITE, sharedSecret, context.info);
  return { enc, ciphertext: aeadSeal({ key, nonce: baseNonce, aad: context.aad }, plaintext) };
}

/** OpenBase of RFC 9180 §6.1 under `HPKE_SUITE`. @throws `integrity/authentication-failed` */
export function hpkeOpen(seed: Uint8Array, sealed: HpkeSealed, context: HpkeContext): Uint8Array {
  const { key, baseNonce } = hpkeKeySchedule(HPKE_SUITE, xWingDecapsulate(seed, sealed.enc), context.info);
  return aeadOpen({ key, nonce: baseNonce, aad: context.aad }, sealed.ciphertext);
}

/**
 * KeySchedule of RFC 9180 §5.1 in base mode for any KEM's shared secret, HKDF-SHA256 and an AEAD with 32-byte keys and
 * 12-byte nonces. The sequence number of a single message is zero, so its nonce is `baseNonce`.
 */
export function hpkeKeySchedule(suite: HpkeSuite, sharedSecret: Uint8Array, info: Uint8Array): HpkeKeys {
  const suiteId = new ByteWriter(10).bytes(utf8('HPKE')).u16(suite.kem).u16(suite.kdf).u16(suite.aead).finish();
  const pskIdHash = labeledExtract(suiteId, NOTHING, 'psk_id_hash', NOTHING);
  const infoHash = labeledExtract(suiteId, NOTHING, 'info_hash', info);
  const context = new ByteWriter(65).u8(MODE_BASE).bytes(pskIdHash).bytes(infoHash).finish();
  const secret = labeledExtract(suiteId, sharedSecret, 'secret', NOTHING);
  return {
    key: labeledExpand(suiteId, secret, { label: 'key', info: context, length: AEAD_KEY_BYTES }),
    baseNonce: labeledExpand(suiteId, secret, { label: 'base_nonce', info: context, length: AEAD_NONCE_BYTES }),
  };
}

function labeledExtract(suiteId: Uint8Array, salt: Uint8Array, label: string, secret: Uint8Array): Uint8Array {
  return createHmac('sha256', salt).update('HPKE-v1').update(suiteId).update(label).update(secret).digest();
}

interface Expansion {
  readonly label: string;
  readonly info: Uint8Array;
  readonly length: number;
}

/** At most 32 bytes, hence the first block of HKDF-Expand alone. */
function labeledExpand(suiteId: Uint8Array, secret: Uint8Array, { label, info, length }: Expansion): Uint8Array {
  const prefix = new ByteWriter(2).u16(length).finish();
  const hmac = createHmac('sha256', secret).update(prefix).update('HPKE-v1').update(suiteId).update(label);
  return hmac.update(info).update(Uint8Array.of(1)).digest().subarray(0, length);
}
