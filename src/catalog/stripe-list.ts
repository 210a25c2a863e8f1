import { ByteReader, ByteWriter, toHex } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';
import type { CatalogStripe } from '../core/ports.ts';

/**
 * The stripes of a segment, as `valence_catalog.segments.stripes` keeps them. Holders are few and names of shards many,
 * so each holder stands there once:
 *
 *     u16(holders) ‖ holder: 16 each
 *     u32(stripes) ‖ stripe each
 *     stripe = u8(required) ‖ u32(shard length) ‖ u8(shards) ‖ (u16(place among the holders) ‖ name: 32) each
 */
const HOLDER_BYTES = 16;
const NAME_BYTES = 32;

export function encodeStripes(stripes: readonly CatalogStripe[]): Uint8Array {
  const holders = new Map<string, { readonly place: number; readonly holder: Uint8Array }>();
  for (const { holder } of stripes.flatMap(({ shards }) => shards)) {
    invariant(holder.length === HOLDER_BYTES, 'a holder is known by 16 bytes');
    const text = toHex(holder);
    if (!holders.has(text)) holders.set(text, { place: holders.size, holder });
  }
  const writer = new ByteWriter().u16(holders.size);
  for (const { holder } of holders.values()) writer.bytes(holder);
  writer.u32(stripes.length);
  for (const { required, shardLength, shards } of stripes) {
    writer.u8(required).u32(shardLength).u8(shards.length);
    for (const { holder, name } of shards) {
      invariant(name.length === NAME_BYTES, 'a shard is named by 32 bytes');
      writer.u16(holders.get(toHex(holder))!.place).bytes(name);
    }
  }
  return writer.finish();
}

/** @throws `format/malformed` */
export function decodeStripes(bytes: Uint8Array): readonly CatalogStripe[] {
  const reader = new ByteReader(bytes, 'list of stripes in the catalog');
  const holders = Array.from({ length: reader.u16() }, () => reader.bytes(HOLDER_BYTES));
  const stripes: CatalogStripe[] = [];
  for (let left = reader.u32(); left > 0; left -= 1) {
    const [required, shardLength, count] = [reader.u8(), reader.u32(), reader.u8()];
    const shards = Array.from({ length: count }, () => {
      const holder = holders[reader.u16()] ?? reader.fail('a shard at a holder that is not listed');
      return { holder, name: reader.bytes(NAME_BYTES) };
    });
    stripes.push({ required, shardLength, shards });
  }
  reader.end();
  return stripes;
}
