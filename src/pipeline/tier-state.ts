import type { Catalog, CatalogHead } from '../core/ports.ts';
import { toHex } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { readIndex, segmentObjectName } from '../vault/index-map.ts';
import type { IndexMap } from '../vault/index-map.ts';
import type { Keyring } from '../vault/keyring.ts';
import { listEverywhere } from '../vault/listing.ts';
import type { Place } from '../vault/places.ts';
import { readWholeObject } from '../vault/read-object.ts';
import { listSnapshotNames, readSnapshot } from '../vault/snapshots.ts';
import type { Snapshot, SnapshotName } from '../vault/snapshots.ts';
import { availableChunks, KnownChunks } from './known-chunks.ts';
import type { WritableHolder } from './holders.ts';
import type { Placer } from './placer.ts';

/** Where a tier stands before a run: what its backends show, held against what this host remembers. */

export interface TierState {
  readonly sequence: number;
  /** This writer's newest snapshot of the tier. */
  readonly previous: Uint8Array | null;
  /** Index segments that the next snapshot builds on. */
  readonly segments: readonly Uint8Array[];
  readonly index: IndexMap;
  readonly known: KnownChunks;
  readonly notes: readonly string[];
}

export interface TierStateOptions {
  readonly tier: string;
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
  const { tier, holders, keyring, catalog, signal } = options;
  const places: Place[] = holders.map(({ backend, holder }) => ({ backend, holder }));
  const { names } = await listSnapshotNames(places, tier, signal);
  const remembered = await catalog.head(tier);
  refuseRollback(tier, names, remembered);
  const newest = await believable(names, keyring, signal);
  const own = await ownHead(names, remembered, { ...options, newest });
  const segments = uniqueDigests([...(own?.manifest.header.index ?? []), ...(newest?.manifest.header.index ?? [])]);
  const { index } = await readIndex(places, keyring, segments, signal);
  const present = new Set(holders.map((holder) => holder.holder));
  const isAvailable = availableChunks(index, present, uuidText);
  const known = await KnownChunks.load(remembered === null ? nothing() : catalog.chunks(tier), isAvailable);
  const others = newest !== null && newest.manifest.header.writerId !== options.writerId;
  return {
    sequence: (newest?.manifest.header.sequence ?? 0) + 1,
    previous: own?.manifest.digest ?? null,
    segments,
    index,
    known,
    notes: others ? [`another host wrote the newest snapshot of tier ${tier} before this one`] : [],
  };
}

/** Copies bundle and index segments to holders that lack them, so that what a new backend is told to survive is true. */
export async function healMetadata(placer: Placer, segments: readonly Uint8Array[], signal?: AbortSignal): Promise<ReadonlySet<WritableHolder>> {
  const complete = new Set(placer.willing);
  if (segments.length === 0) return complete;
  const places = placer.willing.map(({ backend, holder }) => ({ backend, holder }));
  const { objects } = await listEverywhere(places, 'index/', signal);
  for (const digest of segments) {
    const object = segmentObjectName(digest);
    const there = new Set(objects.get(object)?.copies.map((copy) => copy.backend));
    for (const holder of placer.willing.filter((candidate) => !there.has(candidate.backend))) {
      const { bytes } = await readWholeObject([...there], object, digest, signal);
      if (bytes === null || !(await placer.store(holder, object, bytes))) complete.delete(holder);
    }
  }
  return new Set(placer.willing.filter((holder) => complete.has(holder)));
}

function refuseRollback(tier: string, names: readonly SnapshotName[], remembered: CatalogHead | null): void {
  if (remembered === null) return;
  const id = toHex(remembered.digest);
  if (names.some((name) => toHex(name.digest) === id)) return;
  throw new ValenceError(
    'integrity/chain-broken',
    `the backends of tier ${tier} do not hold snapshot ${remembered.sequence} (${id.slice(0, 12)}), which this host committed`,
    {
      hint: 'they were rolled back, emptied or exchanged; if that is meant, take what they hold as it is: valence vault attach --from LOCATION',
      context: { tier, sequence: remembered.sequence, digest: id, found: names.length },
    },
  );
}

/** The newest snapshot, or null in an empty tier. @throws when it cannot be believed: to build on it would hide that */
async function believable(names: readonly SnapshotName[], keyring: Keyring, signal?: AbortSignal): Promise<Snapshot | null> {
  const newest = names.at(-1);
  if (newest === undefined) return null;
  const read = await readSnapshot(newest, keyring, signal);
  if ('broken' in read) throw read.broken.error;
  return read.snapshot;
}

/** This writer's newest snapshot: the remembered one, or, when the catalog was lost, the newest that it signed. */
async function ownHead(
  names: readonly SnapshotName[],
  remembered: CatalogHead | null,
  options: TierStateOptions & { readonly newest: Snapshot | null },
): Promise<Snapshot | null> {
  const { newest, keyring, writerId, signal } = options;
  for (const name of [...names].reverse()) {
    if (remembered !== null && Buffer.compare(name.digest, remembered.digest) !== 0) continue;
    if (newest !== null && Buffer.compare(name.digest, newest.manifest.digest) === 0) {
      if (newest.manifest.header.writerId === writerId) return newest;
      continue;
    }
    const read = await readSnapshot(name, keyring, signal);
    if ('snapshot' in read && read.snapshot.manifest.header.writerId === writerId) return read.snapshot;
  }
  return null;
}

function uniqueDigests(digests: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(digests.map((digest) => [toHex(digest), digest])).values()];
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}
