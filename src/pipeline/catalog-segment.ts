import type { CatalogSegment, CatalogStripe } from '../core/ports.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';

/** What a host remembers of an index segment with these stripes. */
export function catalogSegment(
  digest: Uint8Array,
  sizeBytes: number,
  stripes: readonly IndexedStripe[],
): CatalogSegment {
  return { digest, sizeBytes, stripes: stripes.map(catalogStripe) };
}

/** What a host remembers of a stripe. */
export function catalogStripe({ geometry, shards }: IndexedStripe): CatalogStripe {
  const { k, shardLength } = geometry;
  return { required: k, shardLength, shards: shards.map(({ holder, name }) => ({ holder, name })) };
}
