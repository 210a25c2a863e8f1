import { ValenceError } from '../core/errors.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { Random } from '../core/random.ts';
import type { GenerationSecrets } from '../format/keys/writer-secrets.ts';
import type { Profile } from '../format/sealing/stripe.ts';
import type { Domains } from '../placement/failure-domains.ts';
import { promisedBy, survivesCopies } from '../placement/promise.ts';
import type { IndexKeyring } from '../vault/keyring.ts';
import { neededStripes } from '../vault/listed-stripes.ts';
import type { Place } from '../vault/places.ts';
import { Presence } from '../vault/presence.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import { loadRepairs } from '../vault/repairs.ts';
import { readIndexes } from '../vault/snapshot-indexes.ts';
import { findSnapshots, holderNames } from '../vault/snapshots.ts';
import type { Snapshot, SnapshotsFound } from '../vault/snapshots.ts';
import type { WhenArchived } from '../vault/warming.ts';
import type { WritableHolder } from './holders.ts';
import { copiesOf, damagedCopies } from './repair-copies.ts';
import { shareObjects } from './shared-objects.ts';
import { RepairRun } from './repair-run.ts';

/**
 * Brings back what a tier has lost, on whatever holders it has now. FORMAT.md §9.3, decision 0015. Nothing but damaged
 * copies is ever removed, and those only for the right bytes: wherever it stops, all that could be restored still can.
 */

/** All the keys that a repair has: none of them reads or signs. */
export interface RepairKeyring extends IndexKeyring {
  secrets(generation: string): Pick<GenerationSecrets, 'indexKey' | 'maskKey'> | null;
}

export interface RepairOptions {
  readonly tier: string;
  /** Stripes of another are coded anew. */
  readonly profile: Profile;
  /** Failure domains of each backend of the tier, there or not: what its promise is counted over. */
  readonly promisedOn: readonly Domains[];
  /** Those that take shards. What lies anywhere else counts as lost, and is read all the same. */
  readonly holders: readonly WritableHolder[];
  /** Of a tier with object lock `lockEnd` of now: what a repair puts is locked as what commits of its time refer to. */
  readonly lockedUntil?: number | undefined;
  /** All that can be read, the holders among them, by the same `Backend` objects. */
  readonly places: readonly Place[];
  readonly keyring: RepairKeyring;
  /** Read and check every byte, instead of trusting what is listed. */
  readonly data: boolean;
  /** Say what would be done, and store nothing. */
  readonly dryRun: boolean;
  /** Left out: stripes that must be read from an archive are asked for and left to another repair. */
  readonly archived?: WhenArchived | undefined;
  readonly random: Random;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal | undefined;
}

/** A stripe that cannot be had from anywhere, or a snapshot whose manifest or index cannot. */
export interface RepairLoss {
  /** Id of the stripe in hexadecimal, or the name of the object. */
  readonly what: string;
  readonly reason: string;
  /** As `ValenceError.context`: of a stripe each shard that is missing. */
  readonly context: Readonly<Record<string, unknown>>;
}

export interface RepairReport {
  readonly tier: string;
  readonly snapshots: number;
  /** Those looked at. */
  readonly stripes: number;
  /** Those that got shards, or would. */
  readonly repaired: number;
  /** Those among them that were coded anew for another profile. */
  readonly recoded: number;
  /** Shards stored, or to be stored. */
  readonly shards: number;
  /** Repair records written. */
  readonly records: number;
  readonly bytesRead: number;
  readonly storedBytes: number;
  /** Shards for which no holder was left. */
  readonly lacking: number;
  /** Stripes that must be read from an archive first; what they need was asked for. */
  readonly archived: number;
  readonly lost: readonly RepairLoss[];
  /** How many failure domains may be lost now, whichever they are; −1 where something is lost already. */
  readonly survives: number;
  readonly promised: number;
  /** One sentence for each thing a person should know. */
  readonly notes: readonly string[];
  /** `degraded`: all is there, and less than the tier promises. */
  readonly status: 'ok' | 'degraded' | 'lost';
}

/** @throws `backend/*` when nothing can be stored at all; damage is reported */
export async function repairTier(options: RepairOptions): Promise<RepairReport> {
  const { tier, places, keyring, signal } = options;
  const found = await findSnapshots(places, keyring, tier, signal);
  const repairs = await loadRepairs(places, keyring, signal);
  const presence = await Presence.load(places, signal);
  const indexes = await readIndexes(found.snapshots, { places, keyring, signal });
  indexes.stripes.learn(repairs.stripes);
  const run = new RepairRun(options, { repairs, presence, names: holderNames(found.snapshots) }, options);
  for (const { snapshot, error } of indexes.lost) run.lose(snapshot.object, error);
  for (const { name, foreign, error } of found.broken) if (!foreign) run.lose(name.object.name, error);
  const unlisted = [...unlistedOf(found.problems), ...unlistedOf(repairs.problems), ...unlistedOf(presence.problems)];
  // What nobody shows is not known to be nothing.
  if (found.snapshots.length === 0 && unlistedOf(found.problems).length > 0)
    run.lose(`snapshots/${tier}/`, notListed(unlisted));
  await run.stripes(neededStripes(indexes.whole, indexes.stripes));
  const survives = await copy(found.snapshots, run, options);
  return report(run, { found, survives, unlisted, options });
}

/** Places whose listing of a prefix failed, one sentence each. */
function unlistedOf(problems: readonly ObjectProblem[]): string[] {
  return problems.flatMap(({ object, location }) =>
    object.endsWith('/') ? [`${location} could not list ${object}`] : [],
  );
}

function notListed(unlisted: readonly string[]): ValenceError {
  return new ValenceError('backend/unavailable', `no snapshot is listed, and ${unlisted.join(', ')}`, {
    hint: 'see that these places are up and that their keys may list, then run the repair again',
  });
}

/** Brings everything that lies whole at every holder to those that lack it. How many failure domains that survives. */
async function copy(snapshots: readonly Snapshot[], run: RepairRun, options: RepairOptions): Promise<number> {
  const { places, keyring, tier, holders, data, dryRun, progress, signal } = options;
  if (dryRun) return survivesCopies(holders.map(({ domains }) => domains));
  progress({ stage: 'copying index and manifests' });
  const { records } = await loadRepairs(places, keyring, signal);
  const own = records.filter(({ header }) => header.tier === tier);
  const objects = await copiesOf({ snapshots, records: own, places, signal });
  const { damaged, bytesRead } = data
    ? await damagedCopies(objects, run.uploads.willing, signal)
    : { damaged: [], bytesRead: 0 };
  run.copiedBytes += bytesRead;
  const complete = await shareObjects(run.uploads, objects, { damaged, sources: places, signal });
  return survivesCopies([...complete].map(({ domains }) => domains));
}

interface Outcome {
  readonly found: SnapshotsFound;
  /** Of the copies. */
  readonly survives: number;
  readonly unlisted: readonly string[];
  readonly options: RepairOptions;
}

function report(run: RepairRun, { found, survives: copies, unlisted, options }: Outcome): RepairReport {
  const promised = promisedBy(options.profile, options.promisedOn);
  const survives =
    found.snapshots.length === 0 && run.lost.length === 0 ? promised : Math.min(run.survives, copies, promised);
  const isDegraded = run.lacking > 0 || run.archived > 0 || survives < promised;
  return {
    tier: options.tier,
    snapshots: found.snapshots.length,
    stripes: run.seen,
    repaired: run.repaired,
    recoded: run.recoded,
    shards: run.shards,
    records: run.log.records,
    bytesRead: run.source.bytesRead + run.copiedBytes,
    storedBytes: run.uploads.storedBytes,
    lacking: run.lacking,
    archived: run.archived,
    lost: run.lost,
    survives,
    promised,
    notes: [...unlisted, ...notesOf(run)],
    status: run.lost.length > 0 ? 'lost' : isDegraded ? 'degraded' : 'ok',
  };
}

function notesOf({ uploads, archived, source: { unchecked } }: RepairRun): string[] {
  const notes = uploads.refused.map(({ location, error }) => `${location} refused: ${error.message}`);
  const later = 'asked for, run this again when the store has brought them back, which takes hours';
  if (archived > 0) notes.push(`${count(archived, 'stripe')} can be repaired only from an archive: ${later}`);
  if (unchecked > 0) notes.push(`${count(unchecked, 'shard')} could not be checked in an archive: ${later}`);
  return notes;
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`;
}
