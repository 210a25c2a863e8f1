import { createPrivateKey, createPublicKey, sign as nodeSign, verify as nodeVerify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { invariant } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { domainTag } from './derive.ts';

/** Bytes of each of the two signing seeds. */
export const SIGNING_SEED_BYTES = 32;
/** Bytes of an Ed25519 public key (RFC 8032). */
export const ED25519_PUBLIC_KEY_BYTES = 32;
/** Bytes of an ML-DSA-65 public key (FIPS 204). */
export const ML_DSA_65_PUBLIC_KEY_BYTES = 1952;
/** Ed25519 signature (64) ‖ ML-DSA-65 signature (3309). */
export const SIGNATURE_BYTES = 3373;

const ED25519_SIGNATURE_BYTES = 64;
const HEDGE_BYTES = 32;

// The constant DER in front of the raw key: RFC 8410 for Ed25519, RFC 9881 for ML-DSA-65 (seed-only private key).
const ED25519_PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex');
const ED25519_PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex');
const ML_DSA_65_PRIVATE_DER = Buffer.from('3034020100300b060960864801650304031204228020', 'hex');
const ML_DSA_65_PUBLIC_DER = Buffer.from('308207b2300b0609608648016503040312038207a100', 'hex');

/** The secret half: one 32-byte seed for each algorithm. */
export interface SigningKey {
  readonly ed25519: Uint8Array;
  readonly mlDsa65: Uint8Array;
}

/** The public half: 32 bytes for Ed25519, 1952 for ML-DSA-65. */
export interface VerifyingKey {
  readonly ed25519: Uint8Array;
  readonly mlDsa65: Uint8Array;
}

/** Takes 64 bytes from `random`: the Ed25519 seed, then the ML-DSA-65 seed. */
export function createSigningKey(random: Random): SigningKey {
  return { ed25519: random.bytes(SIGNING_SEED_BYTES), mlDsa65: random.bytes(SIGNING_SEED_BYTES) };
}

/** The public half of a signing key. Deterministic. */
export function verifyingKeyOf(key: SigningKey): VerifyingKey {
  const ed25519 = publicBytes(privateKey(ED25519_PRIVATE_DER, key.ed25519), ED25519_PUBLIC_KEY_BYTES);
  const mlDsa65 = publicBytes(privateKey(ML_DSA_65_PRIVATE_DER, key.mlDsa65), ML_DSA_65_PUBLIC_KEY_BYTES);
  return { ed25519, mlDsa65 };
}

/**
 * Signs "valence/v1 " + domain ‖ 0x00 ‖ message with both algorithms: Ed25519 (64 bytes) ‖ ML-DSA-65 (3309 bytes, empty
 * context string, hedged with 32 bytes from `random`). `domain` is a constant of the format without a zero byte; without
 * `random` the ML-DSA signature is deterministic, which FIPS 204 allows and readers cannot tell.
 */
export function sign(key: SigningKey, domain: string, message: Uint8Array, random?: Random): Uint8Array {
  const tagged = taggedMessage(domain, message);
  const classical = nodeSign(null, tagged, privateKey(ED25519_PRIVATE_DER, key.ed25519));
  // node:crypto draws its own randomness for ML-DSA; noble takes ours, and nothing signs often (8 ms each).
  const { secretKey } = ml_dsa65.keygen(key.mlDsa65);
  const extraEntropy = random?.bytes(HEDGE_BYTES) ?? false;
  return Buffer.concat([classical, ml_dsa65.sign(tagged, secretKey, { extraEntropy })]);
}

/** True when both signatures hold; false for one of any other length. Never throws on a hostile `signature`. */
export function verify(key: VerifyingKey, domain: string, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  const tagged = taggedMessage(domain, message);
  const classical = signature.subarray(0, ED25519_SIGNATURE_BYTES);
  const postQuantum = signature.subarray(ED25519_SIGNATURE_BYTES);
  return (
    nodeVerify(null, tagged, publicKey(ED25519_PUBLIC_DER, key.ed25519), classical) &&
    nodeVerify(null, tagged, publicKey(ML_DSA_65_PUBLIC_DER, key.mlDsa65), postQuantum)
  );
}

function taggedMessage(domain: string, message: Uint8Array): Uint8Array {
  invariant(domain.length > 0 && !domain.includes('\0'), 'signature domain is empty or holds a zero byte');
  return Buffer.concat([domainTag(domain), message]);
}

function privateKey(prefix: Uint8Array, seed: Uint8Array): KeyObject {
  invariant(seed.length === SIGNING_SEED_BYTES, 'signing seed must have 32 bytes');
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' });
}

function publicKey(prefix: Uint8Array, bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([prefix, bytes]), format: 'der', type: 'spki' });
}

function publicBytes(key: KeyObject, length: number): Uint8Array {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-length);
}
