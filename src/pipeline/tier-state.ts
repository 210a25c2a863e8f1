import type { Catalog, CatalogHead, CatalogSegment, CatalogStripe, TierRecord } from '../core/ports.ts';
import { equalBytes, toHex } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import type { Profile } from '../format/sealing/stripe.ts';
import { segmentObjectName } from '../vault/index-map.ts';
import type { Keyring } from '../vault/keyring.ts';
import { listEverywhere } from '../vault/listing.ts';
import type { Place } from '../vault/places.ts';
import { Presence } from '../vault/presence.ts';
import { loadRepairs } from '../vault/repairs.ts';
import type { Repairs } from '../vault/repairs.ts';
import { findSnapshotName, isWidelyListed, listSnapshotNames, readSnapshot } from '../vault/snapshots.ts';
import type { Snapshot, SnapshotName } from '../vault/snapshots.ts';
import type { WritableHolder } from './holders.ts';
import { recall } from './remembered-stripes.ts';
import type { SharedObject } from './shared-objects.ts';

/** Where a tier stands before a run: what its backends show, held against what this host remembers. */

export interface TierState {
  readonly sequence: number;
  /** This writer's newest snapshot of the tier. */
  readonly previous: Uint8Array | null;
  /**
   * What this host remembers of its last snapshot, which the next one builds on; null where it remembers none. It may be older
   * than `previous`: after a run that ended before the catalog was written, or in a home that was restored or copied. Only
   * of what it remembers does a host know every chunk, and so what the next snapshot drops.
   */
  readonly record: TierRecord | null;
  /** The record names another index than its snapshot does, and is not to be believed. */
  readonly isDamaged: boolean;
  /** This writer's newest manifest and the tier's newest, as far as there are any. A run that died may have left one at a single holder. */
  readonly heads: readonly Pick<SharedObject, 'object' | 'digest'>[];
  /** What repairs placed since, as far as this tier is concerned or not; `record` has it already. */
  readonly repairs: Repairs;
  /** What the holders list at the beginning of the run. */
  readonly presence: Presence;
  /** Why, if so, what is remembered is not all there any more: a clause for people. */
  readonly loss: string | null;
  readonly notes: readonly string[];
}

export interface TierStateOptions {
  readonly tier: string;
  readonly profile: Profile;
  /** UUID text of this host's writer. */
  readonly writerId: string;
  readonly holders: readonly WritableHolder[];
  readonly keyring: Keyring;
  readonly catalog: Catalog;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @throws `integrity/chain-broken` when the backends show less than this host committed: they were rolled back, emptied or
 * exchanged; `integrity/*` when the newest snapshot cannot be believed
 */
export async function openTierState(options: TierStateOptions): Promise<TierState> {
  const { tier, holders, catalog, signal } = options;
  const places: Place[] = holders.map(({ backend, holder }) => ({ backend, holder }));
  const remembered = await catalog.record(tier);
  const names = await namesOf(places, tier, remembered, signal);
  const { newest, own, passedOver } = await readHeads(names, remembered, options);
  const presence = await Presence.load(places, signal);
  const repairs = await loadRepairs(places, options.keyring, signal);
  const view = { repaired: repairs.stripes, presence, profile: options.profile };
  const record = remembered === null ? null : await recall(remembered, { ...options, ...view, places });
  const isDamaged = record !== null && !(await isIndexOf(record, own, { names, keyring: options.keyring, signal }));
  const others = newest !== null && newest.manifest.header.writerId !== options.writerId;
  return {
    sequence: (newest?.manifest.header.sequence ?? 0) + 1,
    previous: own?.manifest.digest ?? null,
    record,
    isDamaged,
    heads: headsOf(newest, own),
    repairs,
    presence,
    loss: record === null || isDamaged ? null : await lossOf(record, places, presence, signal),
    notes: [
      ...passedOver,
      ...(others ? [`another host wrote the newest snapshot of tier ${tier} before this one`] : []),
      ...overtaken(own, record),
    ],
  };
}

/** Both are kept: neither is lost, and neither holds what the other one's database said. */
function overtaken(own: Snapshot | null, record: TierRecord | null): string[] {
  if (own === null || record === null || equalBytes(own.manifest.digest, record.digest)) return [];
  const { sequence } = own.manifest.header;
  return [
    `this host remembers snapshot ${record.sequence} and builds on it; its newest one is ${sequence}, by a copy of this home, before its database was set back, or by a run that was killed at its end`,
  ];
}

/** Whether what is remembered names the index that the snapshot itself names. */
async function isIndexOf(
  { digest, segments }: TierRecord,
  own: Snapshot | null,
  { names, keyring, signal }: { names: readonly SnapshotName[]; keyring: Keyring; signal?: AbortSignal | undefined },
): Promise<boolean> {
  let snapshot = own !== null && equalBytes(own.manifest.digest, digest) ? own : null;
  if (snapshot === null) {
    const read = await readSnapshot(
      names.find((name) => equalBytes(name.digest, digest))!,
      keyring,
      signal,
    );
    if (!('snapshot' in read)) return false;
    ({ snapshot } = read);
  }
  const { index } = snapshot.manifest.header;
  return index.length === segments.length && index.every((name, i) => equalBytes(name, segments[i]!.digest));
}

function headsOf(newest: Snapshot | null, own: Snapshot | null): TierState['heads'] {
  const heads = newest === own ? [own] : [newest, own];
  return heads.flatMap((head) => (head === null ? [] : [{ object: head.object, digest: head.manifest.digest }]));
}

/** Whether all that a remembered snapshot needs is still listed: each segment somewhere, of each stripe enough shards. */
async function lossOf(
  { segments }: TierRecord,
  places: readonly Place[],
  presence: Presence,
  signal?: AbortSignal,
): Promise<string | null> {
  const { objects } = await listEverywhere(places, 'index/', signal);
  const isListed = ({ digest, sizeBytes }: CatalogSegment): boolean =>
    objects.get(segmentObjectName(digest))?.copies.some((copy) => copy.sizeBytes === sizeBytes) ?? false;
  const isRebuildable = ({ required, shardLength, shards }: CatalogStripe): boolean =>
    presence.presentShards(shards, shardLength).length >= required;
  if (!segments.every(isListed)) return 'a part of the index is missing at the backends';
  if (segments.every(({ stripes }) => stripes.every(isRebuildable))) return null;
  return 'the backends have lost shards of the last snapshot';
}

/** The names listed, and the remembered one, which a listing that lags may lack. @throws `integrity/chain-broken` */
async function namesOf(
  places: readonly Place[],
  tier: string,
  remembered: CatalogHead | null,
  signal?: AbortSignal,
): Promise<readonly SnapshotName[]> {
  const { names } = await listSnapshotNames(places, tier, signal);
  if (remembered === null || names.some((name) => equalBytes(name.digest, remembered.digest))) return names;
  const found = await findSnapshotName(places, { tier, ...remembered }, signal);
  if (found !== null) return [...names, found].sort((a, b) => a.sequence - b.sequence);
  const id = toHex(remembered.digest);
  throw new ValenceError(
    'integrity/chain-broken',
    `the backends of tier ${tier} do not hold snapshot ${remembered.sequence} (${id.slice(0, 12)}), which this host committed`,
    {
      hint: 'they were rolled back, emptied or exchanged; if that is meant, take what they hold as it is: valence vault attach --from LOCATION',
      context: { tier, sequence: remembered.sequence, digest: id, found: names.length },
    },
  );
}

function unbelievable({ code, message, context, cause }: ValenceError): ValenceError {
  const hint =
    'bring back a location that has it undamaged; if it is lost, take what there is as it is: valence vault attach --from LOCATION';
  return new ValenceError(code, message, { hint, context, cause });
}

interface Heads {
  /** The newest snapshot of the tier, whoever wrote it; null in an empty tier. */
  readonly newest: Snapshot | null;
  /** This writer's newest. It may be newer than the remembered one: a run can end between its last two steps. */
  readonly own: Snapshot | null;
  /** What was found on the way and is nobody's snapshot. */
  readonly passedOver: readonly string[];
}

/**
 * Reads from the newest name backwards until this writer's own is found.
 * @throws what is wrong with a newest or remembered snapshot that cannot be believed: to build on what came before would
 * hide that. A host that remembers nothing takes what it finds as it is.
 */
async function readHeads(
  names: readonly SnapshotName[],
  remembered: CatalogHead | null,
  options: TierStateOptions,
): Promise<Heads> {
  let newest: Snapshot | null = null;
  const passedOver: string[] = [];
  for (const name of names.toReversed()) {
    const read = await readSnapshot(name, options.keyring, options.signal);
    if ('snapshot' in read) {
      newest ??= read.snapshot;
      if (read.snapshot.manifest.header.writerId === options.writerId)
        return { newest, own: read.snapshot, passedOver };
      continue;
    }
    const { foreign, error } = read.broken;
    const isRemembered = remembered !== null && equalBytes(name.digest, remembered.digest);
    const mayBeNewest = newest === null && remembered !== null && isWidelyListed(name, options.holders.length);
    if (!foreign && (isRemembered || mayBeNewest)) throw unbelievable(error);
    passedOver.push(`passed over: ${error.message}`);
  }
  return { newest, own: null, passedOver };
}
