import { ByteReader, ByteWriter } from '../../core/bytes.ts';
import { REFERENCE_BYTES } from './chunk.ts';

/** The content of an inner node: its children in key order. FORMAT.md §5.7. */

export interface NodeEntry {
  /** The greatest key below this child. */
  readonly lastKey: Uint8Array;
  readonly contentId: Uint8Array;
  readonly rows: number;
  /** Encoded bytes of those rows, large values included. */
  readonly bytes: number;
}

/** What an entry counts for when nodes are cut: its content and its reference. */
export function nodeEntryBytes(keyBytes: number): number {
  return keyBytes + 32 + 8 + 8 + REFERENCE_BYTES;
}

export function encodeNode(entries: readonly NodeEntry[]): Uint8Array {
  const writer = new ByteWriter(entries.length * 128);
  for (const entry of entries) writer.bytes(entry.lastKey).bytes(entry.contentId).u64(entry.rows).u64(entry.bytes);
  return writer.finish();
}

/** Refuses an empty node and keys that do not ascend. @throws `format/malformed` */
export function decodeNode(content: Uint8Array, keyBytes: number): NodeEntry[] {
  const reader = new ByteReader(content, 'tree node');
  const entries: NodeEntry[] = [];
  let last: Uint8Array | null = null;
  while (reader.remaining > 0) {
    const entry = {
      lastKey: reader.bytes(keyBytes),
      contentId: reader.bytes(32),
      rows: reader.u64(),
      bytes: reader.u64(),
    };
    if (last !== null && Buffer.compare(last, entry.lastKey) >= 0) reader.fail('keys do not ascend');
    last = entry.lastKey;
    entries.push(entry);
  }
  if (entries.length === 0) reader.fail('no children');
  return entries;
}
