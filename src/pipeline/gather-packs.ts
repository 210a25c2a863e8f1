import { isValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { PACK_CHUNKS_MAX, SMALL_PACK_BYTES } from '../core/limits.ts';
import type { IndexedStripe, InlinePack } from '../format/index/segment-body.ts';
import type { PackedChunk } from '../format/sealing/pack.ts';
import { packCapacity } from '../format/sealing/stripe.ts';
import type { Profile } from '../format/sealing/stripe.ts';
import { sha256 } from '../format/shard/name.ts';
import type { Domains } from '../placement/failure-domains.ts';
import { survivesDomains, survivesWhenPlaced } from '../placement/promise.ts';
import { aheadInOrder } from '../vault/ahead.ts';
import type { LivePack } from './fold-packs.ts';

/** Packs the live chunks of small packs again, together. Sealed chunks keep their bytes, and so their names and keys. */

/** A stripe whose pack is below this part of what a pack may hold is small. */
const SMALL_STRIPE_PART = 8;
/** So many small stripes are worth reading back; fewer only where more than half of them is dead. */
const SMALL_STRIPES_MIN = 8;
/** Packs read back at once. */
const PACKS_AT_ONCE = 4;

export interface GatherOptions {
  readonly profile: Profile;
  /** How many failure domains may be lost, as the tier promises. */
  readonly promised: number;
  /** Failure domains of each holder that takes part, by its id (UUID text). */
  readonly domains: ReadonlyMap<string, Domains>;
  /** Gives a stripe's pack back, or rejects: then the stripe stays as it is. What it gives is checked. */
  readonly readStripe: (stripe: IndexedStripe) => Promise<Uint8Array>;
  /** Makes a pack a stripe. May take its bytes away. When it rejects, the packs it was made of stay as they are. */
  readonly place: (pack: Uint8Array, chunks: readonly PackedChunk[]) => Promise<IndexedStripe>;
}

/** A pack that stays, or a new one in place of several. */
export interface Gathered {
  readonly stripes: readonly IndexedStripe[];
  readonly inline: readonly InlinePack[];
}

/**
 * Packs in their order, stripes and inline ones, new ones last. All inline packs are gathered, since they are at hand, and small
 * stripes where that pays; what is gathered becomes a stripe from `SMALL_PACK_BYTES` on. No chunk is moved to where it survives
 * the loss of fewer failure domains than before; for chunks in the index "before" is what the tier promises. At most one pack
 * and its chunks are in memory, and four that are read back.
 * @throws what `readStripe` and `place` throw apart from `integrity/*` and `backend/*`
 */
export async function gatherPacks(packs: readonly LivePack[], options: GatherOptions): Promise<Gathered> {
  const reach = survivesNow(options);
  const capacity = reach < options.promised ? SMALL_PACK_BYTES - 1 : packCapacity(options.profile);
  const chosen = new Set(reach < options.promised ? inlineOf(packs) : worthGathering(packs, reach, options));
  const kept = new Set(packs.filter((pack) => !chosen.has(pack)));
  const made: { stripes: IndexedStripe[]; inline: InlinePack[] } = { stripes: [], inline: [] };
  for (const group of grouped([...chosen], capacity)) {
    const { unmoved, stripe, inline } = await packAgain(group, options);
    for (const pack of unmoved) kept.add(pack);
    if (stripe !== null) made.stripes.push(stripe);
    if (inline !== null) made.inline.push(inline);
  }
  const staying = packs.filter((pack) => kept.has(pack)).map(({ place }) => place);
  return {
    stripes: [...staying.flatMap((place) => ('stripe' in place ? [place.stripe] : [])), ...made.stripes],
    inline: [...staying.flatMap((place) => ('inline' in place ? [place.inline] : [])), ...made.inline],
  };
}

/** What a stripe that is placed now survives if no holder refuses. */
function survivesNow({ profile, domains }: GatherOptions): number {
  return survivesWhenPlaced(profile, [...domains.values()]);
}

/** By the shards that the index lists. Holders that take no part count as domains of their own, since they may come back. */
function survives({ geometry, shards }: IndexedStripe, domains: GatherOptions['domains']): number {
  const places = shards.map(({ holder }) => uuidText(holder)).map((holder) => domains.get(holder) ?? [holder]);
  return survivesDomains({ required: geometry.k, places });
}

function inlineOf(packs: readonly LivePack[]): LivePack[] {
  return packs.filter(({ place }) => 'inline' in place);
}

function worthGathering(packs: readonly LivePack[], reach: number, options: GatherOptions): LivePack[] {
  const small = packs.filter(
    ({ place, bytes }) =>
      'stripe' in place &&
      bytes * SMALL_STRIPE_PART < packCapacity(options.profile) &&
      survives(place.stripe, options.domains) <= reach,
  );
  const stripes = new Set(small.length >= SMALL_STRIPES_MIN ? small : small.filter(isMostlyDead));
  return packs.filter((pack) => 'inline' in pack.place || stripes.has(pack));
}

function isMostlyDead({ bytes, liveBytes }: LivePack): boolean {
  return liveBytes * 2 < bytes;
}

/** In order, each as much as one pack takes. */
function grouped(packs: readonly LivePack[], capacity: number): LivePack[][] {
  const groups: LivePack[][] = [];
  let [bytes, chunks] = [0, 0];
  for (const pack of packs) {
    const group = groups.at(-1);
    bytes += pack.liveBytes;
    chunks += pack.live.length;
    if (group !== undefined && bytes <= capacity && chunks <= PACK_CHUNKS_MAX) {
      group.push(pack);
      continue;
    }
    groups.push([pack]);
    [bytes, chunks] = [pack.liveBytes, pack.live.length];
  }
  return groups;
}

interface PackedAgain {
  /** Those of the group that stay as they are. */
  readonly unmoved: readonly LivePack[];
  readonly stripe: IndexedStripe | null;
  readonly inline: InlinePack | null;
}

/** Makes one pack of what can be read of a group. */
async function packAgain(group: readonly LivePack[], options: GatherOptions): Promise<PackedAgain> {
  const asTheyAre = { unmoved: group, stripe: null, inline: null };
  if (!pays(group)) return asTheyAre;
  const [moving, unmoved, pieces]: [LivePack[], LivePack[], Uint8Array[]] = [[], [], []];
  const readAhead = aheadInOrder(group, PACKS_AT_ONCE, async (pack) => ({
    pack,
    read: await liveBytesOf(pack, options),
  }));
  for await (const { pack, read } of readAhead) {
    (read === null ? unmoved : moving).push(pack);
    pieces.push(...(read ?? []));
  }
  if (!pays(moving)) return asTheyAre;
  const bytes = Buffer.concat(pieces);
  const chunks = moving.flatMap(({ live }) => live.map(({ name, length }) => ({ name, length })));
  if (bytes.length < SMALL_PACK_BYTES) return { unmoved, stripe: null, inline: { bytes, chunks } };
  const stripe = await orNull(options.place(bytes, chunks));
  if (stripe === null || moving.some((pack) => isSafer(pack, stripe, options))) return asTheyAre;
  return { unmoved, stripe, inline: null };
}

/** One pack alone is written again only to rid the index of dead bytes. */
function pays(group: readonly LivePack[]): boolean {
  const [first] = group;
  if (first === undefined) return false;
  return group.length > 1 || ('inline' in first.place && first.liveBytes < first.bytes);
}

/** Whether a pack survives more where it lies than in the new stripe; a holder can refuse while that is placed. */
function isSafer({ place }: LivePack, stripe: IndexedStripe, { domains, promised }: GatherOptions): boolean {
  const before = 'stripe' in place ? survives(place.stripe, domains) : promised;
  return survives(stripe, domains) < before;
}

/** Copies of the live chunks; null when they cannot be had, or are not what their names say. */
async function liveBytesOf({ place, live, bytes }: LivePack, options: GatherOptions): Promise<Uint8Array[] | null> {
  const pack = 'inline' in place ? place.inline.bytes : await orNull(options.readStripe(place.stripe));
  if (pack === null || pack.length !== bytes) return null;
  const chunks = live.map(({ offset, length }) => Uint8Array.from(pack.subarray(offset, offset + length)));
  return chunks.every((chunk, i) => Buffer.compare(sha256(chunk), live[i]!.name) === 0) ? chunks : null;
}

/** Null when the holders are the reason: gathering can wait for a later run. */
async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isValenceError(error) && /^(backend|integrity)\//.test(error.code)) return null;
    throw error;
  }
}
