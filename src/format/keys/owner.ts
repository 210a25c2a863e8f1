import { invariant } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { LABELS, derive } from './derive.ts';
import { verifyingKeyOf } from './signature.ts';
import type { SigningKey, VerifyingKey } from './signature.ts';
import { xWingIdentity } from './x-wing.ts';
import type { XWingIdentity } from './x-wing.ts';

/** Bytes of a master seed. */
export const MASTER_SEED_BYTES = 32;

/** What everyone may know of an owner: where to seal to, and whose signature to ask for. */
export interface OwnerPublic {
  /** X-Wing public key, 1216 bytes. */
  readonly recipient: Uint8Array;
  readonly verifyingKey: VerifyingKey;
}

/** Everything that follows from a master seed. Secret. */
export interface OwnerIdentity {
  readonly xWing: XWingIdentity;
  readonly signingKey: SigningKey;
  readonly public: OwnerPublic;
}

/** 32 bytes from `random`: the root of all that an owner can open or sign. */
export function createMasterSeed(random: Random): Uint8Array {
  return random.bytes(MASTER_SEED_BYTES);
}

/** The owner's keys, each by HKDF-SHA256 from the master seed under its own label (FORMAT.md §3.2). */
export function ownerIdentity(masterSeed: Uint8Array): OwnerIdentity {
  invariant(masterSeed.length === MASTER_SEED_BYTES, 'master seed must have 32 bytes');
  const xWing = xWingIdentity(derive(masterSeed, LABELS.ownerXWing, 32));
  const signingKey: SigningKey = {
    ed25519: derive(masterSeed, LABELS.ownerEd25519, 32),
    mlDsa65: derive(masterSeed, LABELS.ownerMlDsa65, 32),
  };
  return { xWing, signingKey, public: { recipient: xWing.publicKey, verifyingKey: verifyingKeyOf(signingKey) } };
}
