import { ByteReader, ByteWriter } from '../../core/bytes.ts';
import { invariant, ValenceError } from '../../core/errors.ts';
import { MANIFEST_BYTES_MAX } from '../../core/limits.ts';
import type { Random } from '../../core/random.ts';
import { aeadOpen, aeadSeal } from '../keys/aead.ts';
import type { AeadContext } from '../keys/aead.ts';
import { derive, LABELS } from '../keys/derive.ts';
import { openEnvelope, sealEnvelope } from '../keys/envelope.ts';
import type { EnvelopeContext } from '../keys/envelope.ts';
import type { OwnerIdentity } from '../keys/owner.ts';
import { SIGNATURE_BYTES, sign, verify } from '../keys/signature.ts';
import type { SigningKey, VerifyingKey } from '../keys/signature.ts';
import { expectMagic, magic } from '../magic.ts';
import { pad, unpad } from '../padding.ts';
import { sha256 } from '../shard/name.ts';
import { decodeManifestBody, encodeManifestBody } from './body.ts';
import type { ManifestBody } from './body.ts';
import { decodeManifestHeader, encodeManifestHeader } from './header.ts';
import type { ManifestHeader } from './header.ts';
import { decodeSummary, encodeSummary } from './summary.ts';
import type { SnapshotSummary } from './summary.ts';

/**
 * The record of one snapshot (FORMAT.md §8): a clear header; a summary for those who hold the index key; a body for the
 * recipients alone; and the writer's signature over header and digests of the other two.
 */

const KIND = 'snapshot';
const NONCE = Buffer.alloc(12);

export interface Manifest {
  readonly header: ManifestHeader;
  readonly summary: SnapshotSummary;
  readonly body: ManifestBody;
}

export interface ManifestKeys {
  readonly indexKey: Uint8Array;
  readonly signingKey: SigningKey;
  /** X-Wing public keys, 1 to 16. */
  readonly recipients: readonly Uint8Array[];
}

export interface ParsedManifest {
  /** SHA-256 of the whole object: the snapshot's id, and what the next one in the chain refers to. */
  readonly digest: Uint8Array;
  readonly header: ManifestHeader;
  readonly headerBytes: Uint8Array;
  readonly sealedSummary: Uint8Array;
  readonly envelope: Uint8Array;
  readonly signature: Uint8Array;
}

export function encodeManifest(manifest: Manifest, keys: ManifestKeys, random: Random): Uint8Array {
  const header = encodeManifestHeader(manifest.header);
  const sealedSummary = aeadSeal(
    summaryContext(keys.indexKey, manifest.header, header),
    pad(encodeSummary(manifest.summary)),
  );
  const envelope = sealEnvelope(keys.recipients, encodeManifestBody(manifest.body), envelopeContext(header), random);
  const fits = [header, sealedSummary, envelope].every((part) => part.length <= MANIFEST_BYTES_MAX);
  invariant(fits, 'a manifest is longer than any reader takes');
  const signature = sign(keys.signingKey, KIND, signedBytes(header, sealedSummary, envelope), random);
  const writer = new ByteWriter(header.length + sealedSummary.length + envelope.length + SIGNATURE_BYTES + 64);
  return writer.bytes(magic(KIND)).sized(header).sized(sealedSummary).sized(envelope).bytes(signature).finish();
}

/** Splits a manifest without any key; nothing of it is to be believed yet. @throws `format/malformed`, `format/newer` */
export function parseManifest(bytes: Uint8Array): ParsedManifest {
  const reader = new ByteReader(bytes, 'snapshot manifest');
  expectMagic(reader, KIND);
  const headerBytes = reader.sized(MANIFEST_BYTES_MAX);
  const header = decodeManifestHeader(headerBytes);
  const sealedSummary = reader.sized(MANIFEST_BYTES_MAX);
  const envelope = reader.sized(MANIFEST_BYTES_MAX);
  const signature = reader.bytes(SIGNATURE_BYTES);
  reader.end();
  return { digest: sha256(bytes), header, headerBytes, sealedSummary, envelope, signature };
}

/** @throws `integrity/authentication-failed` unless `writer` signed exactly this manifest */
export function verifyManifest(manifest: ParsedManifest, writer: VerifyingKey): void {
  const signed = signedBytes(manifest.headerBytes, manifest.sealedSummary, manifest.envelope);
  if (verify(writer, KIND, signed, manifest.signature)) return;
  throw new ValenceError('integrity/authentication-failed', 'the signature of a snapshot manifest is wrong');
}

/** Of a verified manifest. @throws `integrity/authentication-failed`, `format/malformed` */
export function openSummary(manifest: ParsedManifest, indexKey: Uint8Array): SnapshotSummary {
  const padded = aeadOpen(summaryContext(indexKey, manifest.header, manifest.headerBytes), manifest.sealedSummary);
  return decodeSummary(unpad(padded, 'snapshot summary'));
}

/** Of a verified manifest. @throws `key/wrong-key`, `integrity/authentication-failed`, `format/malformed` */
export function openBody(manifest: ParsedManifest, owner: OwnerIdentity): ManifestBody {
  return decodeManifestBody(openEnvelope(owner.xWing, manifest.envelope, envelopeContext(manifest.headerBytes)));
}

function signedBytes(header: Uint8Array, sealedSummary: Uint8Array, envelope: Uint8Array): Uint8Array {
  return new ByteWriter(header.length + 68).sized(header).bytes(sha256(sealedSummary)).bytes(sha256(envelope)).finish();
}

function envelopeContext(header: Uint8Array): EnvelopeContext {
  return { purpose: KIND, aad: header, maxBytes: MANIFEST_BYTES_MAX };
}

function summaryContext(indexKey: Uint8Array, header: ManifestHeader, headerBytes: Uint8Array): AeadContext {
  return { key: derive(indexKey, LABELS.snapshotSummary, 32, header.salt), nonce: NONCE, aad: headerBytes };
}
