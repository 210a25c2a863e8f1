import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, equalBytes } from '../../core/bytes.ts';
import { ValenceError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { encodeBundleHeader, readBundleHeader } from './bundle-header.ts';
import type { BundleHeader } from './bundle-header.ts';
import { findRecipient, openParsedEnvelope, parseEnvelope, sealEnvelope } from './envelope.ts';
import type { EnvelopeContext, ParsedEnvelope } from './envelope.ts';
import type { OwnerIdentity } from './owner.ts';
import { compareFingerprints, recipientFingerprint } from './recipient.ts';
import { SIGNATURE_BYTES, sign, verify, verifyingKeyOf } from './signature.ts';
import type { SigningKey, VerifyingKey } from './signature.ts';
import { WRITER_SECRETS_BYTES, readWriterSecrets, writeWriterSecrets } from './writer-secrets.ts';
import type { WriterSecrets } from './writer-secrets.ts';

/** A writer's secrets, sealed to the recipients and signed by the owner; stored under `keys/`. FORMAT.md §3.5. */
export interface Bundle {
  readonly header: BundleHeader;
  /** The encoded header with its magic line, as signed. */
  readonly headerBytes: Uint8Array;
  /** The envelope around the secrets, as stored. */
  readonly sealed: Uint8Array;
  readonly envelope: ParsedEnvelope;
  /** The owner's signature over header and digest of the sealed part. */
  readonly signature: Uint8Array;
}

/** What a new bundle says and for whom. Ids are 16 random bytes each. */
export interface BundleContent extends WriterSecrets {
  readonly vaultId: Uint8Array;
  readonly generation: Uint8Array;
  readonly writerId: Uint8Array;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
  /** X-Wing public keys, 1 to 16, distinct, the owner's among them if the owner is to open it. */
  readonly recipients: readonly Uint8Array[];
}

const PURPOSE = 'bundle';
/** The secrets, and room for what later versions add (FORMAT.md §3.5). */
const PLAINTEXT_BYTES_MAX = 64 * 1024;
const SEALED_BYTES_MAX = 128 * 1024;

/**
 * Seals and signs. Another writer of the same generation gets the same `secrets`, and its own `writerId` and
 * `signingKey`. Takes from `random` what `sealEnvelope` takes, then 32 bytes for the signature.
 * @throws `format/malformed` when a recipient is not a valid X-Wing key
 */
export function createBundle(content: BundleContent, owner: SigningKey, random: Random): Bundle {
  const { vaultId, generation, writerId, createdAt, recipients, signingKey } = content;
  const fingerprints = recipients.map(recipientFingerprint).sort(compareFingerprints);
  const writer = verifyingKeyOf(signingKey);
  const header: BundleHeader = { vaultId, generation, writerId, createdAt, writer, recipients: fingerprints };
  const headerBytes = encodeBundleHeader(header);
  const sealed = sealEnvelope(recipients, encodeBody(content), envelopeContext(headerBytes), random);
  const envelope = parseEnvelope(sealed, PLAINTEXT_BYTES_MAX);
  const signature = sign(owner, PURPOSE, signedMessage(headerBytes, sealed), random);
  return { header, headerBytes, sealed, envelope, signature };
}

/** The bytes to store. */
export function encodeBundle(bundle: Bundle): Uint8Array {
  return new ByteWriter(8192).bytes(bundle.headerBytes).sized(bundle.sealed).bytes(bundle.signature).finish();
}

/** Reads the structure and limits without any key; nothing is verified. @throws `format/malformed`, `format/newer` */
export function parseBundle(bytes: Uint8Array): Bundle {
  const reader = new ByteReader(bytes, 'bundle');
  const header = readBundleHeader(reader);
  const headerBytes = bytes.subarray(0, reader.offset);
  const sealed = reader.sized(SEALED_BYTES_MAX);
  const signature = reader.bytes(SIGNATURE_BYTES);
  reader.end();
  const envelope = parseEnvelope(sealed, PLAINTEXT_BYTES_MAX);
  const same = equalBytes(Buffer.concat(header.recipients), Buffer.concat(envelope.fingerprints));
  if (!same) reader.fail('recipients of header and envelope differ');
  return { header, headerBytes, sealed, envelope, signature };
}

/** Holds the bundle to its owner. @throws `integrity/authentication-failed` */
export function verifyBundle(bundle: Bundle, owner: VerifyingKey): void {
  const message = signedMessage(bundle.headerBytes, bundle.sealed);
  if (verify(owner, PURPOSE, message, bundle.signature)) return;
  throw new ValenceError('integrity/authentication-failed', 'bundle is not signed by this owner', {
    hint: 'the bundle was changed or belongs to another owner; try another copy',
  });
}

/**
 * Verifies, then opens with the owner's own keys.
 * @throws `key/wrong-key` when the owner is not among the recipients, `integrity/authentication-failed` when anything
 * was changed or the sealed signing key is not the one of the header
 */
export function openBundle(bundle: Bundle, owner: OwnerIdentity): WriterSecrets {
  findRecipient(owner.xWing, bundle.envelope.fingerprints);
  verifyBundle(bundle, owner.public.verifyingKey);
  const body = openParsedEnvelope(owner.xWing, bundle.envelope, envelopeContext(bundle.headerBytes));
  const opened = decodeBody(body);
  if (!isSigningKeyOf(bundle.header, opened.signingKey)) {
    throw new ValenceError(
      'integrity/authentication-failed',
      'signing key of the bundle is not the one its header names',
    );
  }
  return opened;
}

/** True when `key` is the secret half of the writer's key in the header. */
export function isSigningKeyOf(header: BundleHeader, key: SigningKey): boolean {
  const derived = verifyingKeyOf(key);
  return equalBytes(derived.ed25519, header.writer.ed25519) && equalBytes(derived.mlDsa65, header.writer.mlDsa65);
}

function envelopeContext(headerBytes: Uint8Array): EnvelopeContext {
  return { purpose: PURPOSE, aad: headerBytes, maxBytes: PLAINTEXT_BYTES_MAX };
}

function signedMessage(headerBytes: Uint8Array, sealed: Uint8Array): Uint8Array {
  return Buffer.concat([headerBytes, createHash('sha256').update(sealed).digest()]);
}

function encodeBody(content: WriterSecrets): Uint8Array {
  const writer = new ByteWriter(WRITER_SECRETS_BYTES + 4);
  writeWriterSecrets(writer, content);
  return writer.sized(new Uint8Array()).finish();
}

function decodeBody(body: Uint8Array): WriterSecrets {
  const reader = new ByteReader(body, 'bundle body');
  const opened = readWriterSecrets(reader);
  reader.sized(PLAINTEXT_BYTES_MAX); // additions of later releases, which this one may ignore
  reader.end();
  return opened;
}
