import { equalBytes, toHex } from '../core/bytes.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { sha256, shardObjectName } from '../format/shard/name.ts';
import type { HolderNames } from '../vault/lost-stripes.ts';
import type { Place } from '../vault/places.ts';
import type { Presence } from '../vault/presence.ts';
import { readOnce } from '../vault/read-object.ts';
import type { RepairedStripes } from '../vault/repaired-stripes.ts';
import { StripeReader } from '../vault/stripe-reader.ts';
import type { WritableHolder } from './holders.ts';
import { isPackOf } from './repair-stripe.ts';

export interface RepairSourceOptions {
  /** All that can be read. */
  readonly places: readonly Place[];
  readonly presence: Presence;
  readonly repaired: RepairedStripes;
  readonly names: HolderNames;
  /** Of a generation (UUID text). */
  readonly maskKey: (generation: string) => Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/** Gives a repair the packs of stripes, from wherever what is in them can be had. */
export class RepairSource {
  readonly #options: RepairSourceOptions;
  readonly #readers = new Map<string, StripeReader>();
  readonly #failed = new Set<string>();
  #checkedBytes = 0;
  /** Shards that were to be checked and lie in an archive. */
  unchecked = 0;

  constructor(options: RepairSourceOptions) {
    this.#options = options;
  }

  get bytesRead(): number {
    return [...this.#readers.values()].reduce((sum, { bytesRead }) => sum + bytesRead, this.#checkedBytes);
  }

  /** Whether a shard that is listed turned out damaged or gone when it was read. */
  hasFailed({ name }: PlacedShard): boolean {
    for (const { problems } of this.#readers.values()) {
      // Taken away as they come: of a vault that lost a place there is one for each of its shards.
      for (const { object } of problems.splice(0)) if (this.#options.presence.lists(object)) this.#failed.add(object);
    }
    return this.#failed.has(shardObjectName(name));
  }

  /** Whether a holder has this very shard; reads all of it. One in an archive has not been seen damaged, and is counted. */
  async isWhole(shard: PlacedShard, { backend }: WritableHolder): Promise<boolean> {
    const { signal } = this.#options;
    const bytes = await readOnce(backend, shardObjectName(shard.name), signal, { digest: shard.name });
    if (bytes === 'archived') this.unchecked += 1;
    if (typeof bytes === 'string') return bytes === 'archived';
    this.#checkedBytes += bytes.length;
    return equalBytes(sha256(bytes), shard.name);
  }

  /**
   * By its own shards, else chunk by chunk from `origin` and from other stripes that repair records tell of.
   * @throws `integrity/*`: what is wrong with its own shards
   */
  async pack(stripe: IndexedStripe, generation: string, origin: IndexedStripe): Promise<Uint8Array> {
    const reader = this.#readerOf(generation);
    try {
      const pack = await reader.read(stripe);
      if (stripe.signed === 0 && !isPackOf(stripe.geometry, pack)) throw notItsPack();
      return pack;
    } catch (error) {
      if (!isValenceError(error) || !error.code.startsWith('integrity/')) throw error;
      const gathered = await this.#gather(stripe, origin, reader);
      if (gathered === null || !isPackOf(stripe.geometry, gathered)) throw error;
      return gathered;
    }
  }

  async #gather(stripe: IndexedStripe, origin: IndexedStripe, reader: StripeReader): Promise<Uint8Array | null> {
    const pieces: Uint8Array[] = [];
    const own = stripe === origin ? new Map<string, PieceOfPack>() : placesIn(origin);
    const lost = new Set<IndexedStripe>();
    for (const { name } of stripe.chunks) {
      const first = own.get(toHex(name));
      const others = this.#options.repaired.placesOf(name, stripe.geometry);
      const piece = await firstWhole(name, first === undefined ? others : [first, ...others], { reader, lost });
      if (piece === null) return null;
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  #readerOf(generation: string): StripeReader {
    const known = this.#readers.get(generation);
    if (known !== undefined) return known;
    const { places, presence, names, maskKey, signal } = this.#options;
    const reader = new StripeReader(places, maskKey(generation), { presence, names, signal });
    this.#readers.set(generation, reader);
    return reader;
  }
}

interface PieceOfPack {
  readonly stripe: IndexedStripe;
  readonly offset: number;
  readonly length: number;
}

/** A record told a wrong length of it: its shards, coded again, would be others. */
function notItsPack(): ValenceError {
  return new ValenceError(
    'integrity/authentication-failed',
    'a repair record tells of a pack that does not give its stripe',
  );
}

function placesIn(stripe: IndexedStripe): Map<string, PieceOfPack> {
  const places = new Map<string, PieceOfPack>();
  let offset = 0;
  for (const { name, length } of stripe.chunks) {
    places.set(toHex(name), { stripe, offset, length });
    offset += length;
  }
  return places;
}

async function firstWhole(
  name: Uint8Array,
  places: readonly PieceOfPack[],
  { reader, lost }: { readonly reader: StripeReader; readonly lost: Set<IndexedStripe> },
): Promise<Uint8Array | null> {
  for (const { stripe, offset, length } of places) {
    if (lost.has(stripe)) continue;
    try {
      const piece = (await reader.read(stripe)).subarray(offset, offset + length);
      if (equalBytes(sha256(piece), name)) return Uint8Array.from(piece);
    } catch (error) {
      if (!isValenceError(error) || !error.code.startsWith('integrity/')) throw error;
      lost.add(stripe);
    }
  }
  return null;
}
