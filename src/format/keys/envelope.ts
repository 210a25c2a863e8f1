import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, equalBytes, toHex, utf8 } from '../../core/bytes.ts';
import { ValenceError, invariant } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { pad, unpad } from '../padding.ts';
import { padmeLength } from '../padme.ts';
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, AEAD_TAG_BYTES, aeadOpen, aeadSeal } from './aead.ts';
import { domainTag } from './derive.ts';
import { HPKE_TAG_BYTES, hpkeOpen, hpkeSeal } from './hpke.ts';
import type { HpkeContext, HpkeSealed } from './hpke.ts';
import { FINGERPRINT_BYTES, compareFingerprints, recipientFingerprint } from './recipient.ts';
import { X_WING_CIPHERTEXT_BYTES } from './x-wing.ts';
import type { XWingIdentity } from './x-wing.ts';

/** Most recipients one envelope may have. */
export const RECIPIENTS_MAX = 16;
/** Most bytes of plaintext that any envelope may hold: 1 GiB. Callers set lower limits. */
export const ENVELOPE_PLAINTEXT_BYTES_MAX: number = 2 ** 30;

/** What an envelope is for and bound to; the reader must give the same, for none of it is stored inside. */
export interface EnvelopeContext {
  /** Constant of the format, printable ASCII, e.g. "bundle". */
  readonly purpose: string;
  /** The clear header around the envelope. */
  readonly aad: Uint8Array;
  /** Most bytes of plaintext the writer may seal and the reader accepts; at most `ENVELOPE_PLAINTEXT_BYTES_MAX`. */
  readonly maxBytes: number;
}

/** An envelope taken apart, nothing of it believed yet. */
export interface ParsedEnvelope {
  /** Ascending, distinct. */
  readonly fingerprints: readonly Uint8Array[];
  /** The body key for each recipient, in the same order. */
  readonly wraps: readonly HpkeSealed[];
  readonly commitment: Uint8Array;
  /** Everything in front of the body, as stored. */
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

const LENGTH_BYTES = 4;
const COMMITMENT_BYTES = 32;
const WRAP_BYTES = AEAD_KEY_BYTES + HPKE_TAG_BYTES;
// Each body key is fresh and seals one body only, so the nonce need not vary.
const ZERO_NONCE = new Uint8Array(AEAD_NONCE_BYTES);

/**
 * Seals `plaintext`, padded by Padmé, to X-Wing public keys (1 to 16, distinct, in any order) as FORMAT.md §3.6 describes.
 * Takes from `random` the 32-byte body key, then 64 bytes a recipient in ascending order of fingerprint.
 * @throws `format/malformed` when a recipient is not a valid X-Wing key
 */
export function sealEnvelope(
  recipients: readonly Uint8Array[],
  plaintext: Uint8Array,
  context: EnvelopeContext,
  random: Random,
): Uint8Array {
  invariant(plaintext.length <= context.maxBytes, 'plaintext exceeds the limit of its envelope');
  const ordered = orderRecipients(recipients);
  const bodyKey = random.bytes(AEAD_KEY_BYTES);
  const commitment = commitTo(bodyKey);
  const hpke = hpkeContext(
    context,
    ordered.map(({ fingerprint }) => fingerprint),
    commitment,
  );
  const padded = pad(plaintext);
  const writer = new ByteWriter(ordered.length * 1280 + 128).u8(ordered.length);
  for (const { publicKey, fingerprint } of ordered) {
    const { enc, ciphertext } = hpkeSeal(publicKey, bodyKey, hpke, random);
    writer.bytes(fingerprint).bytes(enc).bytes(ciphertext);
  }
  const head = writer
    .bytes(commitment)
    .u32(padded.length + AEAD_TAG_BYTES)
    .finish();
  const aad = bodyAdditionalData(context, head);
  return Buffer.concat([head, aeadSeal({ key: bodyKey, nonce: ZERO_NONCE, aad }, padded)]);
}

/** Reads the structure without any key. `maxBytes` as in `EnvelopeContext`. @throws `format/malformed` */
export function parseEnvelope(bytes: Uint8Array, maxBytes: number): ParsedEnvelope {
  const reader = new ByteReader(bytes, 'envelope');
  const count = reader.u8();
  if (count < 1 || count > RECIPIENTS_MAX) reader.fail(`${count} recipients, 1 to ${RECIPIENTS_MAX} allowed`);
  const fingerprints: Uint8Array[] = [];
  const wraps: HpkeSealed[] = [];
  for (let index = 0; index < count; index += 1) {
    const fingerprint = reader.bytes(FINGERPRINT_BYTES);
    const previous = fingerprints.at(-1);
    if (previous && compareFingerprints(previous, fingerprint) >= 0)
      reader.fail('recipients are not in ascending order');
    fingerprints.push(fingerprint);
    wraps.push({ enc: reader.bytes(X_WING_CIPHERTEXT_BYTES), ciphertext: reader.bytes(WRAP_BYTES) });
  }
  const commitment = reader.bytes(COMMITMENT_BYTES);
  const bodyLength = reader.u32();
  const paddedLength = bodyLength - AEAD_TAG_BYTES;
  if (paddedLength < LENGTH_BYTES || paddedLength > paddedBytesMax(maxBytes))
    reader.fail('body length is outside its limits');
  if (padmeLength(paddedLength) !== paddedLength) reader.fail('body length is not a padded one');
  const head = bytes.subarray(0, reader.offset);
  const body = reader.bytes(bodyLength);
  reader.end();
  return { fingerprints, wraps, commitment, head, body };
}

/**
 * The plaintext of an envelope. Says nothing about who sealed it: verify the signature around it first.
 * @throws `format/malformed` when the structure is wrong, `key/wrong-key` when the identity is not among the
 * recipients, `integrity/authentication-failed` when anything was changed or the context is another
 */
export function openEnvelope(identity: XWingIdentity, bytes: Uint8Array, context: EnvelopeContext): Uint8Array {
  return openParsedEnvelope(identity, parseEnvelope(bytes, context.maxBytes), context);
}

/** As `openEnvelope`, for an envelope that `parseEnvelope` has read under the same limit. */
export function openParsedEnvelope(
  identity: XWingIdentity,
  envelope: ParsedEnvelope,
  context: EnvelopeContext,
): Uint8Array {
  const wrap = envelope.wraps[findRecipient(identity, envelope.fingerprints)];
  invariant(wrap, 'an envelope has one wrap a recipient');
  const bodyKey = hpkeOpen(identity.seed, wrap, hpkeContext(context, envelope.fingerprints, envelope.commitment));
  if (!equalBytes(commitTo(bodyKey), envelope.commitment)) {
    throw new ValenceError('integrity/authentication-failed', 'the key of an envelope is not the one it commits to');
  }
  const aad = bodyAdditionalData(context, envelope.head);
  return unpad(aeadOpen({ key: bodyKey, nonce: ZERO_NONCE, aad }, envelope.body), 'envelope padding');
}

/** The place of an identity among recipients. @throws `key/wrong-key` when it is not there */
export function findRecipient(identity: XWingIdentity, fingerprints: readonly Uint8Array[]): number {
  const own = recipientFingerprint(identity.publicKey);
  const index = fingerprints.findIndex((fingerprint) => equalBytes(fingerprint, own));
  if (index >= 0) return index;
  throw new ValenceError('key/wrong-key', 'this key is not among the recipients', {
    hint: 'use the master key this vault was made with',
    context: { key: toHex(own), recipients: fingerprints.map(toHex) },
  });
}

interface Recipient {
  readonly publicKey: Uint8Array;
  readonly fingerprint: Uint8Array;
}

function orderRecipients(recipients: readonly Uint8Array[]): readonly Recipient[] {
  invariant(recipients.length >= 1 && recipients.length <= RECIPIENTS_MAX, 'an envelope has 1 to 16 recipients');
  const ordered = recipients
    .map((publicKey) => ({ publicKey, fingerprint: recipientFingerprint(publicKey) }))
    .sort((a, b) => compareFingerprints(a.fingerprint, b.fingerprint));
  const distinct = new Set(ordered.map(({ fingerprint }) => toHex(fingerprint)));
  invariant(distinct.size === ordered.length, 'the recipients of an envelope must be distinct');
  return ordered;
}

/** AES-GCM alone would let a body open under two keys; this binds it to one. */
function commitTo(bodyKey: Uint8Array): Uint8Array {
  return createHash('sha256').update(domainTag('envelope commitment')).update(bodyKey).digest();
}

function hpkeContext(
  context: EnvelopeContext,
  fingerprints: readonly Uint8Array[],
  commitment: Uint8Array,
): HpkeContext {
  const info = Buffer.concat([domainTag('envelope key'), utf8(context.purpose)]);
  const aad = Buffer.concat([Uint8Array.of(fingerprints.length), ...fingerprints, commitment, context.aad]);
  return { info, aad };
}

function bodyAdditionalData(context: EnvelopeContext, head: Uint8Array): Uint8Array {
  const writer = new ByteWriter(head.length + context.aad.length + 64).bytes(domainTag('envelope body'));
  return writer.sized(utf8(context.purpose)).sized(context.aad).bytes(head).finish();
}

function paddedBytesMax(maxBytes: number): number {
  invariant(maxBytes <= ENVELOPE_PLAINTEXT_BYTES_MAX, 'envelope limit out of range');
  return padmeLength(LENGTH_BYTES + maxBytes);
}
