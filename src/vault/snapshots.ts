import type { ObjectName, ReadableBackend } from '../backends/backend.ts';
import { fromHex, toHex } from '../core/bytes.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import { TIER_NAME } from '../format/index/segment.ts';
import { openSummary, parseManifest, verifyManifest } from '../format/snapshot/manifest.ts';
import type { ParsedManifest } from '../format/snapshot/manifest.ts';
import type { SnapshotSummary } from '../format/snapshot/summary.ts';
import { aheadInOrder } from './ahead.ts';
import type { Keyring } from './keyring.ts';
import { listEverywhere } from './listing.ts';
import type { ListedObject } from './listing.ts';
import type { Place } from './places.ts';
import { objectLost, readWholeObject } from './read-object.ts';
import type { ObjectProblem } from './read-object.ts';

/** The snapshots of a vault, as the places list them and the signatures confirm them. FORMAT.md §8. */

/** Where a manifest lies. FORMAT.md §2.3. */
export function snapshotObjectName(tier: string, sequence: number, digest: Uint8Array): ObjectName {
  return `snapshots/${tier}/${String(sequence).padStart(10, '0')}-${toHex(digest)}`;
}

/** What a manifest's name alone says; not to be believed before the manifest is verified. */
export interface SnapshotName {
  readonly tier: string;
  readonly sequence: number;
  readonly digest: Uint8Array;
  readonly object: ListedObject;
}

/** A verified snapshot. */
export interface Snapshot {
  readonly manifest: ParsedManifest;
  readonly summary: SnapshotSummary;
  readonly object: ObjectName;
  /** Where it was listed. */
  readonly locations: readonly string[];
}

/** A manifest that cannot be believed or read, wherever it is listed. */
export interface BrokenSnapshot {
  readonly name: SnapshotName;
  readonly error: ValenceError;
}

export interface SnapshotsFound {
  /** By tier, then sequence, then digest. */
  readonly snapshots: readonly Snapshot[];
  readonly broken: readonly BrokenSnapshot[];
  readonly problems: readonly ObjectProblem[];
}

const NAME = /^snapshots\/([^/]+)\/([0-9]{10,16})-([0-9a-f]{64})$/;

/** The names of all snapshots, or of one tier's, in the order of `SnapshotsFound`. Objects of other names are passed over. */
export async function listSnapshotNames(
  places: readonly Place[],
  tier: string | null,
  signal?: AbortSignal,
): Promise<{ names: SnapshotName[]; problems: readonly ObjectProblem[] }> {
  const prefix = tier === null ? 'snapshots/' : `snapshots/${tier}/`;
  const { objects, problems } = await listEverywhere(places, prefix, signal);
  const names: SnapshotName[] = [];
  for (const object of objects.values()) {
    const match = NAME.exec(object.name);
    if (match === null || !TIER_NAME.test(match[1]!)) continue;
    names.push({ tier: match[1]!, sequence: Number(match[2]), digest: fromHex(match[3]!, 32), object });
  }
  return { names: names.sort(compareNames), problems };
}

/** Reads and verifies every snapshot that the places list. */
export async function findSnapshots(
  places: readonly Place[],
  keyring: Keyring,
  tier: string | null,
  signal?: AbortSignal,
): Promise<SnapshotsFound> {
  const { names, problems } = await listSnapshotNames(places, tier, signal);
  const snapshots: Snapshot[] = [];
  const broken: BrokenSnapshot[] = [];
  const allProblems = [...problems];
  const read = async (name: SnapshotName): Promise<ReadSnapshot> => readSnapshot(name, keyring, signal);
  for await (const result of aheadInOrder(names, READS_AT_ONCE, read)) {
    allProblems.push(...result.problems);
    if ('snapshot' in result) snapshots.push(result.snapshot);
    else broken.push(result.broken);
  }
  return { snapshots, broken, problems: allProblems };
}

export type ReadSnapshot = { readonly problems: readonly ObjectProblem[] } & (
  | { readonly snapshot: Snapshot }
  | { readonly broken: BrokenSnapshot }
);

/** Reads one manifest from any place that has it whole, and verifies it. @throws only when cancelled */
export async function readSnapshot(name: SnapshotName, keyring: Keyring, signal?: AbortSignal): Promise<ReadSnapshot> {
  const backends = name.object.copies.map((copy) => copy.backend);
  const { bytes, problems } = await readWholeObject(backends, name.object.name, name.digest, signal);
  if (bytes === null) return { problems, broken: { name, error: objectLost('the snapshot manifest', name.object.name, problems) } };
  try {
    return { problems, snapshot: verified(bytes, name, keyring, backends) };
  } catch (error) {
    if (!isValenceError(error)) throw error;
    return { problems, broken: { name, error } };
  }
}

function verified(bytes: Uint8Array, name: SnapshotName, keyring: Keyring, backends: readonly ReadableBackend[]): Snapshot {
  const manifest = parseManifest(bytes);
  const { header } = manifest;
  if (header.vaultId !== keyring.vaultId) throw notOurs('it belongs to another vault');
  const writer = keyring.writer(header.generation, header.writerId);
  const secrets = keyring.secrets(header.generation);
  if (writer === null || secrets === null) throw notOurs('no key bundle of this vault names its writer');
  verifyManifest(manifest, writer);
  if (header.tier !== name.tier || header.sequence !== name.sequence) throw notOurs('it lies under another name than its own');
  const locations = backends.map((backend) => backend.location).sort();
  return { manifest, summary: openSummary(manifest, secrets.indexKey), object: name.object.name, locations };
}

function notOurs(reason: string): ValenceError {
  return new ValenceError('integrity/authentication-failed', `a snapshot manifest is not to be believed: ${reason}`);
}

function compareNames(a: SnapshotName, b: SnapshotName): number {
  if (a.tier !== b.tier) return a.tier < b.tier ? -1 : 1;
  return a.sequence - b.sequence || Buffer.compare(a.digest, b.digest);
}
