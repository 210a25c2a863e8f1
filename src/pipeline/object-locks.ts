import { equalBytes } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import type { ValenceError } from '../core/errors.ts';
import { uuidBytes } from '../core/ids.ts';
import { UPLOADS_AT_ONCE } from '../core/limits.ts';
import type { CatalogSegment, CatalogStripe, LockedSnapshot } from '../core/ports.ts';
import { shardObjectName } from '../format/shard/name.ts';
import { VAULT_FILE_NAME } from '../format/vault-file.ts';
import { aheadInOrder } from '../vault/ahead.ts';
import { segmentObjectName } from '../vault/index-map.ts';
import type { Presence } from '../vault/presence.ts';
import type { WritableHolder } from './holders.ts';

/** Object lock: what a snapshot refers to cannot be deleted, by anybody, until its retention ends. */

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * When locks set now end: so long after the end of this period of half the duration, a day at least, that all that is
 * committed in it needs no longer ones. So a commit extends the locks of old objects once a period, not each time.
 */
export function lockEnd(now: number, durationMs: number): number {
  const period = Math.max(DAY_MS, Math.ceil(durationMs / 2));
  return (Math.floor(now / period) + 1) * period + durationMs;
}

export interface Locking {
  /** When the locks of everything that the snapshot refers to must end, or later: `lockEnd` of its time. */
  readonly until: number;
  /** When those end that were set with this run's puts. */
  readonly putUntil: number;
  /** The whole index of the snapshot. */
  readonly segments: readonly CatalogSegment[];
  /** Of the key bundle. */
  readonly bundle: string;
  /** What holders listed when the run began. */
  readonly presence: Presence;
  /** What repairs brought back. */
  readonly repaired: Repaired;
  /** What is known of the snapshot that this one builds on; null: nothing. */
  readonly known: LockedSnapshot | null;
  readonly signal?: AbortSignal | undefined;
}

export interface Repaired {
  /** Names of repair records. */
  readonly records: readonly string[];
  readonly stripes: readonly CatalogStripe[];
}

export interface Locked {
  /** `Locking.until` by holder and location, of those where everything is locked. */
  readonly holders: ReadonlyMap<string, number>;
  /** What could not be locked, for people. */
  readonly notes: readonly string[];
}

/** Of a ledger's entry, what counts for a run that builds on the snapshot of this digest. */
export function knownLocks(entry: LockedSnapshot | null, base: Uint8Array | null): LockedSnapshot | null {
  return entry !== null && base !== null && equalBytes(entry.digest, base) ? entry : null;
}

/** Locks, at every holder that can, what the snapshot refers to there. To be done before its manifest is put. */
export async function lockReferenced(holders: readonly WritableHolder[], locking: Locking): Promise<Locked> {
  const locked = new Map<string, number>();
  const notes: string[] = [];
  const able = holders.filter(({ backend }) => backend.traits.objectLock);
  await Promise.all(
    able.map(async (holder) => {
      const failed = await lockAt(holder, locking);
      if (failed === null) locked.set(placeOf(holder), locking.until);
      else notes.push(noteOf(holder, locking.until, failed));
    }),
  );
  return { holders: locked, notes: notes.toSorted() };
}

interface FailedLocks {
  readonly error: ValenceError;
  readonly count: number;
}

/** Null: all are locked. */
async function lockAt(holder: WritableHolder, locking: Locking): Promise<FailedLocks | null> {
  const { backend } = holder;
  const { until, signal } = locking;
  const failures: ValenceError[] = [];
  const atOnce = Math.max(1, Math.min(UPLOADS_AT_ONCE, backend.traits.maxConcurrency));
  const lock = async ({ object, isLost }: Lockable): Promise<ValenceError | null> => {
    // One that is away or allows no lock is not asked for each of a hundred thousand objects.
    const fatal = failures.find(({ code }) => code !== 'backend/not-found');
    if (fatal !== undefined) return fatal;
    try {
      await backend.lock?.(object, until, { signal });
      return null;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
      return isLost && error.code === 'backend/not-found' ? null : error;
    }
  };
  for await (const error of aheadInOrder(objectsToLock(holder, locking), atOnce, lock)) {
    if (error !== null) failures.push(error);
  }
  const [error] = failures;
  return error === undefined ? null : { error, count: failures.length };
}

interface Lockable {
  readonly object: string;
  /** It may be missing, which was counted elsewhere: not listed when the run began, or a copy of a record. */
  readonly isLost: boolean;
}

/**
 * All that the snapshot refers to at a holder, what was repaired of it included; nothing where that is known to be locked. What
 * interrupted runs placed since the snapshot before was put in the same period or a later one.
 */
function* objectsToLock(holder: WritableHolder, locking: Locking): Generator<Lockable, void, undefined> {
  const { segments, bundle, presence, repaired } = locking;
  if (isKnown(holder, locking)) return;
  yield { object: VAULT_FILE_NAME, isLost: false };
  yield { object: bundle, isLost: false };
  for (const { digest, stripes } of segments) {
    yield { object: segmentObjectName(digest), isLost: false };
    yield* shardsAt(holder, stripes, presence);
  }
  for (const object of repaired.records) yield { object, isLost: true };
  yield* shardsAt(holder, repaired.stripes, presence);
}

/** Whether the commit before and this run's puts have locked everything at a holder for long enough. */
function isKnown(holder: WritableHolder, { until, putUntil, known }: Locking): boolean {
  return putUntil >= until && (known?.holders.get(placeOf(holder)) ?? 0) >= until;
}

/** A bucket that was copied is the same holder, and its copies have no locks. */
function placeOf({ holder, backend }: WritableHolder): string {
  return `${holder} at ${backend.location}`;
}

function* shardsAt(
  { holder }: WritableHolder,
  stripes: readonly CatalogStripe[],
  presence: Presence,
): Generator<Lockable, void, undefined> {
  const id = uuidBytes(holder);
  for (const { shards, shardLength } of stripes) {
    const own = shards.filter((shard) => equalBytes(shard.holder, id));
    for (const shard of own) {
      const isLost = presence.presentShards([shard], shardLength).length === 0;
      yield { object: shardObjectName(shard.name), isLost };
    }
  }
}

function noteOf({ backend }: WritableHolder, until: number, { error, count }: FailedLocks): string {
  const objects = count === 1 ? 'one object is' : `${count} objects are`;
  return `${backend.location}: ${objects} not locked until ${new Date(until).toISOString().slice(0, 10)}: ${error.message}`;
}
