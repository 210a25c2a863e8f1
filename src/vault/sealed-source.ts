import { equalBytes, toHex } from '../core/bytes.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import { sha256 } from '../format/shard/name.ts';
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
    return fromAny(this.#index, name, async ({ pack, offset, length }) => {
      const bytes = 'inline' in pack ? pack.inline : await this.#stripes.read(pack.stripe);
      return bytes.subarray(offset, offset + length);
    });
  }
}

/**
 * What `read` makes of the first place of a chunk where it succeeds. Where there are several, the bytes have the chunk's
 * name: what a repair record says is not signed (F-7.6.7).
 * @throws what was wrong with the first place; `integrity/too-few-shards` for a chunk that no segment places (F-7.4.3)
 */
export async function fromAny(
  index: IndexMap,
  name: Uint8Array,
  read: (place: ChunkPlace) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const places = index.places(name);
  const [only] = places;
  if (only === undefined) throw unplaced(name);
  if (places.length === 1) return read(only);
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      const bytes = await read(place);
      if (equalBytes(sha256(bytes), name)) return bytes;
      failures.push(
        new ValenceError('integrity/authentication-failed', `chunk ${toHex(name).slice(0, 12)} has other bytes`),
      );
    } catch (error) {
      if (!isValenceError(error) || !error.code.startsWith('integrity/')) throw error;
      failures.push(error);
    }
  }
  throw failures[0];
}

function unplaced(name: Uint8Array): ValenceError {
  return new ValenceError(
    'integrity/too-few-shards',
    `no index segment says where chunk ${toHex(name).slice(0, 12)} lies`,
  );
}
