import { ByteReader, ByteWriter, equalBytes } from '../../core/bytes.ts';
import { ValenceError, invariant, isValenceError } from '../../core/errors.ts';
import { decodeArmour, encodeArmour } from './armour.ts';
import { encodeBundle, isSigningKeyOf, parseBundle, verifyBundle } from './bundle.ts';
import type { Bundle } from './bundle.ts';
import { RECIPIENTS_MAX } from './envelope.ts';
import type { OwnerPublic } from './owner.ts';
import { recipientFingerprint } from './recipient.ts';
import { ED25519_PUBLIC_KEY_BYTES, ML_DSA_65_PUBLIC_KEY_BYTES } from './signature.ts';
import { X_WING_PUBLIC_KEY_BYTES } from './x-wing.ts';
import { readWriterSecrets, writeWriterSecrets } from './writer-secrets.ts';
import type { WriterSecrets } from './writer-secrets.ts';

/** What a host needs to back up, list, verify, prune and repair, and nothing that opens an old snapshot. Secret. */
export interface HostKey extends WriterSecrets {
  /** 16 bytes each, as in the bundle. */
  readonly vaultId: Uint8Array;
  readonly generation: Uint8Array;
  readonly writerId: Uint8Array;
  readonly owner: OwnerPublic;
  /** X-Wing public keys that manifests are sealed to, in the bundle's order; the owner's is among them. */
  readonly recipients: readonly Uint8Array[];
  /** The encoded bundle, to be stored on every backend. */
  readonly bundle: Uint8Array;
}

/** The parts from which a host key is made: a bundle, what it holds, and the public keys it names. */
export interface HostKeyParts {
  readonly bundle: Bundle;
  readonly opened: WriterSecrets;
  readonly owner: OwnerPublic;
  /** X-Wing public keys of all recipients of the bundle, in any order. */
  readonly recipients: readonly Uint8Array[];
}

const KIND = 'host key';
const NOTES = ['SECRET: lets this host add to the vault and remove from it. Never share it, keep it at mode 0600.'];
const BUNDLE_BYTES_MAX = 160 * 1024;

/** Puts a host key together. The parts must belong together (`internal/invariant`). */
export function createHostKey({ bundle, opened, owner, recipients }: HostKeyParts): HostKey {
  const ordered = bundle.header.recipients.map((fingerprint) => {
    const publicKey = recipients.find((candidate) => equalBytes(recipientFingerprint(candidate), fingerprint));
    invariant(publicKey, 'a recipient of the bundle is missing from the host key');
    return publicKey;
  });
  const { vaultId, generation, writerId } = bundle.header;
  return { ...opened, vaultId, generation, writerId, owner, recipients: ordered, bundle: encodeBundle(bundle) };
}

/** The text of a `host.key` (FORMAT.md §3.9). */
export function encodeHostKey(key: HostKey): Uint8Array {
  const writer = new ByteWriter(16 * 1024).sized(key.bundle);
  writer.bytes(key.owner.verifyingKey.ed25519).bytes(key.owner.verifyingKey.mlDsa65).bytes(key.owner.recipient);
  writer.u8(key.recipients.length);
  for (const publicKey of key.recipients) writer.bytes(publicKey);
  writeWriterSecrets(writer, key);
  return encodeArmour({ kind: KIND, notes: NOTES, payload: writer.finish() });
}

/**
 * Reads a `host.key` and checks that its parts belong together: the owner signed the bundle, the recipients are the
 * bundle's with the owner among them, and the signing key is the bundle's.
 * @throws `format/newer` for a later version, `format/malformed` for everything else
 */
export function parseHostKey(file: Uint8Array): HostKey {
  const reader = new ByteReader(decodeArmour(file, KIND), KIND);
  const bundleBytes = reader.sized(BUNDLE_BYTES_MAX);
  const bundle = parseBundle(bundleBytes);
  const ed25519 = reader.bytes(ED25519_PUBLIC_KEY_BYTES);
  const mlDsa65 = reader.bytes(ML_DSA_65_PUBLIC_KEY_BYTES);
  const owner: OwnerPublic = { verifyingKey: { ed25519, mlDsa65 }, recipient: reader.bytes(X_WING_PUBLIC_KEY_BYTES) };
  const recipients = readRecipients(reader);
  const opened = readWriterSecrets(reader);
  reader.end();
  checkTogether({ bundle, opened, owner, recipients }, reader);
  const { vaultId, generation, writerId } = bundle.header;
  return { ...opened, vaultId, generation, writerId, owner, recipients, bundle: bundleBytes };
}

function readRecipients(reader: ByteReader): Uint8Array[] {
  const count = reader.u8();
  if (count < 1 || count > RECIPIENTS_MAX) reader.fail(`${count} recipients, 1 to ${RECIPIENTS_MAX} allowed`);
  return Array.from({ length: count }, () => reader.bytes(X_WING_PUBLIC_KEY_BYTES));
}

function checkTogether({ bundle, opened, owner, recipients }: HostKeyParts, reader: ByteReader): void {
  const named = Buffer.concat(recipients.map(recipientFingerprint));
  if (!equalBytes(named, Buffer.concat(bundle.header.recipients)))
    reader.fail('recipients are not those of the bundle');
  if (!recipients.some((publicKey) => equalBytes(publicKey, owner.recipient))) reader.fail('owner is not a recipient');
  if (!isSigningKeyOf(bundle.header, opened.signingKey)) reader.fail('signing key is not that of the bundle');
  try {
    verifyBundle(bundle, owner.verifyingKey);
  } catch (cause) {
    if (!isValenceError(cause, 'integrity/authentication-failed')) throw cause;
    throw new ValenceError('format/malformed', 'malformed host key: its bundle is not signed by its owner', { cause });
  }
}
