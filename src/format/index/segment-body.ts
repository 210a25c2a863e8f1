import { ByteReader, ByteWriter } from '../../core/bytes.ts';
import { CHUNK_BYTES_MAX, SHARD_BYTES_MAX, SMALL_PACK_BYTES } from '../../core/limits.ts';
import type { PackedChunk } from '../sealing/pack.ts';
import { CODE_REED_SOLOMON } from '../sealing/stripe.ts';
import type { StripeGeometry } from '../sealing/stripe.ts';
import { MERKLE_GROUP_BYTES } from '../shard/merkle.ts';

/** What an index segment says: where chunks lie in packs, and the shards of packs at holders. FORMAT.md §7.3. */

export interface PlacedShard {
  readonly index: number;
  readonly holder: Uint8Array;
  readonly epoch: number;
  readonly name: Uint8Array;
  readonly root: Uint8Array;
  readonly groups: readonly Uint8Array[];
}

export interface IndexedStripe {
  readonly geometry: StripeGeometry;
  /** Those that were placed, by index; fewer than n when a backend was away. */
  readonly shards: readonly PlacedShard[];
  /** How many of them, the first ones, a signed segment lists where repair records add others; left out: all. */
  readonly signed?: number | undefined;
  readonly chunks: readonly PackedChunk[];
}

/** A pack so small that n shards of it would be mostly padding. */
export interface InlinePack {
  readonly bytes: Uint8Array;
  readonly chunks: readonly PackedChunk[];
}

export interface SegmentBody {
  readonly stripes: readonly IndexedStripe[];
  readonly inline: readonly InlinePack[];
  /** Names of chunks that this snapshot no longer holds though the one before did. */
  readonly dropped: readonly Uint8Array[];
}

export function encodeSegmentBody(body: SegmentBody): Uint8Array {
  const writer = new ByteWriter(64 * 1024);
  writer.u32(body.stripes.length);
  for (const stripe of body.stripes) writeStripe(writer, stripe);
  writer.u32(body.inline.length);
  for (const pack of body.inline) {
    writer.sized(pack.bytes);
    writeChunks(writer, pack.chunks);
  }
  writer.u32(body.dropped.length);
  for (const name of body.dropped) writer.bytes(name);
  return writer.finish();
}

/** @throws `format/malformed` */
export function decodeSegmentBody(bytes: Uint8Array): SegmentBody {
  const reader = new ByteReader(bytes, 'index segment');
  const stripes = repeat(reader, () => readStripe(reader));
  const inline = repeat(reader, () => {
    const pack = reader.sized(SMALL_PACK_BYTES);
    return { bytes: pack, chunks: readChunks(reader, pack.length) };
  });
  const dropped = repeat(reader, () => reader.bytes(32));
  reader.end();
  return { stripes, inline, dropped };
}

/** A list of stripes and nothing else, as in a repair record. FORMAT.md §7.6. */
export function encodeStripes(stripes: readonly IndexedStripe[]): Uint8Array {
  const writer = new ByteWriter(64 * 1024).u32(stripes.length);
  for (const stripe of stripes) writeStripe(writer, stripe);
  return writer.finish();
}

/** @throws `format/malformed` */
export function decodeStripes(bytes: Uint8Array): IndexedStripe[] {
  const reader = new ByteReader(bytes, 'repair record');
  const stripes = repeat(reader, () => readStripe(reader));
  reader.end();
  return stripes;
}

function writeStripe(writer: ByteWriter, stripe: IndexedStripe): void {
  const { code, k, n, shardLength, packLength, packDigest } = stripe.geometry;
  writer.u8(code).u8(k).u8(n).u32(shardLength).u32(packLength).bytes(packDigest).u8(stripe.shards.length);
  for (const shard of stripe.shards) {
    writer.u8(shard.index).bytes(shard.holder).u32(shard.epoch).bytes(shard.name).bytes(shard.root);
    for (const group of shard.groups) writer.bytes(group);
  }
  writeChunks(writer, stripe.chunks);
}

function readStripe(reader: ByteReader): IndexedStripe {
  const geometry = readGeometry(reader);
  const groupCount = Math.ceil(geometry.shardLength / MERKLE_GROUP_BYTES);
  const shards: PlacedShard[] = [];
  const count = reader.u8();
  for (let i = 0; i < count; i += 1) {
    const index = reader.u8();
    if (index >= geometry.n || (i > 0 && index <= shards[i - 1]!.index)) reader.fail('shards out of order');
    const [holder, epoch, name, root] = [reader.bytes(16), reader.u32(), reader.bytes(32), reader.bytes(32)];
    const groups: Uint8Array[] = [];
    for (let g = 0; g < groupCount; g += 1) groups.push(reader.bytes(32));
    shards.push({ index, holder, epoch, name, root, groups });
  }
  return { geometry, shards, chunks: readChunks(reader, geometry.packLength) };
}

function readGeometry(reader: ByteReader): StripeGeometry {
  const [code, k, n] = [reader.u8(), reader.u8(), reader.u8()];
  const [shardLength, packLength, packDigest] = [reader.u32(), reader.u32(), reader.bytes(32)];
  if (code !== CODE_REED_SOLOMON) reader.fail(`unknown erasure code ${code}`);
  if (k < 1 || k > n) reader.fail(`impossible profile ${k}/${n}`);
  if (shardLength < 1 || shardLength > SHARD_BYTES_MAX || packLength < 1 || packLength > k * shardLength) {
    reader.fail('impossible stripe size');
  }
  return { code, k, n, shardLength, packLength, packDigest };
}

function writeChunks(writer: ByteWriter, chunks: readonly PackedChunk[]): void {
  writer.u32(chunks.length);
  for (const chunk of chunks) writer.bytes(chunk.name).u32(chunk.length);
}

/** Chunks must fill their pack exactly. */
function readChunks(reader: ByteReader, packLength: number): PackedChunk[] {
  let filled = 0;
  const chunks = repeat(reader, () => {
    const chunk = { name: reader.bytes(32), length: reader.u32() };
    filled += chunk.length;
    if (chunk.length > CHUNK_BYTES_MAX + 64 || filled > packLength) reader.fail('chunks longer than their pack');
    return chunk;
  });
  if (filled !== packLength) reader.fail('chunks do not fill their pack');
  return chunks;
}

/** A count, then that many items; each takes at least a byte, so a lying count ends at the end of the bytes. */
function repeat<T>(reader: ByteReader, read: () => T): T[] {
  const count = reader.u32();
  if (count > reader.remaining) reader.fail(`a list of ${count} items cannot fit`);
  const items: T[] = [];
  for (let i = 0; i < count; i += 1) items.push(read());
  return items;
}
