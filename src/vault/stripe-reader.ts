import type { ReadableBackend } from '../backends/backend.ts';
import type { ValenceError } from '../core/errors.ts';
import { PACK_CACHE_BYTES } from '../core/limits.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { decodeStripe, maskShard, stripeId } from '../format/sealing/stripe.ts';
import { sha256, shardObjectName } from '../format/shard/name.ts';
import { choicesOf, decodeAny } from './decode-any.ts';
import type { PlainShard } from './decode-any.ts';
import { readHedged } from './hedged-read.ts';
import { tooFewShards } from './lost-stripes.ts';
import type { HolderNames, LackingShard } from './lost-stripes.ts';
import { placesOf } from './places.ts';
import type { Place } from './places.ts';
import { byIndex } from './presence.ts';
import type { Presence } from './presence.ts';
import { inArchive } from './read-object.ts';
import type { ObjectProblem } from './read-object.ts';
import { SourceSpeeds } from './source-speeds.ts';

export interface StripeReaderOptions {
  /** Finds a shard that lies with another holder than its own. */
  readonly presence?: Presence | undefined;
  readonly names?: HolderNames | undefined;
  /** Shared with others that read from these places. */
  readonly speeds?: SourceSpeeds | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where a shard may be had. */
interface Source {
  readonly shard: PlacedShard;
  readonly backend: ReadableBackend;
}

/** All that is known of one index of a stripe: any of them will do. */
interface Choice {
  readonly index: number;
  readonly sources: readonly Source[];
}

interface ShardReading {
  readonly shardLength: number;
  readonly problems: ObjectProblem[];
  readonly signal: AbortSignal | undefined;
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
  /** Of the places it reads from. */
  readonly speeds: SourceSpeeds;

  constructor(places: readonly Place[], maskKey: Uint8Array, options: StripeReaderOptions = {}) {
    this.#places = places;
    this.#maskKey = maskKey;
    this.#signal = options.signal;
    this.#presence = options.presence;
    this.#names = options.names ?? new Map();
    this.speeds = options.speeds ?? new SourceSpeeds();
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

  /** Asks for the k shards that come soonest, data shards first where that is equal, and for one more whenever one fails or is late. */
  async #decode(stripe: IndexedStripe): Promise<Uint8Array> {
    const { geometry } = stripe;
    const { k, n, shardLength } = geometry;
    const id = stripeId(geometry);
    const missing: LackingShard[] = [];
    const read = await readHedged<Choice, PlainShard>({
      candidates: this.#choicesOf(stripe),
      needed: k,
      read: async ({ index, sources }, signal) => {
        const problems: ObjectProblem[] = [];
        for (const { shard, backend } of sources) {
          const bytes = await this.#readFrom(backend, shard, { shardLength, problems, signal });
          if (bytes !== null) return { index, bytes: maskShard(this.#maskKey, { stripeId: id, ...shard }, bytes) };
        }
        missing.push({ shard: stripe.shards.find((shard) => shard.index === index)!, problems });
        return null;
      },
      patienceMs: ({ sources }) => this.speeds.patienceMs(sources[0]?.backend, shardLength),
      timer: this.speeds.timer,
      signal: this.#signal,
    });
    if (read.length < k) throw this.#notRead(stripe, read.length, missing);
    const shards: (Uint8Array | null)[] = Array.from({ length: n }, () => null);
    for (const { index, bytes } of read) shards[index] = bytes;
    if (stripe.signed === undefined) return decodeStripe(geometry, shards);
    return decodeAny(geometry, this.#choices(stripe, shards));
  }

  /** Of each index where it may be had, the soonest first. */
  #choicesOf({ shards, geometry: { shardLength } }: IndexedStripe): Choice[] {
    const choices = Array.from(byIndex(shards), ([index, same]): Choice => {
      const sources = same.flatMap((shard) =>
        this.#sourcesOf(shard, shardLength).map((backend): Source => ({ shard, backend })),
      );
      return { index, sources: this.speeds.fastestFirst(sources, ({ backend }) => backend, shardLength) };
    }).sort((a, b) => a.index - b.index);
    return this.speeds.fastestFirst(choices, ({ sources }) => sources[0]?.backend, shardLength);
  }

  #notRead(stripe: IndexedStripe, present: number, missing: readonly LackingShard[]): ValenceError {
    const archived = missing.filter(({ problems }) => problems.some(({ kind }) => kind === 'archived'));
    const needed = stripe.geometry.k - present;
    if (archived.length < needed) return tooFewShards([{ stripe, present, missing }], this.#names);
    const objects = archived.slice(0, needed).map(({ shard }) => shardObjectName(shard.name));
    return inArchive(needed === 1 ? 'a shard' : `${needed} shards`, objects);
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
      const bytes = await this.#readShard(shard, geometry.shardLength);
      if (bytes === null) continue;
      plain.push({ index: shard.index, bytes: maskShard(this.#maskKey, { stripeId: id, ...shard }, bytes) });
    }
    yield* choicesOf(geometry, plain);
  }

  /** Its own holder first, then who else lists it. */
  #sourcesOf(shard: PlacedShard, shardLength: number): ReadableBackend[] {
    return [...placesOf(this.#places, shard.holder), ...(this.#presence?.elsewhere(shard, shardLength) ?? [])];
  }

  async #readShard(shard: PlacedShard, shardLength: number): Promise<Uint8Array | null> {
    for (const backend of this.#sourcesOf(shard, shardLength)) {
      const bytes = await this.#readFrom(backend, shard, { shardLength, problems: [], signal: this.#signal });
      if (bytes !== null) return bytes;
    }
    return null;
  }

  /** The stored bytes if they are what the index says. */
  async #readFrom(
    backend: ReadableBackend,
    shard: PlacedShard,
    { shardLength, problems, signal }: ShardReading,
  ): Promise<Uint8Array | null> {
    const object = shardObjectName(shard.name);
    const bytes = await this.speeds.read(backend, object, signal, { digest: shard.name, expectedBytes: shardLength });
    if (typeof bytes !== 'string') this.bytesRead += bytes.length;
    const isWhole =
      typeof bytes !== 'string' && bytes.length === shardLength && Buffer.compare(sha256(bytes), shard.name) === 0;
    if (isWhole) return bytes;
    const problem = {
      location: backend.location,
      object,
      kind: typeof bytes === 'string' ? bytes : 'corrupt',
    } as const;
    problems.push(problem);
    if (problem.kind === 'corrupt') this.speeds.askLast(backend);
    // What lies in an archive is no damage.
    if (problem.kind !== 'archived') this.problems.push(problem);
    return null;
  }
}
