import { isValenceError } from '../core/errors.ts';
import { uuidBytes } from '../core/ids.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import type { PackedChunk } from '../format/sealing/pack.ts';
import { encodeStripe, stripeId, storeShard } from '../format/sealing/stripe.ts';
import type { Profile } from '../format/sealing/stripe.ts';
import { shardObjectName } from '../format/shard/name.ts';
import { chooseHolders } from '../placement/choose-holders.ts';
import { survivesDomains } from '../placement/promise.ts';
import type { Blemish } from '../vault/places.ts';
import { tooFewHolders } from './holders.ts';
import type { WritableHolder } from './holders.ts';

/** Turns packs into shards and brings each to a holder of its own. */
export class Placer {
  readonly #profile: Profile;
  readonly #maskKey: Uint8Array;
  readonly #signal: AbortSignal | undefined;
  /** Holders that have not refused yet. */
  readonly #willing: Set<WritableHolder>;
  readonly refused: Blemish[] = [];
  #storedBytes = 0;
  #survives = Number.POSITIVE_INFINITY;

  constructor(holders: readonly WritableHolder[], profile: Profile, maskKey: Uint8Array, signal?: AbortSignal) {
    this.#profile = profile;
    this.#maskKey = maskKey;
    this.#signal = signal;
    this.#willing = new Set(holders);
  }

  /** Bytes that holders have acknowledged. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** The least that any stripe placed here survives; infinite before the first. */
  get survives(): number {
    return this.#survives;
  }

  get willing(): readonly WritableHolder[] {
    return [...this.#willing];
  }

  /** @throws `backend/*` when fewer than k shards find a holder */
  async place(pack: Uint8Array, chunks: readonly PackedChunk[]): Promise<IndexedStripe> {
    const { geometry, shards } = encodeStripe(pack, this.#profile);
    const id = stripeId(geometry);
    const order = this.#order(id);
    const spares = order.splice(shards.length);
    const placed = await Promise.all(
      shards.map(async (shard, index) => {
        for (let holder = order[index]; holder !== undefined; holder = spares.shift()) {
          const stored = await this.#put({ shard, index, stripe: id, holder });
          if (stored !== null) return { stored, domain: holder.domain };
        }
        return null;
      }),
    );
    const there = placed.filter((entry) => entry !== null);
    if (there.length < geometry.k) throw tooFewHolders(geometry.k, there.length, this.refused);
    const survives = survivesDomains({ required: geometry.k, domains: there.map((entry) => entry.domain) });
    this.#survives = Math.min(this.#survives, survives);
    return { geometry, shards: there.map((entry) => entry.stored), chunks };
  }

  #order(id: Uint8Array): WritableHolder[] {
    const willing = this.willing;
    const candidates = willing.map((holder) => ({ holder: uuidBytes(holder.holder), domain: holder.domain }));
    return chooseHolders(id, candidates).map((index) => willing[index]!);
  }

  /** Null when the holder refuses; it is not asked again in this run. */
  async #put(what: { shard: Uint8Array; index: number; stripe: Uint8Array; holder: WritableHolder }): Promise<PlacedShard | null> {
    const { shard, index, stripe, holder } = what;
    if (!this.#willing.has(holder)) return null;
    const id = uuidBytes(holder.holder);
    const epoch = 0;
    const { bytes, name, root, groups } = storeShard(this.#maskKey, { stripeId: stripe, index, holder: id, epoch }, shard);
    if (!(await this.store(holder, shardObjectName(name), bytes))) return null;
    return { index, holder: id, epoch, name, root, groups };
  }

  /** Puts one object; false, and the holder is out for this run, when it refuses. @throws when cancelled */
  async store(holder: WritableHolder, object: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await holder.backend.put(object, bytes, { signal: this.#signal });
      this.#storedBytes += bytes.length;
      return true;
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
      if (this.#willing.delete(holder)) this.refused.push({ location: holder.backend.location, error });
      return false;
    }
  }

  /** Puts one object at every willing holder; those that took it. */
  async storeEverywhere(object: string, bytes: Uint8Array): Promise<WritableHolder[]> {
    const holders = this.willing;
    const took = await Promise.all(holders.map((holder) => this.store(holder, object, bytes)));
    return holders.filter((_, i) => took[i]);
  }
}
