import { equalBytes } from '../core/bytes.ts';
import { uuidBytes, uuidText } from '../core/ids.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { stripeId } from '../format/sealing/stripe.ts';
import { chooseHolders } from '../placement/choose-holders.ts';
import type { Domains } from '../placement/failure-domains.ts';
import { spreadShards } from '../vault/spread-shards.ts';
import type { WritableHolder } from './holders.ts';

/** Which shards of a stripe are missing, and where they go. Decided from what is known, before anything is read. */

/** A shard that is to be made again. */
export interface Placing {
  readonly index: number;
  readonly holder: WritableHolder;
  readonly epoch: number;
  /** What the index states of the shard that this holder lost; null: it never had one. */
  readonly lost: PlacedShard | null;
}

export interface StripePlan {
  /** Shards that stay, one of each index that is there; of one that has a placing, too, that counts. */
  readonly good: readonly PlacedShard[];
  readonly placings: readonly Placing[];
  /** Holders for whatever a chosen one refuses, in their order. */
  readonly spares: readonly WritableHolder[];
  /** Indices for which no holder is left. */
  readonly unplaced: readonly number[];
}

/**
 * `isGood`: whether a shard is where it should be. A missing one goes back to the holder that lost it where that has no other
 * of this stripe, under the same mask; else to a holder that has none, chosen as for a new stripe, the domains of the shards
 * that are left counted in. A holder whose shard is at another one, too, has none in this sense, and of two shards at one holder
 * one counts as missing while there is a holder for it. The same shards and holders give the same plan.
 */
export function planStripe(
  stripe: IndexedStripe,
  holders: readonly WritableHolder[],
  isGood: (shard: PlacedShard) => boolean,
): StripePlan {
  const { apart, doubled } = spreadShards(stripe.shards.filter(isGood));
  const busy = new Set(apart.map(({ holder }) => uuidText(holder)));
  const there = new Set([...apart, ...doubled].map(({ index }) => index));
  const missing = Array.from({ length: stripe.geometry.n }, (_, index) => index).filter((index) => !there.has(index));
  const placings: Placing[] = [];
  const homeless: number[] = [];
  for (const index of missing) {
    const home = homeOf(stripe, index, holders, busy);
    if (home === null) homeless.push(index);
    else {
      placings.push(home);
      busy.add(home.holder.holder);
    }
  }
  const free = holders.filter(({ holder }) => !busy.has(holder));
  const remaining = holders.filter(({ holder }) => busy.has(holder)).map(({ domains }) => domains);
  const order = chosenAmong(stripe, free, remaining);
  const wanting = [...homeless, ...doubled.map(({ index }) => index)];
  for (const [i, index] of wanting.entries()) {
    const holder = order[i];
    if (holder !== undefined) placings.push({ index, holder, epoch: nextEpoch(stripe, index), lost: null });
  }
  return {
    good: [...apart, ...doubled],
    placings,
    spares: order.slice(wanting.length),
    unplaced: homeless.slice(order.length),
  };
}

/** One more than the highest that is known of this index, so that no mask serves twice. */
export function nextEpoch({ shards }: IndexedStripe, index: number): number {
  return shards.reduce((next, shard) => (shard.index === index ? Math.max(next, shard.epoch + 1) : next), 0);
}

function homeOf(
  { shards }: IndexedStripe,
  index: number,
  holders: readonly WritableHolder[],
  busy: ReadonlySet<string>,
): Placing | null {
  for (const lost of shards) {
    if (lost.index !== index) continue;
    const holder = holders.find((candidate) => equalBytes(uuidBytes(candidate.holder), lost.holder));
    if (holder !== undefined && !busy.has(holder.holder)) return { index, holder, epoch: lost.epoch, lost };
  }
  return null;
}

function chosenAmong(
  { geometry }: IndexedStripe,
  free: readonly WritableHolder[],
  remaining: readonly Domains[],
): WritableHolder[] {
  const candidates = free.map(({ holder, domains }) => ({ holder: uuidBytes(holder), domains }));
  return chooseHolders(stripeId(geometry), candidates, remaining).map((chosen) => free[chosen]!);
}
