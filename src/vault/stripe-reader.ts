import type { ReadableBackend } from '../backends/backend.ts';
import { toHex } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import { PACK_CACHE_BYTES } from '../core/limits.ts';
import { uuidText } from '../core/ids.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { decodeStripe, maskShard, stripeId } from '../format/sealing/stripe.ts';
import { sha256, shardObjectName } from '../format/shard/name.ts';
import type { Place } from './places.ts';
import { readOnce } from './read-object.ts';
import type { ObjectProblem } from './read-object.ts';

/** Gives packs back from any k of their shards, wherever those lie. */
export class StripeReader {
  readonly #places: readonly Place[];
  readonly #maskKey: Uint8Array;
  readonly #signal: AbortSignal | undefined;
  /** Decoded or still being read, least recently asked for first. */
  readonly #packs = new Map<IndexedStripe, Promise<Uint8Array>>();
  #cachedBytes = 0;
  /** Every shard that was missing or wrong when it was needed. */
  readonly problems: ObjectProblem[] = [];

  constructor(places: readonly Place[], maskKey: Uint8Array, signal?: AbortSignal) {
    this.#places = places;
    this.#maskKey = maskKey;
    this.#signal = signal;
  }

  /** @throws `integrity/too-few-shards` naming every shard that is missing or damaged */
  read(stripe: IndexedStripe): Promise<Uint8Array> {
    const known = this.#packs.get(stripe);
    if (known !== undefined) {
      this.#packs.delete(stripe);
      this.#packs.set(stripe, known);
      return known;
    }
    const pack = this.#decode(stripe);
    pack.catch(() => this.#packs.delete(stripe));
    this.#packs.set(stripe, pack);
    this.#cachedBytes += stripe.geometry.packLength;
    this.#evict();
    return pack;
  }

  #evict(): void {
    for (const stripe of this.#packs.keys()) {
      if (this.#cachedBytes <= PACK_CACHE_BYTES || this.#packs.size === 1) return;
      this.#packs.delete(stripe);
      this.#cachedBytes -= stripe.geometry.packLength;
    }
  }

  /** Asks for k shards at once, data shards first, and for one more whenever one fails. */
  async #decode(stripe: IndexedStripe): Promise<Uint8Array> {
    const { geometry } = stripe;
    const id = stripeId(geometry);
    const shards: (Uint8Array | null)[] = Array.from({ length: geometry.n }, () => null);
    const failed: ObjectProblem[] = [];
    const waiting = [...stripe.shards];
    const fetchNext = async (): Promise<void> => {
      for (let shard = waiting.shift(); shard !== undefined; shard = waiting.shift()) {
        const bytes = await this.#readShard(shard, failed);
        if (bytes === null) continue;
        shards[shard.index] = maskShard(this.#maskKey, { stripeId: id, ...shard }, bytes);
        return;
      }
    };
    await Promise.all(Array.from({ length: geometry.k }, fetchNext));
    this.problems.push(...failed);
    const present = shards.filter((shard) => shard !== null).length;
    if (present < geometry.k) throw tooFewShards(stripe, present, failed);
    return decodeStripe(geometry, shards);
  }

  /** The stored bytes if they are what the index says; its own holder is asked first. */
  async #readShard(shard: PlacedShard, failed: ObjectProblem[]): Promise<Uint8Array | null> {
    const object = shardObjectName(shard.name);
    for (const backend of placesOf(this.#places, shard.holder)) {
      const bytes = await readOnce(backend, object, this.#signal);
      if (typeof bytes !== 'string' && Buffer.compare(sha256(bytes), shard.name) === 0) return bytes;
      failed.push({ location: backend.location, object, kind: typeof bytes === 'string' ? bytes : 'corrupt' });
    }
    return null;
  }
}

/** Where a holder's shard may be read: at the holder itself, else wherever a place could not say which holder it is. */
export function placesOf(places: readonly Place[], holder: Uint8Array): ReadableBackend[] {
  const id = uuidText(holder);
  const own = places.filter((place) => place.holder === id);
  const candidates = own.length > 0 ? own : places.filter((place) => place.holder === null);
  return candidates.map((place) => place.backend);
}

/** That a stripe cannot be rebuilt, with the exact list of what is missing. */
export function tooFewShards(stripe: IndexedStripe, present: number, failed: readonly ObjectProblem[]): ValenceError {
  const { k, n } = stripe.geometry;
  const missing = stripe.shards.map((shard) => ({ index: shard.index, holder: uuidText(shard.holder), object: shardObjectName(shard.name) }));
  return new ValenceError('integrity/too-few-shards', `${present} of ${n} shards of a stripe can be read and ${k} are needed`, {
    hint: 'name more locations of this vault with --from; nothing was written',
    context: { stripe: toHex(stripeId(stripe.geometry)), shards: missing, problems: failed },
  });
}

