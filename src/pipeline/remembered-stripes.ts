import { toHex } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import type { CatalogSegment, CatalogStripe, TierRecord } from '../core/ports.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import type { Profile } from '../format/sealing/stripe.ts';
import { readSegment } from '../vault/index-map.ts';
import type { IndexKeyring } from '../vault/keyring.ts';
import type { Place } from '../vault/places.ts';
import type { Presence } from '../vault/presence.ts';
import type { RepairedStripes } from '../vault/repaired-stripes.ts';
import { catalogStripe } from './catalog-segment.ts';

/** What a host remembers of stripes, where repairs gave them other places since. */

export interface RepairedView {
  readonly repaired: RepairedStripes;
  readonly presence: Presence;
  /** Of the tier. */
  readonly profile: Profile;
}

/**
 * What to remember of a stripe with all its known shards: of each index one that is there, if any. In its place the stripes that
 * repairs made of its chunks, where they have the tier's profile and it has not, or it cannot be rebuilt any more.
 */
export function rememberedStripes(stripe: IndexedStripe, view: RepairedView): CatalogStripe[] {
  const { repaired, presence, profile } = view;
  const isThere = (each: IndexedStripe): boolean => presence.present(each).length >= each.geometry.k;
  const isOfProfile = ({ geometry: { k, n } }: IndexedStripe): boolean => k === profile.k && n === profile.n;
  const better = isOfProfile(stripe)
    ? null
    : repaired.covering(stripe, (other) => isOfProfile(other) && isThere(other));
  const instead = better ?? (isThere(stripe) ? null : repaired.covering(stripe, isThere));
  return (instead ?? [stripe]).map((each) => catalogStripe({ ...each, shards: presence.best(each) }));
}

export interface RecallOptions extends RepairedView {
  readonly places: readonly Place[];
  readonly keyring: IndexKeyring;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A record with the places that repairs gave its stripes. Reads the segments of those that are not all there, or not of the
 * tier's profile, and only where there are repair records at all.
 */
export async function recall(record: TierRecord, options: RecallOptions): Promise<TierRecord> {
  if (options.repaired.isEmpty) return record;
  const segments: CatalogSegment[] = [];
  for (const segment of record.segments) segments.push(await recallSegment(segment, options));
  return { ...record, segments };
}

async function recallSegment(segment: CatalogSegment, options: RecallOptions): Promise<CatalogSegment> {
  const short = segment.stripes.filter((stripe) => isShort(stripe, options));
  if (short.length === 0) return segment;
  const known = await stripesByShard(segment, new Set(short.flatMap(namesIn)), options);
  const stripes = segment.stripes.flatMap((stripe) => {
    const found = namesIn(stripe).flatMap((name) => known.get(name) ?? [])[0];
    return found === undefined ? [stripe] : rememberedStripes(found, options);
  });
  return { ...segment, stripes };
}

function isShort({ required, shardLength, shards }: CatalogStripe, { presence, profile }: RepairedView): boolean {
  return required !== profile.k || presence.presentShards(shards, shardLength).length < profile.n;
}

function namesIn({ shards }: CatalogStripe): string[] {
  return shards.map(({ name }) => toHex(name));
}

/** Stripes of a segment and of repair records that have a shard of one of these names, by those names. */
async function stripesByShard(
  { digest }: CatalogSegment,
  names: ReadonlySet<string>,
  { repaired, places, keyring, signal }: RecallOptions,
): Promise<ReadonlyMap<string, IndexedStripe>> {
  const found = new Map<string, IndexedStripe>();
  const take = (stripe: IndexedStripe): void => {
    for (const { name } of stripe.shards) {
      const key = toHex(name);
      if (names.has(key) && !found.has(key)) found.set(key, stripe);
    }
  };
  try {
    const { body } = await readSegment(places, keyring, digest, signal);
    for (const stripe of body.stripes) take(repaired.joined(stripe));
  } catch (error) {
    // What is wrong with it is for those to say who need it.
    if (!isValenceError(error) || !/^(integrity|format)\//.test(error.code)) throw error;
  }
  for (const { stripe } of repaired.all()) take(stripe);
  return found;
}
