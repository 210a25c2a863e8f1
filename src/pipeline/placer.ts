import { UPLOAD_MEMORY_BYTES, UPLOADS_AT_ONCE, SHARD_BYTES_MAX, SPOOL_MEMORY_BYTES } from '../core/limits.ts';
import { ValenceError } from '../core/errors.ts';
import { uuidBytes } from '../core/ids.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import type { PackedChunk } from '../format/sealing/pack.ts';
import { maskShard, stripeId, storeShard } from '../format/sealing/stripe.ts';
import type { Profile, StoredShard, StripeGeometry } from '../format/sealing/stripe.ts';
import { shardObjectName } from '../format/shard/name.ts';
import { survivesDomains } from '../placement/promise.ts';
import { FIRST_EPOCH } from './code-stripe.ts';
import type { StripeCoder } from './code-stripe.ts';
import { HolderQueue } from './holder-queue.ts';
import { tooFewHolders } from './holders.ts';
import type { WritableHolder } from './holders.ts';
import { Spool, SpoolRoom } from './spool.ts';
import type { SpoolOptions } from './spool.ts';
import type { Uploads } from './uploads.ts';

export interface PlacerOptions {
  readonly uploads: Uploads;
  readonly profile: Profile;
  readonly maskKey: Uint8Array;
  readonly coder: StripeCoder;
  /** Where shards wait for slow holders: memory and disk for all of them together. */
  readonly spool: SpoolOptions;
  readonly signal?: AbortSignal | undefined;
}

/** A stripe whose shards have not all been taken or given up. */
interface UnsettledStripe {
  readonly id: Uint8Array;
  readonly geometry: StripeGeometry;
  readonly chunks: readonly PackedChunk[];
  readonly spares: WritableHolder[];
  readonly there: { readonly shard: PlacedShard; readonly holder: WritableHolder }[];
  /** Shards that no holder has taken yet. */
  waiting: number;
  readonly settled: PromiseWithResolvers<IndexedStripe>;
}

/** A shard on its way to the holder that it is masked for. */
interface Placing {
  readonly stripe: UnsettledStripe;
  readonly index: number;
  readonly commitment: Omit<StoredShard, 'bytes'>;
}

/** A stripe whose shards wait for their holders. */
export interface BegunStripe {
  /** With the shards that were taken, once all are taken or given up. Rejects with `backend/*` when they are fewer than k. */
  readonly placed: Promise<IndexedStripe>;
}

/** Turns packs into shards and brings each to a holder of its own. */
export class Placer {
  readonly #profile: Profile;
  readonly #maskKey: Uint8Array;
  readonly #coder: StripeCoder;
  readonly #uploads: Uploads;
  readonly #stopping = new AbortController();
  /** Of shards, which nobody waits for once the run has failed. */
  readonly #shardSignal: AbortSignal;
  readonly #queues: ReadonlyMap<WritableHolder, HolderQueue<Placing>>;
  readonly #unsettled = new Set<UnsettledStripe>();
  #failure: { readonly error: unknown } | null = null;
  /** Of those that wait for a holder with an empty queue. */
  readonly #wake: (() => void)[] = [];
  /** The different sets of holders that stripes were placed at; few, however many stripes there are. */
  readonly #placements = new Map<string, readonly WritableHolder[]>();

  constructor({ uploads, profile, maskKey, coder, spool, signal }: PlacerOptions) {
    const holders = uploads.willing;
    this.#uploads = uploads;
    this.#coder = coder;
    this.#profile = profile;
    this.#maskKey = maskKey;
    this.#shardSignal = AbortSignal.any([this.#stopping.signal, ...(signal === undefined ? [] : [signal])]);
    const share = {
      ...spool,
      memoryBytes: Math.floor((spool.memoryBytes ?? SPOOL_MEMORY_BYTES) / Math.max(1, holders.length)),
      disk: spool.disk instanceof SpoolRoom ? spool.disk : new SpoolRoom(spool.disk),
    };
    this.#queues = new Map(
      holders.map((holder) => [
        holder,
        new HolderQueue<Placing>({
          spool: new Spool<Placing>(share),
          atOnce: uploadsAtOnce(holder, holders.length),
          deliver: (placing, bytes) => this.#deliver(holder, placing, bytes),
          emptied: () => this.#wakeAll(),
          failed: (error) => this.#fail(error),
        }),
      ]),
    );
    uploads.onRefusal(() => this.#wakeAll());
  }

  /** The least that any stripe placed here survives by the holders that still answer; infinite before the first. */
  get survives(): number {
    const required = this.#profile.k;
    const perSet = [...this.#placements.values()].map((holders) => {
      const places = holders.filter((holder) => this.#uploads.answers(holder)).map((holder) => holder.domains);
      return survivesDomains({ required, places });
    });
    return Math.min(Number.POSITIVE_INFINITY, ...perSet);
  }

  /**
   * Resolves when another stripe is worth coding: some holder has nothing waiting. The fastest sets the pace, until the
   * disk is full of what the others have not taken.
   */
  async ready(): Promise<void> {
    const isBusy = (holder: WritableHolder): boolean => !this.#queues.get(holder)!.isEmpty;
    const isWorthless = (): boolean => this.#uploads.willing.length > 0 && this.#uploads.willing.every(isBusy);
    while (this.#failure === null && isWorthless()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake.push(resolve);
      await promise;
    }
  }

  /** Takes the pack's bytes away from the caller. @throws `backend/*` when fewer than k shards find a holder */
  async place(pack: Uint8Array, chunks: readonly PackedChunk[]): Promise<IndexedStripe> {
    return (await this.begin(pack, chunks)).placed;
  }

  /** The same, but resolves as soon as every shard is in its holder's queue. */
  async begin(pack: Uint8Array, chunks: readonly PackedChunk[]): Promise<BegunStripe> {
    const { willing, refused } = this.#uploads;
    if (willing.length < this.#profile.k) throw tooFewHolders(this.#profile.k, willing.length, refused);
    const candidates = willing.map((holder) => ({ holder: uuidBytes(holder.holder), domains: holder.domains }));
    const { geometry, order, shards } = await this.#coder.code({
      pack,
      profile: this.#profile,
      maskKey: this.#maskKey,
      candidates,
    });
    if (this.#failure !== null) throw this.#failure.error;
    const holders = order.map((index) => willing[index]!);
    const stripe: UnsettledStripe = {
      id: stripeId(geometry),
      geometry,
      chunks,
      spares: holders.slice(shards.length),
      there: [],
      waiting: shards.length,
      settled: Promise.withResolvers<IndexedStripe>(),
    };
    const placed = stripe.settled.promise;
    placed.catch(() => {});
    this.#unsettled.add(stripe);
    this.#settle(stripe);
    await Promise.all(
      shards.map(({ bytes, ...commitment }, index) =>
        this.#queues.get(holders[index]!)!.push({ stripe, index, commitment }, bytes),
      ),
    );
    return { placed };
  }

  /** To the holder it was masked for, else, masked anew, into the queue of a spare. */
  async #deliver(holder: WritableHolder, placing: Placing, bytes: Uint8Array): Promise<void> {
    const { stripe, index, commitment } = placing;
    // The stripe was given up, and the run with it.
    if (!this.#unsettled.has(stripe)) return;
    if (this.#uploads.isWilling(holder) && (await this.#storeShard(holder, commitment, bytes))) {
      const shard = { index, holder: uuidBytes(holder.holder), epoch: FIRST_EPOCH, ...commitment };
      stripe.there.push({ shard, holder });
    } else {
      const spare = this.#spareOf(stripe);
      if (spare !== null) return this.#passOn(holder, spare, placing, bytes);
    }
    stripe.waiting -= 1;
    this.#settle(stripe);
  }

  #storeShard(holder: WritableHolder, { name }: Placing['commitment'], bytes: Uint8Array): Promise<boolean> {
    return this.#uploads.store(holder, shardObjectName(name), bytes, this.#shardSignal);
  }

  #spareOf({ spares }: UnsettledStripe): WritableHolder | null {
    for (let spare = spares.shift(); spare !== undefined; spare = spares.shift()) {
      if (this.#uploads.isWilling(spare)) return spare;
    }
    return null;
  }

  async #passOn(from: WritableHolder, to: WritableHolder, placing: Placing, bytes: Uint8Array): Promise<void> {
    const mask = { stripeId: placing.stripe.id, index: placing.index, epoch: FIRST_EPOCH };
    const plain = maskShard(this.#maskKey, { ...mask, holder: uuidBytes(from.holder) }, bytes);
    const stored = storeShard(this.#maskKey, { ...mask, holder: uuidBytes(to.holder) }, plain);
    const { bytes: remasked, ...commitment } = stored;
    await this.#queues.get(to)!.push({ ...placing, commitment }, remasked);
  }

  /** Ends a stripe whose shards are all taken or given up, and one that cannot have k of them any more. */
  #settle(stripe: UnsettledStripe): void {
    const { geometry, chunks, there, waiting, settled } = stripe;
    if (there.length + waiting < geometry.k) {
      this.#unsettled.delete(stripe);
      settled.reject(tooFewHolders(geometry.k, there.length, this.#uploads.refused));
    } else if (waiting === 0) {
      this.#unsettled.delete(stripe);
      const at = there.map(({ holder }) => holder);
      const ids = at.map(({ holder }) => holder);
      this.#placements.set(ids.toSorted().join(), at);
      const shards = there.map(({ shard }) => shard).sort((a, b) => a.index - b.index);
      settled.resolve({ geometry, shards, chunks });
    }
  }

  /** Lets go of everything that waits or is on its way. Resolves when what waited on disk is removed. */
  async stop(): Promise<void> {
    this.#fail(new ValenceError('cancelled', 'the backup was stopped'));
    await Promise.all([...this.#queues.values()].map((queue) => queue.stop()));
  }

  /** After `stop`: resolves when nothing is on its way any more. */
  async ended(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.ended()));
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stopping.abort(this.#failure.error);
    for (const { settled } of this.#unsettled) settled.reject(this.#failure.error);
    this.#unsettled.clear();
    for (const queue of this.#queues.values()) queue.fail(this.#failure.error);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** As many as the holder allows and memory for all of them does, and two at least: one on its way while another is acknowledged. */
function uploadsAtOnce({ backend }: WritableHolder, holders: number): number {
  const share = Math.max(2, Math.floor(UPLOAD_MEMORY_BYTES / SHARD_BYTES_MAX / holders));
  return Math.max(1, Math.min(backend.traits.maxConcurrency, UPLOADS_AT_ONCE, share));
}
