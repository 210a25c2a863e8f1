import { ByteReader, ByteWriter } from '../../core/bytes.ts';
import { CHUNK_BYTES_MAX, TREE_LEVEL_MAX } from '../../core/limits.ts';
import { CHUNK_KIND } from './content-id.ts';
import type { ChunkKind, ChunkLabel } from './content-id.ts';

/** The plaintext of a chunk: label ‖ content length ‖ content ‖ references. FORMAT.md §5.4. */

/** How a sealed chunk is found and opened. */
export interface Reference {
  /** SHA-256 of the sealed bytes. */
  readonly name: Uint8Array;
  /** AES-256 key, used for this one chunk. */
  readonly key: Uint8Array;
}

export const REFERENCE_BYTES = 64;

export interface Chunk {
  readonly label: ChunkLabel;
  /** What the content id covers. */
  readonly content: Uint8Array;
  /** References to children (node) or to the pieces of large values (leaf), in the order of the content. */
  readonly references: readonly Reference[];
}

export function encodeChunk(chunk: Chunk): Uint8Array {
  const { label, content, references } = chunk;
  const writer = new ByteWriter(8 + content.length + references.length * REFERENCE_BYTES);
  writer.u8(label.kind).u8(label.tree).u8(label.level).u8(label.rowVersion).u32(content.length).bytes(content);
  for (const reference of references) writer.bytes(reference.name).bytes(reference.key);
  return writer.finish();
}

/** @throws `format/malformed` */
export function decodeChunk(bytes: Uint8Array): Chunk {
  const reader = new ByteReader(bytes, 'chunk');
  const kind = reader.u8();
  if (kind !== CHUNK_KIND.leaf && kind !== CHUNK_KIND.node && kind !== CHUNK_KIND.piece)
    reader.fail(`unknown kind ${kind}`);
  const label: ChunkLabel = { kind: kind as ChunkKind, tree: reader.u8(), level: reader.u8(), rowVersion: reader.u8() };
  if (label.level > TREE_LEVEL_MAX || label.level > 0 !== (kind === CHUNK_KIND.node))
    reader.fail(`level ${label.level} of kind ${kind}`);
  const content = reader.sized(CHUNK_BYTES_MAX);
  if (reader.remaining % REFERENCE_BYTES !== 0) reader.fail('references are cut short');
  if (kind === CHUNK_KIND.piece && reader.remaining > 0) reader.fail('a piece with references');
  const references: Reference[] = [];
  while (reader.remaining > 0) references.push({ name: reader.bytes(32), key: reader.bytes(32) });
  return { label, content, references };
}
