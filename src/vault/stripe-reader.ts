import { PACK_CACHE_BYTES } from '../core/limits.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { decodeStripe, maskShard, stripeId } from '../format/sealing/stripe.ts';
import { sha256, shardObjectName } from '../format/shard/name.ts';
import { choicesOf, decodeAny } from './decode-any.ts';
import type { PlainShard } from './decode-any.ts';
import { tooFewShards } from './lost-stripes.ts';
import type { HolderNames, LackingShard } from './lost-stripes.ts';
import { placesOf } from './places.ts';
import type { Place } from './places.ts';
import { byIndex } from './presence.ts';
import type { Presence } from './presence.ts';
import { readOnce } from './read-object.ts';
import type { ObjectProblem } from './read-object.ts';

export interface StripeReaderOptions {
  /** Finds a shard that lies with another holder than its own. */
  readonly presence?: Presence | undefined;
  readonly names?: HolderNames | undefined;
  readonly signal?: AbortSignal | undefined;
}

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
  /** Bytes taken from backends so far, those of damaged shards included. */
  bytesRead = 0;
  readonly #presence: Presence | undefined;
  readonly #names: HolderNames;

  constructor(places: readonly Place[], maskKey: Uint8Array, options: StripeReaderOptions = {}) {
    this.#places = places;
    this.#maskKey = maskKey;
    this.#signal = options.signal;
    this.#presence = options.presence;
    this.#names = options.names ?? new Map();
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
    pack.catch(() => {
      if (this.#packs.get(stripe) === pack) this.#forget(stripe);
    });
    this.#packs.set(stripe, pack);
    this.#cachedBytes += stripe.geometry.packLength;
    this.#evict();
    return pack;
  }

  #forget(stripe: IndexedStripe): void {
    this.#packs.delete(stripe);
    this.#cachedBytes -= stripe.geometry.packLength;
  }

  #evict(): void {
    for (const stripe of this.#packs.keys()) {
      if (this.#cachedBytes <= PACK_CACHE_BYTES || this.#packs.size === 1) return;
      this.#forget(stripe);
    }
  }

  /** Asks for k shards at once, data shards first, and for one more whenever one fails. */
  async #decode(stripe: IndexedStripe): Promise<Uint8Array> {
    const { geometry } = stripe;
    const id = stripeId(geometry);
    const shards: (Uint8Array | null)[] = Array.from({ length: geometry.n }, () => null);
    const missing: LackingShard[] = [];
    const waiting = [...byIndex(stripe.shards).values()].sort(([a], [b]) => a!.index - b!.index);
    const fetchNext = async (): Promise<void> => {
      for (let same = waiting.shift(); same !== undefined; same = waiting.shift()) {
        const { index } = same[0]!;
        const problems: ObjectProblem[] = [];
        for (const shard of same) {
          const bytes = await this.#readShard(shard, geometry.shardLength, problems);
          if (bytes === null) continue;
          shards[index] = maskShard(this.#maskKey, { stripeId: id, ...shard }, bytes);
          break;
        }
        this.problems.push(...problems);
        if (shards[index] !== null) return;
        missing.push({ shard: same[0]!, problems });
      }
    };
    await Promise.all(Array.from({ length: geometry.k }, fetchNext));
    const present = shards.filter((shard) => shard !== null).length;
    if (present < geometry.k) throw tooFewShards([{ stripe, present, missing }], this.#names);
    if (stripe.signed === undefined) return decodeStripe(geometry, shards);
    return decodeAny(geometry, this.#choices(stripe, shards));
  }

  /** What was read; then, of every shard there is, choices of k: first of those that segments list, as far as there are so many. */
  async *#choices(
    { geometry, shards }: IndexedStripe,
    read: readonly (Uint8Array | null)[],
  ): AsyncGenerator<readonly (Uint8Array | null)[], void, undefined> {
    yield read;
    const id = stripeId(geometry);
    const plain: PlainShard[] = [];
    for (const shard of shards) {
      const bytes = await this.#readShard(shard, geometry.shardLength, []);
      if (bytes === null) continue;
      plain.push({ index: shard.index, bytes: maskShard(this.#maskKey, { stripeId: id, ...shard }, bytes) });
    }
    yield* choicesOf(geometry, plain);
  }

  /** The stored bytes if they are what the index says; its own holder is asked first, then who else lists it. */
  async #readShard(shard: PlacedShard, shardLength: number, failed: ObjectProblem[]): Promise<Uint8Array | null> {
    const object = shardObjectName(shard.name);
    const elsewhere = this.#presence?.elsewhere(shard, shardLength) ?? [];
    for (const backend of [...placesOf(this.#places, shard.holder), ...elsewhere]) {
      const bytes = await readOnce(backend, object, this.#signal);
      if (typeof bytes !== 'string') this.bytesRead += bytes.length;
      const isWhole =
        typeof bytes !== 'string' && bytes.length === shardLength && Buffer.compare(sha256(bytes), shard.name) === 0;
      if (isWhole) return bytes;
      failed.push({ location: backend.location, object, kind: typeof bytes === 'string' ? bytes : 'corrupt' });
    }
    return null;
  }
}
