import { ByteReader, ByteWriter, fromUtf8, utf8 } from '../../core/bytes.ts';
import { invariant } from '../../core/errors.ts';
import { uuidBytes, uuidText } from '../../core/ids.ts';
import { SEGMENT_BYTES_MAX } from '../../core/limits.ts';
import type { Random } from '../../core/random.ts';
import { aeadOpen, aeadSeal } from '../keys/aead.ts';
import type { AeadContext } from '../keys/aead.ts';
import { derive, LABELS } from '../keys/derive.ts';
import { expectMagic, magic } from '../magic.ts';
import { pad, unpad } from '../padding.ts';
import { TIER_NAME } from './segment.ts';
import { decodeStripes, encodeStripes } from './segment-body.ts';
import type { IndexedStripe } from './segment-body.ts';

/**
 * A repair record as an object: clear header, and stripes under the index key. Unlike an index segment it has no writer
 * and no signature, so what it says is only where to look. FORMAT.md §7.6.
 */

const KIND = 'repair';
const NONCE = Buffer.alloc(12);
const TIER_NAME_BYTES_MAX = 32;

/** As an object: whoever may write to a place can put anything there, and no larger one need be read. */
export const REPAIR_RECORD_BYTES_MAX: number =
  magic(KIND).length + 16 + 16 + 1 + TIER_NAME_BYTES_MAX + 32 + 4 + SEGMENT_BYTES_MAX;

export interface RepairHeader {
  /** UUID texts. */
  readonly vaultId: string;
  readonly generation: string;
  /** Whose stripes they are, for whoever prunes. */
  readonly tier: string;
}

export interface ParsedRepair {
  readonly header: RepairHeader;
  /** 32 random bytes: the body's key is derived from the index key with them, and so used once. */
  readonly salt: Uint8Array;
  readonly sealed: Uint8Array;
}

/** Of each stripe the shards that are told by this record alone. */
export function encodeRepair(
  header: RepairHeader,
  stripes: readonly IndexedStripe[],
  indexKey: Uint8Array,
  random: Random,
): Uint8Array {
  const salt = random.bytes(32);
  const clear = encodeHeader(header, salt);
  const sealed = aeadSeal(bodyContext(indexKey, salt, clear), pad(encodeStripes(stripes)));
  invariant(sealed.length <= SEGMENT_BYTES_MAX, 'a repair record is longer than any reader takes');
  return new ByteWriter(clear.length + 4 + sealed.length).bytes(clear).sized(sealed).finish();
}

/** Splits a record without any key. @throws `format/malformed`, `format/newer` */
export function parseRepair(bytes: Uint8Array): ParsedRepair {
  const reader = new ByteReader(bytes, 'repair record');
  expectMagic(reader, KIND);
  const [vaultId, generation] = [uuidText(reader.bytes(16)), uuidText(reader.bytes(16))];
  const tier = fromUtf8(reader.bytes(reader.u8()));
  if (!TIER_NAME.test(tier)) reader.fail('impossible tier name');
  const salt = reader.bytes(32);
  const sealed = reader.sized(SEGMENT_BYTES_MAX);
  reader.end();
  return { header: { vaultId, generation, tier }, salt, sealed };
}

/** @throws `integrity/authentication-failed`, `format/malformed` */
export function openRepair({ header, salt, sealed }: ParsedRepair, indexKey: Uint8Array): readonly IndexedStripe[] {
  const padded = aeadOpen(bodyContext(indexKey, salt, encodeHeader(header, salt)), sealed);
  return decodeStripes(unpad(padded, 'repair record'));
}

function encodeHeader({ vaultId, generation, tier }: RepairHeader, salt: Uint8Array): Uint8Array {
  const name = utf8(tier);
  const writer = new ByteWriter(128).bytes(magic(KIND)).bytes(uuidBytes(vaultId)).bytes(uuidBytes(generation));
  return writer.u8(name.length).bytes(name).bytes(salt).finish();
}

function bodyContext(indexKey: Uint8Array, salt: Uint8Array, aad: Uint8Array): AeadContext {
  return { key: derive(indexKey, LABELS.repair, 32, salt), nonce: NONCE, aad };
}
