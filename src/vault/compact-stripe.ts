import { ByteReader, ByteWriter, equalBytes } from '../core/bytes.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import type { StripeGeometry } from '../format/sealing/stripe.ts';
import type { PackedChunk } from '../format/sealing/pack.ts';
import { DIGEST_BYTES } from './digest-table.ts';
import type { DigestTable } from './digest-table.ts';

const HOLDER_BYTES = 16;

/**
 * A stripe in few objects, and none of them a view of its segment: decoded, a chunk takes 150 bytes, a shard of 1 MiB
 * 2,500, and the index of a vault has hundreds of thousands of chunks.
 */
export interface CompactStripe {
  /** Its chunks and shards are made anew each time they are asked for. */
  readonly stripe: IndexedStripe;
  /** Of each of its chunks the place of its name in the table, in their order. */
  readonly places: Uint32Array;
}

/**
 * Adds the names of a stripe's chunks to `names` and copies the rest. `further`: shards that are told elsewhere, asked for
 * whenever the stripe is asked for its own, and given after those.
 */
export function compactStripe(
  { geometry, shards, signed, chunks }: IndexedStripe,
  names: DigestTable,
  further: (geometry: StripeGeometry) => readonly PlacedShard[] = () => [],
): CompactStripe {
  const places = Uint32Array.from(chunks, ({ name }) => names.add(name));
  const lengths = Uint32Array.from(chunks, ({ length }) => length);
  const [packed, count] = [packShards(shards), shards.length];
  // Not from the pool of Node, of which each digest would keep what lies beside it.
  const kept = { ...geometry, packDigest: Buffer.alloc(DIGEST_BYTES, geometry.packDigest) };
  const stripe: IndexedStripe = {
    geometry: kept,
    get shards(): readonly PlacedShard[] {
      return union(unpackShards(packed), further(kept));
    },
    get signed(): number | undefined {
      return signed ?? (further(kept).length === 0 ? undefined : count);
    },
    get chunks(): PackedChunk[] {
      return Array.from(places, (place, i) => ({ name: names.digest(place), length: lengths[i]! }));
    },
  };
  return { stripe, places };
}

function packShards(shards: readonly PlacedShard[]): Uint8Array {
  const writer = new ByteWriter();
  for (const { index, holder, epoch, name, root, groups } of shards) {
    writer.u8(index).bytes(holder).u32(epoch).bytes(name).bytes(root).u32(groups.length);
    for (const group of groups) writer.bytes(group);
  }
  return new Uint8Array(writer.finish());
}

function unpackShards(packed: Uint8Array): PlacedShard[] {
  const reader = new ByteReader(packed, 'compact stripe');
  const shards: PlacedShard[] = [];
  while (reader.remaining > 0) {
    const [index, holder, epoch] = [reader.u8(), reader.bytes(HOLDER_BYTES), reader.u32()];
    const [name, root] = [reader.bytes(DIGEST_BYTES), reader.bytes(DIGEST_BYTES)];
    const groups = reader.bytes(reader.u32() * DIGEST_BYTES);
    shards.push({
      index,
      holder,
      epoch,
      name,
      root,
      get groups(): Uint8Array[] {
        return digestsIn(groups);
      },
    });
  }
  return shards;
}

function digestsIn(bytes: Uint8Array): Uint8Array[] {
  const count = bytes.length / DIGEST_BYTES;
  return Array.from({ length: count }, (_, i) => bytes.subarray(DIGEST_BYTES * i, DIGEST_BYTES * (i + 1)));
}

/** Those of the first list, then those of the second that are not among them. */
export function union(first: readonly PlacedShard[], second: readonly PlacedShard[]): readonly PlacedShard[] {
  if (second.length === 0) return first;
  return [...first, ...second.filter((shard) => !first.some((known) => isSame(known, shard)))];
}

function isSame(a: PlacedShard, b: PlacedShard): boolean {
  return a.index === b.index && a.epoch === b.epoch && equalBytes(a.name, b.name) && equalBytes(a.holder, b.holder);
}
