import { isValenceError } from '../core/errors.ts';
import { uuidBytes } from '../core/ids.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import type { PackedChunk } from '../format/sealing/pack.ts';
import { maskShard, stripeId, storeShard } from '../format/sealing/stripe.ts';
import type { Profile, StoredShard } from '../format/sealing/stripe.ts';
import { shardObjectName } from '../format/shard/name.ts';
import { survivesDomains } from '../placement/promise.ts';
import type { Blemish } from '../vault/places.ts';
import { FIRST_EPOCH } from './code-stripe.ts';
import type { StripeCoder } from './code-stripe.ts';
import { tooFewHolders } from './holders.ts';
import type { WritableHolder } from './holders.ts';

export interface PlacerOptions {
  readonly holders: readonly WritableHolder[];
  readonly profile: Profile;
  readonly maskKey: Uint8Array;
  readonly coder: StripeCoder;
  readonly signal?: AbortSignal | undefined;
}

interface Placing {
  readonly id: Uint8Array;
  readonly index: number;
  readonly stored: StoredShard;
  readonly holder: WritableHolder;
}

/** Turns packs into shards and brings each to a holder of its own. */
export class Placer {
  readonly #profile: Profile;
  readonly #maskKey: Uint8Array;
  readonly #coder: StripeCoder;
  readonly #signal: AbortSignal | undefined;
  /** Holders that have not refused yet. */
  readonly #willing: Set<WritableHolder>;
  readonly #full = new Set<WritableHolder>();
  readonly refused: Blemish[] = [];
  #storedBytes = 0;
  /** The different sets of holders that stripes were placed at; few, however many stripes there are. */
  readonly #placements = new Map<string, readonly WritableHolder[]>();

  constructor({ holders, profile, maskKey, coder, signal }: PlacerOptions) {
    this.#coder = coder;
    this.#profile = profile;
    this.#maskKey = maskKey;
    this.#signal = signal;
    this.#willing = new Set(holders);
  }

  /** Bytes that holders have acknowledged. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** The least that any stripe placed here survives by the holders that still answer; infinite before the first. */
  get survives(): number {
    const required = this.#profile.k;
    const perSet = [...this.#placements.values()].map((holders) => {
      const places = holders.filter((holder) => this.answers(holder)).map((holder) => holder.domains);
      return survivesDomains({ required, places });
    });
    return Math.min(Number.POSITIVE_INFINITY, ...perSet);
  }

  /** False once a holder went away during the run; one that is only full keeps what it has. */
  answers(holder: WritableHolder): boolean {
    return this.#willing.has(holder) || this.#full.has(holder);
  }

  get willing(): readonly WritableHolder[] {
    return [...this.#willing];
  }

  /** Takes the pack's bytes away from the caller. @throws `backend/*` when fewer than k shards find a holder */
  async place(pack: Uint8Array, chunks: readonly PackedChunk[]): Promise<IndexedStripe> {
    const willing = this.willing;
    const candidates = willing.map((holder) => ({ holder: uuidBytes(holder.holder), domains: holder.domains }));
    const { geometry, order, shards } = await this.#coder.code({
      pack,
      profile: this.#profile,
      maskKey: this.#maskKey,
      candidates,
    });
    const id = stripeId(geometry);
    const holders = order.map((index) => willing[index]!);
    const spares = holders.slice(shards.length);
    const placed = await Promise.all(
      shards.map((stored, index) => this.#placeShard({ id, index, stored, holder: holders[index]! }, spares)),
    );
    const there = placed.filter((entry) => entry !== null);
    if (there.length < geometry.k) throw tooFewHolders(geometry.k, there.length, this.refused);
    const at = there.map((entry) => entry.holder);
    this.#placements.set(
      at
        .map((holder) => holder.holder)
        .toSorted()
        .join(),
      at,
    );
    return { geometry, shards: there.map((entry) => entry.shard), chunks };
  }

  /** At the holder it was masked for, else, masked anew, at a spare; null when none takes it. */
  async #placeShard(
    first: Placing,
    spares: WritableHolder[],
  ): Promise<{ shard: PlacedShard; holder: WritableHolder } | null> {
    const { id, index } = first;
    let { stored, holder } = first;
    for (;;) {
      const { bytes, ...commitment } = stored;
      if (this.#willing.has(holder) && (await this.store(holder, shardObjectName(stored.name), bytes))) {
        return { shard: { index, holder: uuidBytes(holder.holder), epoch: FIRST_EPOCH, ...commitment }, holder };
      }
      const spare = spares.shift();
      if (spare === undefined) return null;
      const mask = { stripeId: id, index, epoch: FIRST_EPOCH };
      const plain = maskShard(this.#maskKey, { ...mask, holder: uuidBytes(holder.holder) }, bytes);
      stored = storeShard(this.#maskKey, { ...mask, holder: uuidBytes(spare.holder) }, plain);
      holder = spare;
    }
  }

  /** Puts one object; false, and the holder is out for this run, when it refuses. @throws when cancelled */
  async store(holder: WritableHolder, object: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await holder.backend.put(object, bytes, { signal: this.#signal });
      this.#storedBytes += bytes.length;
      return true;
    } catch (error) {
      return this.#refuse(holder, error);
    }
  }

  #refuse(holder: WritableHolder, error: unknown): false {
    this.#signal?.throwIfAborted();
    if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
    if (this.#willing.delete(holder)) this.refused.push({ location: holder.backend.location, error });
    if (error.code === 'backend/full') this.#full.add(holder);
    return false;
  }

  /** Puts one object where a damaged copy may lie. That goes only when the holder itself says that it is another one. */
  async replace(holder: WritableHolder, object: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await holder.backend.put(object, bytes, { signal: this.#signal });
      this.#storedBytes += bytes.length;
      return true;
    } catch (error) {
      if (!isValenceError(error, 'backend/already-exists')) return this.#refuse(holder, error);
    }
    try {
      await holder.backend.delete(object, { signal: this.#signal });
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
    }
    return this.store(holder, object, bytes);
  }

  /** Puts one object at every willing holder; those that took it. */
  async storeEverywhere(object: string, bytes: Uint8Array): Promise<WritableHolder[]> {
    const holders = this.willing;
    const took = await Promise.all(holders.map((holder) => this.store(holder, object, bytes)));
    return holders.filter((_, i) => took[i]);
  }
}
