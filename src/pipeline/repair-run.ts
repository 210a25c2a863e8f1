import { toHex } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import type { ValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { systemTimer } from '../core/clock.ts';
import { REPAIRS_AT_ONCE } from '../core/limits.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import type { StripeGeometry } from '../format/sealing/stripe.ts';
import { stripeId } from '../format/sealing/stripe.ts';
import { survivesDomains } from '../placement/promise.ts';
import { aheadInOrder } from '../vault/ahead.ts';
import { askArchives, waitForArchives } from '../vault/archive.ts';
import type { NeededStripe } from '../vault/listed-stripes.ts';
import { tooFewShards } from '../vault/lost-stripes.ts';
import type { HolderNames } from '../vault/lost-stripes.ts';
import type { Presence } from '../vault/presence.ts';
import { byIndex } from '../vault/presence.ts';
import type { Repairs } from '../vault/repairs.ts';
import type { WritableHolder } from './holders.ts';
import { recode } from './recode.ts';
import { RepairLog } from './repair-log.ts';
import { planStripe } from './repair-plan.ts';
import type { StripePlan } from './repair-plan.ts';
import { RepairSource } from './repair-source.ts';
import { carryOut, falselyTold } from './repair-stripe.ts';
import type { RepairLoss, RepairOptions } from './repair.ts';
import { Uploads } from './uploads.ts';

/** The stripes of a repair, a few at once. */

export interface RepairView {
  readonly repairs: Repairs;
  readonly presence: Presence;
  readonly names: HolderNames;
}

type RunOptions = Omit<RepairOptions, 'promisedOn' | 'data' | 'dryRun'>;

export interface RepairMode extends Pick<RepairOptions, 'data' | 'dryRun'> {
  /** Look only for shards that were never placed, and not for those that are gone. */
  readonly onlyUnplaced?: boolean | undefined;
}

interface Target {
  readonly stripe: IndexedStripe;
  readonly generation: string;
  /** What the index says of its chunks; the stripe itself unless it was coded anew. */
  readonly origin: IndexedStripe;
}

/** Repairs stripes one by one, a few at once, and counts. */
export class RepairRun {
  readonly uploads: Uploads;
  readonly log: RepairLog;
  readonly source: RepairSource;
  readonly lost: RepairLoss[] = [];
  seen = 0;
  repaired = 0;
  recoded = 0;
  shards = 0;
  lacking = 0;
  /** Stripes that wait for an archive. */
  archived = 0;
  /** Read to check copies. */
  copiedBytes = 0;
  survives: number = Number.POSITIVE_INFINITY;
  /** How many shards each holder got, by its name. */
  readonly placedAt: Map<string, number> = new Map();
  readonly #options: RunOptions;
  readonly #mode: RepairMode;
  readonly #view: RepairView;
  /** Targets of which one serves several stripes, once is enough. */
  readonly #done = new Set<string>();

  constructor(options: RunOptions, view: RepairView, mode: RepairMode) {
    this.#mode = mode;
    const { holders, lockedUntil, places, keyring, tier, random, signal } = options;
    this.#options = options;
    this.#view = view;
    const maskKey = (generation: string): Uint8Array => keyring.secrets(generation)!.maskKey;
    this.uploads = new Uploads({ holders, lockedUntil, signal });
    this.log = new RepairLog({ tier, keyring, uploads: this.uploads, random });
    this.source = new RepairSource({ ...view, repaired: view.repairs.stripes, places, maskKey, signal });
  }

  /** Settles when nothing is under way. @throws `backend/*` when no holder takes a repair record */
  async stripes(needed: readonly NeededStripe[]): Promise<void> {
    const cold = this.#mode.dryRun ? new Set<NeededStripe>() : await this.#askArchives(needed);
    const underWay = new Set<Promise<void>>();
    const work = async (stripe: NeededStripe): Promise<void> => {
      const repairing = this.#repairUnlessCold(stripe, cold);
      underWay.add(repairing);
      await repairing.finally(() => underWay.delete(repairing));
    };
    try {
      for await (const _ of aheadInOrder(needed, REPAIRS_AT_ONCE, work)) {
        this.seen += 1;
        this.#options.progress({ stage: 'repairing stripes', done: this.seen, total: needed.length });
      }
    } finally {
      await Promise.allSettled(underWay);
    }
    await this.log.flush();
  }

  async #repairUnlessCold(stripe: NeededStripe, cold: ReadonlySet<NeededStripe>): Promise<void> {
    if (cold.has(stripe) || (await this.#repair(stripe)) === 'archived') this.#leave(stripe);
  }

  /** Those that have to wait for an archive, everything that they need being asked for; none where that was waited for. */
  async #askArchives(needed: readonly NeededStripe[]): Promise<Set<NeededStripe>> {
    const { places, archived, progress, signal } = this.#options;
    const reading = new Map<IndexedStripe, NeededStripe>();
    for (const stripe of needed) for (const read of this.#readBy(stripe)) reading.set(read, stripe);
    const cold = await askArchives([...reading.keys()], { places, presence: this.#view.presence, signal });
    if (archived?.wait !== true) return new Set(cold.map(({ stripe }) => reading.get(stripe)!));
    await waitForArchives(cold, { timer: archived.timer ?? systemTimer, progress, signal });
    return new Set();
  }

  /** What has to be read to bring a stripe back, by what is listed. */
  #readBy({ stripe }: NeededStripe): IndexedStripe[] {
    const others = this.#targetsOf(stripe);
    if (others === null) return [stripe];
    return others.filter((other) => this.#plan(other, new Set()).placings.length > 0);
  }

  /** It stays as it is. */
  #leave({ stripe }: NeededStripe): void {
    this.archived += 1;
    const { good } = this.#plan(stripe, new Set());
    this.#count(stripe, { good, placings: [], unplaced: [] });
  }

  lose(what: string, { message, context }: ValenceError): void {
    this.lost.push({ what, reason: message, context });
    this.survives = -1;
  }

  async #repair({ stripe, generation, id }: NeededStripe): Promise<'done' | 'archived'> {
    this.#options.signal?.throwIfAborted();
    try {
      const target = { stripe, generation, origin: stripe };
      const others = this.#targetsOf(stripe);
      if (others === null || !(await this.#mendAll(others, target))) await this.#recode(target);
    } catch (error) {
      if (isValenceError(error, 'backend/archived')) return 'archived';
      if (!isIntegrityError(error)) throw error;
      this.lose(id, error);
    }
    return 'done';
  }

  /** The stripes of the tier's profile that hold what this one does; null: it has to be coded anew. */
  #targetsOf(stripe: IndexedStripe): readonly IndexedStripe[] | null {
    const { profile } = this.#options;
    const isOfProfile = ({ geometry: { k, n } }: IndexedStripe): boolean => k === profile.k && n === profile.n;
    return isOfProfile(stripe) ? [stripe] : this.#view.repairs.stripes.covering(stripe, isOfProfile);
  }

  /**
   * False: one of them cannot be had, though records tell of it, and there is `target` itself to begin with again.
   * @throws `integrity/*` where there is not
   */
  async #mendAll(others: readonly IndexedStripe[], target: Target): Promise<boolean> {
    try {
      for (const stripe of others) await this.#mend({ ...target, stripe });
      return true;
    } catch (error) {
      if (others[0] === target.stripe || !isIntegrityError(error)) throw error;
      return false;
    }
  }

  async #recode(target: Target): Promise<void> {
    const { source } = this;
    const { stripe, generation } = target;
    if (this.#mode.dryRun) return this.#wouldRecode(stripe);
    const pack = await source.pack(stripe, generation, stripe);
    for (const part of recode(pack, stripe.chunks, this.#options.profile)) {
      // Parts that an interrupted repair told of are there already.
      const shards = this.#view.repairs.stripes.shardsOf(part.stripe.geometry);
      const piece = Uint8Array.from(part.pack);
      await this.#mend({ ...target, stripe: { ...part.stripe, shards, signed: 0 } }, piece);
    }
    this.recoded += 1;
  }

  #wouldRecode(stripe: IndexedStripe): void {
    const { placings } = planStripe({ ...stripe, shards: [] }, this.uploads.willing, () => false);
    this.#requireRebuildable(stripe);
    this.recoded += 1;
    this.repaired += 1;
    this.shards += Math.min(placings.length, this.#options.profile.n);
  }

  async #mend(target: Target, known: Uint8Array | null = null): Promise<void> {
    const id = toHex(stripeId(target.stripe.geometry));
    if (this.#done.has(id)) return;
    this.#done.add(id);
    try {
      await this.#mendOnce(target, known);
    } catch (error) {
      this.#done.delete(id);
      throw error;
    }
  }

  async #mendOnce({ stripe, generation, origin }: Target, known: Uint8Array | null): Promise<void> {
    const bad = this.#mode.data ? await this.#badShards(stripe) : new Set<PlacedShard>();
    const plan = this.#plan(stripe, bad);
    // The shards that only records tell of are held against the pack where that is known; with data it is read for it.
    const isDoubted = (this.#mode.data || known !== null) && !this.#mode.dryRun && stripe.signed !== undefined;
    if (plan.placings.length === 0 && !isDoubted) return this.#count(stripe, plan);
    if (this.#mode.dryRun) {
      if (known === null) this.#requireRebuildable(stripe);
      return this.#count(stripe, plan);
    }
    const pack = known ?? (await this.source.pack(stripe, generation, origin));
    return this.#place({ stripe, generation, origin }, pack, bad);
  }

  async #place({ stripe, generation }: Target, pack: Uint8Array, bad: Set<PlacedShard>): Promise<void> {
    const { maskKey } = this.#options.keyring.secrets(generation)!;
    // What was read may have shown that a listed shard is damaged, or not what a record says.
    for (const shard of falselyTold(stripe, pack, maskKey)) bad.add(shard);
    const plan = this.#plan(stripe, bad);
    const done = await carryOut(stripe, plan, pack, { uploads: this.uploads, maskKey });
    if (done.told.length > 0) {
      const { geometry, chunks } = stripe;
      await this.log.add(generation, { geometry, chunks, shards: done.told });
    }
    if (done.placedAt.length > 0) this.repaired += 1;
    this.shards += done.placedAt.length;
    for (const { name } of done.placedAt) this.placedAt.set(name, (this.placedAt.get(name) ?? 0) + 1);
    this.lacking += done.lacking;
    this.survives = Math.min(this.survives, done.survives);
  }

  #plan(stripe: IndexedStripe, bad: ReadonlySet<PlacedShard>): StripePlan {
    const { willing } = this.uploads;
    if (this.#mode.onlyUnplaced === true) {
      // Of an index that has several the one that is there counts: else its holder would be given a second of the stripe.
      const best = namesOf(this.#view.presence.best(stripe));
      return planStripe(stripe, willing, ({ name }) => best.has(toHex(name)));
    }
    const badNames = namesOf(bad);
    return planStripe(
      stripe,
      willing,
      (shard) => !badNames.has(toHex(shard.name)) && this.#isListed(stripe.geometry, shard),
    );
  }

  #isListed({ shardLength }: StripeGeometry, shard: PlacedShard): boolean {
    const holder = this.#holderOf(shard);
    if (holder === undefined || this.source.hasFailed(shard)) return false;
    return this.#view.presence.sizeAt(holder.backend, shard.name) === shardLength;
  }

  async #badShards(stripe: IndexedStripe): Promise<Set<PlacedShard>> {
    const bad = new Set<PlacedShard>();
    for (const shard of stripe.shards) {
      const isListed = this.#isListed(stripe.geometry, shard);
      if (isListed && !(await this.source.isWhole(shard, this.#holderOf(shard)!))) bad.add(shard);
    }
    return bad;
  }

  #holderOf({ holder }: PlacedShard): WritableHolder | undefined {
    const id = uuidText(holder);
    return this.uploads.willing.find((candidate) => candidate.holder === id);
  }

  /** @throws `integrity/too-few-shards` by what is listed */
  #requireRebuildable(stripe: IndexedStripe): void {
    const { presence, repairs, names } = this.#view;
    const isThere = (other: IndexedStripe): boolean =>
      byIndex(other.shards).size - presence.unreachable(other).length >= other.geometry.k;
    if (isThere(stripe) || repairs.stripes.covering(stripe, isThere) !== null) return;
    const missing = presence.unreachable(stripe);
    throw tooFewShards([{ stripe, present: byIndex(stripe.shards).size - missing.length, missing }], names);
  }

  /** Of a stripe that needs nothing, or for which nothing is done. */
  #count({ geometry }: IndexedStripe, { good, placings, unplaced }: Omit<StripePlan, 'spares'>): void {
    if (placings.length > 0) this.repaired += 1;
    this.shards += placings.length;
    this.lacking += unplaced.length;
    const at = new Map(good.map((shard) => [shard.index, this.#holderOf(shard)]));
    for (const { index, holder } of placings) at.set(index, holder);
    const places = [...at.values()].flatMap((holder) => (holder === undefined ? [] : [holder.domains]));
    this.survives = Math.min(this.survives, survivesDomains({ required: geometry.k, places }));
  }
}

function isIntegrityError(error: unknown): error is ValenceError {
  return isValenceError(error) && error.code.startsWith('integrity/');
}

function namesOf(shards: Iterable<PlacedShard>): ReadonlySet<string> {
  return new Set(Array.from(shards, ({ name }) => toHex(name)));
}
