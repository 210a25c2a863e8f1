import { ByteReader, ByteWriter } from '../../core/bytes.ts';
import { ValenceError, invariant, isValenceError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { AEAD_NONCE_BYTES, AEAD_TAG_BYTES, aeadOpen, aeadSeal } from './aead.ts';
import { decodeArmour, encodeArmour } from './armour.ts';
import { domainTag } from './derive.ts';
import { MASTER_SEED_BYTES } from './owner.ts';
import { ARGON2_SALT_BYTES, DEFAULT_ARGON2_COST, checkArgon2Cost, passphraseKey } from './passphrase.ts';
import type { Argon2Cost } from './passphrase.ts';

/** A `master.key` that was read but not opened. */
export interface SealedMasterKey {
  readonly cost: Argon2Cost;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  /** The master seed under AES-256-GCM: 48 bytes. */
  readonly ciphertext: Uint8Array;
}

const KIND = 'master key';
const NOTES = ['Opens every snapshot, together with its passphrase. Keep it away from the host.'];

/**
 * The text of a `master.key`: the seed under Argon2id of the passphrase (FORMAT.md §3.8). Takes 28 bytes from
 * `random`: salt, then nonce. `cost` is for tests and for those who want more.
 * @throws `key/passphrase` when the passphrase is empty, too long or not Unicode
 */
export async function encodeMasterKey(
  seed: Uint8Array,
  passphrase: string,
  random: Random,
  cost: Argon2Cost = DEFAULT_ARGON2_COST,
): Promise<Uint8Array> {
  invariant(seed.length === MASTER_SEED_BYTES, 'master seed must have 32 bytes');
  const salt = random.bytes(ARGON2_SALT_BYTES);
  const nonce = random.bytes(AEAD_NONCE_BYTES);
  const key = await passphraseKey(passphrase, salt, cost);
  const header = encodeHeader(cost, salt);
  const ciphertext = aeadSeal({ key, nonce, aad: additionalData(header) }, seed);
  const payload = new ByteWriter(128).bytes(header).bytes(nonce).bytes(ciphertext).finish();
  return encodeArmour({ kind: KIND, notes: NOTES, payload });
}

/**
 * Reads a `master.key` without its passphrase; typing errors and truncation show here.
 * @throws `format/malformed`, `format/newer`
 */
export function parseMasterKey(file: Uint8Array): SealedMasterKey {
  const reader = new ByteReader(decodeArmour(file, KIND), KIND);
  const cost: Argon2Cost = { memoryKib: reader.u32(), passes: reader.u8(), lanes: reader.u8() };
  checkArgon2Cost(cost);
  const salt = reader.bytes(ARGON2_SALT_BYTES);
  const nonce = reader.bytes(AEAD_NONCE_BYTES);
  const ciphertext = reader.bytes(MASTER_SEED_BYTES + AEAD_TAG_BYTES);
  reader.end();
  return { cost, salt, nonce, ciphertext };
}

/** The 32-byte master seed. @throws `key/passphrase` when the passphrase is not the one */
export async function openMasterKey(sealed: SealedMasterKey, passphrase: string): Promise<Uint8Array> {
  const key = await passphraseKey(passphrase, sealed.salt, sealed.cost);
  const aad = additionalData(encodeHeader(sealed.cost, sealed.salt));
  try {
    return aeadOpen({ key, nonce: sealed.nonce, aad }, sealed.ciphertext);
  } catch (cause) {
    if (!isValenceError(cause, 'integrity/authentication-failed')) throw cause;
    throw new ValenceError('key/passphrase', 'the passphrase does not open the master key', {
      hint: 'type it again, minding capitals and keyboard layout',
      cause,
    });
  }
}

function encodeHeader(cost: Argon2Cost, salt: Uint8Array): Uint8Array {
  return new ByteWriter(32).u32(cost.memoryKib).u8(cost.passes).u8(cost.lanes).bytes(salt).finish();
}

function additionalData(header: Uint8Array): Uint8Array {
  return Buffer.concat([domainTag(KIND), header]);
}
