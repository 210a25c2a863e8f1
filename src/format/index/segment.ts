import { ByteReader, ByteWriter, fromUtf8, utf8 } from '../../core/bytes.ts';
import { invariant, ValenceError } from '../../core/errors.ts';
import { uuidBytes, uuidText } from '../../core/ids.ts';
import { SEGMENT_BYTES_MAX } from '../../core/limits.ts';
import type { Random } from '../../core/random.ts';
import { aeadOpen, aeadSeal } from '../keys/aead.ts';
import type { AeadContext } from '../keys/aead.ts';
import { derive, LABELS } from '../keys/derive.ts';
import { SIGNATURE_BYTES, sign, verify } from '../keys/signature.ts';
import type { SigningKey, VerifyingKey } from '../keys/signature.ts';
import { expectMagic, magic } from '../magic.ts';
import { pad, unpad } from '../padding.ts';
import { sha256 } from '../shard/name.ts';
import { decodeSegmentBody, encodeSegmentBody } from './segment-body.ts';
import type { SegmentBody } from './segment-body.ts';

/** An index segment as an object: clear header, body under the index key, writer's signature. FORMAT.md §7.2. */

const KIND = 'index segment';
/** Also the names of folders on backends. FORMAT.md §2.1. */
export const TIER_NAME: RegExp = /^[a-z0-9][a-z0-9-]{0,31}$/;

const NONCE = Buffer.alloc(12);

export interface SegmentHeader {
  /** UUID texts. */
  readonly vaultId: string;
  readonly generation: string;
  readonly writerId: string;
  readonly tier: string;
}

export interface ParsedSegment {
  readonly header: SegmentHeader;
  /** 32 random bytes: the body's key is derived from the index key with them, and so used once. */
  readonly salt: Uint8Array;
  readonly sealed: Uint8Array;
  readonly signature: Uint8Array;
  /** What the signature covers. */
  readonly signed: Uint8Array;
}

export interface SegmentKeys {
  readonly indexKey: Uint8Array;
  readonly signingKey: SigningKey;
}

export function encodeSegment(header: SegmentHeader, body: SegmentBody, keys: SegmentKeys, random: Random): Uint8Array {
  const salt = random.bytes(32);
  const clear = encodeHeader(header, salt);
  const sealed = aeadSeal(bodyContext(keys.indexKey, salt, clear), pad(encodeSegmentBody(body)));
  invariant(sealed.length <= SEGMENT_BYTES_MAX, 'an index segment is longer than any reader takes');
  const signature = sign(keys.signingKey, KIND, Buffer.concat([clear, sha256(sealed)]), random);
  return new ByteWriter(clear.length + 4 + sealed.length + SIGNATURE_BYTES)
    .bytes(clear)
    .sized(sealed)
    .bytes(signature)
    .finish();
}

/** Splits a segment without any key. @throws `format/malformed`, `format/newer` */
export function parseSegment(bytes: Uint8Array): ParsedSegment {
  const reader = new ByteReader(bytes, 'index segment');
  expectMagic(reader, KIND);
  const header = {
    vaultId: uuidText(reader.bytes(16)),
    generation: uuidText(reader.bytes(16)),
    writerId: uuidText(reader.bytes(16)),
    tier: readTierName(reader),
  };
  const salt = reader.bytes(32);
  const clear = bytes.subarray(0, reader.offset);
  const sealed = reader.sized(SEGMENT_BYTES_MAX);
  const signature = reader.bytes(SIGNATURE_BYTES);
  reader.end();
  return { header, salt, sealed, signature, signed: Buffer.concat([clear, sha256(sealed)]) };
}

/** Checks the signature, then opens the body. @throws `integrity/authentication-failed`, `format/malformed` */
export function openSegment(segment: ParsedSegment, indexKey: Uint8Array, writer: VerifyingKey): SegmentBody {
  if (!verify(writer, KIND, segment.signed, segment.signature)) {
    throw new ValenceError('integrity/authentication-failed', 'the signature of an index segment is wrong');
  }
  const clear = encodeHeader(segment.header, segment.salt);
  const padded = aeadOpen(bodyContext(indexKey, segment.salt, clear), segment.sealed);
  return decodeSegmentBody(unpad(padded, 'index segment'));
}

function encodeHeader(header: SegmentHeader, salt: Uint8Array): Uint8Array {
  const tier = utf8(header.tier);
  const writer = new ByteWriter(160)
    .bytes(magic(KIND))
    .bytes(uuidBytes(header.vaultId))
    .bytes(uuidBytes(header.generation))
    .bytes(uuidBytes(header.writerId));
  return writer.u8(tier.length).bytes(tier).bytes(salt).finish();
}

function readTierName(reader: ByteReader): string {
  const tier = fromUtf8(reader.bytes(reader.u8()));
  if (!TIER_NAME.test(tier)) reader.fail('impossible tier name');
  return tier;
}

function bodyContext(indexKey: Uint8Array, salt: Uint8Array, aad: Uint8Array): AeadContext {
  return { key: derive(indexKey, LABELS.indexSegment, 32, salt), nonce: NONCE, aad };
}
