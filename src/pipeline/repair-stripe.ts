import { equalBytes } from '../core/bytes.ts';
import { uuidBytes, uuidText } from '../core/ids.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { encodeStripe, storeShard, stripeId, StripeScratch } from '../format/sealing/stripe.ts';
import type { StoredShard, StripeGeometry } from '../format/sealing/stripe.ts';
import { shardObjectName } from '../format/shard/name.ts';
import { survivesDomains } from '../placement/promise.ts';
import type { WritableHolder } from './holders.ts';
import type { Uploads } from './uploads.ts';
import { nextEpoch } from './repair-plan.ts';
import type { Placing, StripePlan } from './repair-plan.ts';

/** What was done for one stripe. */
export interface StripeRepaired {
  /** Shards that a repair record must tell of, by index. */
  readonly told: readonly PlacedShard[];
  /** The holder of each that was stored, those that went back to where the index has them included. */
  readonly placedAt: readonly WritableHolder[];
  /** Indices without a shard, still. */
  readonly lacking: number;
  /** Failure domains that it survives now; −1: lost. */
  readonly survives: number;
}

const scratch = new StripeScratch();

/** Whether a pack is that of this stripe. */
export function isPackOf(geometry: StripeGeometry, pack: Uint8Array): boolean {
  if (pack.length !== geometry.packLength) return false;
  return equalBytes(stripeId(encodeStripe(pack, geometry, scratch).geometry), stripeId(geometry));
}

/** Shards that only repair records tell of, and that are not of this stripe: no signature covers a record (F-7.6.7). */
export function falselyTold(
  { geometry, shards, signed = shards.length }: IndexedStripe,
  pack: Uint8Array,
  maskKey: Uint8Array,
): PlacedShard[] {
  if (signed === shards.length) return [];
  const id = stripeId(geometry);
  const plain = encodeStripe(pack, geometry, scratch).shards;
  return shards
    .slice(signed)
    .filter(
      (shard) => !equalBytes(storeShard(maskKey, { stripeId: id, ...shard }, plain[shard.index]!).name, shard.name),
    );
}

/** Makes the shards of a plan and brings them to their holders, or to spares. `pack` is that of the stripe. */
export async function carryOut(
  stripe: IndexedStripe,
  plan: StripePlan,
  pack: Uint8Array,
  { uploads, maskKey }: { readonly uploads: Uploads; readonly maskKey: Uint8Array },
): Promise<StripeRepaired> {
  const id = stripeId(stripe.geometry);
  // Views of memory that the next stripe is coded in, so what is placed is masked before anything is awaited.
  const { shards } = encodeStripe(pack, stripe.geometry, scratch);
  const masked = (placing: Placing): StoredShard =>
    storeShard(maskKey, { stripeId: id, ...placing, holder: uuidBytes(placing.holder.holder) }, shards[placing.index]!);
  const made = plan.placings.map((placing) => {
    const stored = masked(placing);
    if (placing.lost === null || equalBytes(placing.lost.name, stored.name)) return { placing, stored };
    // The index states a name that no such shard has: it is placed as a new one (F-9.3.1).
    const anew = { ...placing, epoch: nextEpoch(stripe, placing.index), lost: null };
    return { placing: anew, stored: masked(anew) };
  });
  const spares = [...plan.spares];
  const plain = plan.spares.length === 0 ? null : plan.placings.map(({ index }) => Uint8Array.from(shards[index]!));
  const placed = await Promise.all(
    made.map(async ({ placing, stored }, i) => {
      if (await put(uploads, placing.holder, stored)) return { placing, stored };
      for (let spare = spares.shift(); spare !== undefined; spare = spares.shift()) {
        const instead = { index: placing.index, holder: spare, epoch: nextEpoch(stripe, placing.index), lost: null };
        const mask = { stripeId: id, ...instead, holder: uuidBytes(spare.holder) };
        const again = storeShard(maskKey, mask, plain![i]!);
        if (await put(uploads, spare, again)) return { placing: instead, stored: again };
      }
      return null;
    }),
  );
  const there = placed.filter((entry) => entry !== null);
  const told = there.flatMap(({ placing, stored }) => (placing.lost === null ? [shardOf(placing, stored)] : []));
  const domains = new Map(uploads.willing.map((holder) => [holder.holder, holder.domains]));
  const at = new Map(plan.good.map(({ index, holder }) => [index, uuidText(holder)]));
  for (const { placing } of there) at.set(placing.index, placing.holder.holder);
  const places = [...at.values()].flatMap((holder) => [domains.get(holder)].filter((found) => found !== undefined));
  return {
    told: told.toSorted((a, b) => a.index - b.index),
    placedAt: there.map(({ placing }) => placing.holder),
    lacking: stripe.geometry.n - at.size,
    survives: survivesDomains({ required: stripe.geometry.k, places }),
  };
}

function put(uploads: Uploads, holder: WritableHolder, { name, bytes }: StoredShard): Promise<boolean> {
  if (!uploads.willing.includes(holder)) return Promise.resolve(false);
  return uploads.replace(holder, shardObjectName(name), bytes);
}

function shardOf({ index, holder, epoch }: Placing, { name, root, groups }: StoredShard): PlacedShard {
  return { index, holder: uuidBytes(holder.holder), epoch, name, root, groups };
}
