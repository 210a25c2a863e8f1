import { toHex } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import type { ChunkPlace, IndexMap } from './index-map.ts';
import type { StripeReader } from './stripe-reader.ts';

/** Where a reader of chunks takes their sealed bytes from. */
export interface SealedSource {
  /**
   * The bytes kept under a chunk's name; whoever opens them checks that they have it.
   * @throws `integrity/too-few-shards` when they cannot be had
   */
  sealed(name: Uint8Array): Promise<Uint8Array>;
}

/** Reads whole packs, for who needs most of their chunks. */
export class PackSource implements SealedSource {
  readonly #index: IndexMap;
  readonly #stripes: StripeReader;

  constructor(index: IndexMap, stripes: StripeReader) {
    this.#index = index;
    this.#stripes = stripes;
  }

  async sealed(name: Uint8Array): Promise<Uint8Array> {
    const place = placeOf(this.#index, name);
    const pack = 'inline' in place.pack ? place.pack.inline : await this.#stripes.read(place.pack.stripe);
    return pack.subarray(place.offset, place.offset + place.length);
  }
}

/** @throws `integrity/too-few-shards` for a chunk that no segment places (F-7.4.3) */
export function placeOf(index: IndexMap, name: Uint8Array): ChunkPlace {
  const place = index.find(name);
  if (place !== null) return place;
  throw new ValenceError(
    'integrity/too-few-shards',
    `no index segment says where chunk ${toHex(name).slice(0, 12)} lies`,
  );
}
