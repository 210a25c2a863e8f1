import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, equalBytes, utf8 } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';

/**
 * Entries of an upload journal end to end in a file: u32(length) ‖ entry ‖ checksum: 16. A checksum is the beginning of
 * SHA-256(checksum before ‖ length ‖ entry), the first one following from what the file belongs to. So a record is whole
 * only after all that were before it when it was written, and a file of another vault, generation or tier has none.
 */

const CHECKSUM_BYTES = 16;
const LENGTH_BYTES = 4;
const START = utf8('valence upload journal 1\0');

/** Whose entries a file holds. */
export interface JournalOwner {
  /** 16 bytes. */
  readonly vaultId: Uint8Array;
  /** 16 bytes. */
  readonly generation: Uint8Array;
  readonly tier: string;
}

/** An entry as it lies in a file, and the checksum that the next one follows on. */
export interface JournalRecord {
  readonly bytes: Uint8Array;
  readonly checksum: Uint8Array;
}

/** What the first record of a file follows on. */
export function firstChecksum({ vaultId, generation, tier }: JournalOwner): Uint8Array {
  invariant(vaultId.length === 16 && generation.length === 16, 'ids of 16 bytes');
  return checksumOf(START, Buffer.concat([vaultId, generation, utf8(tier)]));
}

export function encodeRecord(previous: Uint8Array, entry: Uint8Array): JournalRecord {
  const framed = new ByteWriter(LENGTH_BYTES + entry.length).sized(entry).finish();
  const checksum = checksumOf(previous, framed);
  return { bytes: Buffer.concat([framed, checksum]), checksum };
}

/** The entries up to the first record that is torn, damaged or not of this owner. Views, not copies. */
export function decodeRecords(first: Uint8Array, bytes: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(bytes, 'upload journal');
  const entries: Uint8Array[] = [];
  let previous = first;
  while (reader.remaining >= LENGTH_BYTES + CHECKSUM_BYTES) {
    const start = reader.offset;
    const length = reader.u32();
    if (length > reader.remaining - CHECKSUM_BYTES) break;
    const entry = reader.bytes(length);
    const checksum = reader.bytes(CHECKSUM_BYTES);
    if (!equalBytes(checksum, checksumOf(previous, bytes.subarray(start, start + LENGTH_BYTES + length)))) break;
    entries.push(entry);
    previous = checksum;
  }
  return entries;
}

function checksumOf(previous: Uint8Array, framed: Uint8Array): Uint8Array {
  return createHash('sha256').update(previous).update(framed).digest().subarray(0, CHECKSUM_BYTES);
}
