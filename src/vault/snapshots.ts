import type { ObjectName, ReadableBackend } from '../backends/backend.ts';
import { equalBytes, fromHex, toHex } from '../core/bytes.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import { TIER_NAME } from '../format/index/segment.ts';
import { openSummary, parseManifest, verifyManifest } from '../format/snapshot/manifest.ts';
import type { ParsedManifest } from '../format/snapshot/manifest.ts';
import type { SnapshotSummary } from '../format/snapshot/summary.ts';
import { aheadInOrder } from './ahead.ts';
import type { IndexKeyring } from './keyring.ts';
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
  /**
   * Whole, and yet nothing that a writer of this vault can have stored under this name: others put it there, or replayed
   * an older one. It must not keep anyone from reading or writing. All else may be a snapshot that was damaged.
   */
  readonly foreign: boolean;
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
    const [tierName, sequence, digest] = [match[1]!, Number(match[2]), fromHex(match[3]!, 32)];
    // Needless zeros would be a second name for the same manifest.
    if (snapshotObjectName(tierName, sequence, digest) !== object.name) continue;
    names.push({ tier: tierName, sequence, digest, object });
  }
  return { names: names.sort(compareNames), problems };
}

/** A manifest that a listing may not show yet, asked for by its name; null: no place has it. */
export async function findSnapshotName(
  places: readonly Place[],
  { tier, sequence, digest }: Pick<SnapshotName, 'tier' | 'sequence' | 'digest'>,
  signal?: AbortSignal,
): Promise<SnapshotName | null> {
  const name = snapshotObjectName(tier, sequence, digest);
  const copies: { backend: ReadableBackend; sizeBytes: number }[] = [];
  for (const { backend } of places) {
    const sizeBytes = await sizeAt(backend, name, signal);
    if (sizeBytes !== null) copies.push({ backend, sizeBytes });
  }
  return copies.length === 0 ? null : { tier, sequence, digest, object: { name, copies } };
}

async function sizeAt(backend: ReadableBackend, name: ObjectName, signal?: AbortSignal): Promise<number | null> {
  try {
    return (await backend.stat(name, { signal }))?.sizeBytes ?? null;
  } catch (error) {
    signal?.throwIfAborted();
    if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
    return null;
  }
}

/**
 * Whether as many places list a manifest as a commit would have reached: every writer puts it everywhere. What only a few
 * list and nobody can read may have been put there by whoever rules those, and must not keep anyone from going on.
 */
export function isWidelyListed({ object }: SnapshotName, places: number): boolean {
  return object.copies.length * 2 > places;
}

/** Reads and verifies every snapshot that the places list. */
export async function findSnapshots(
  places: readonly Place[],
  keyring: IndexKeyring,
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

/** `found`, with those of these that no place lists, though one has them: a listing may lag behind. */
export async function withUnlisted(
  found: SnapshotsFound,
  known: readonly Pick<SnapshotName, 'tier' | 'sequence' | 'digest'>[],
  { places, keyring, signal }: { places: readonly Place[]; keyring: IndexKeyring; signal?: AbortSignal | undefined },
): Promise<SnapshotsFound> {
  const added: Snapshot[] = [];
  for (const each of known) {
    const isFound = ({ digest }: { readonly digest: Uint8Array }): boolean => equalBytes(digest, each.digest);
    if (found.snapshots.some(({ manifest }) => isFound(manifest)) || found.broken.some(({ name }) => isFound(name)))
      continue;
    const name = await findSnapshotName(places, each, signal);
    const read = name === null ? null : await readSnapshot(name, keyring, signal);
    if (read !== null && 'snapshot' in read) added.push(read.snapshot);
  }
  return added.length === 0 ? found : { ...found, snapshots: [...found.snapshots, ...added].sort(compareSnapshots) };
}

export type ReadSnapshot = { readonly problems: readonly ObjectProblem[] } & (
  | { readonly snapshot: Snapshot }
  | { readonly broken: BrokenSnapshot }
);

/** Reads one manifest from any place that has it whole, and verifies it. @throws only when cancelled */
export async function readSnapshot(
  name: SnapshotName,
  keyring: IndexKeyring,
  signal?: AbortSignal,
): Promise<ReadSnapshot> {
  const backends = name.object.copies.map((copy) => copy.backend);
  const { bytes, problems } = await readWholeObject(backends, name.object.name, name.digest, signal);
  if (bytes === null)
    return {
      problems,
      broken: { name, foreign: false, error: objectLost('the snapshot manifest', name.object.name, problems) },
    };
  let foreign = true;
  try {
    const manifest = parseManifest(bytes);
    checkOrigin(manifest, name, keyring);
    foreign = false;
    return { problems, snapshot: opened(manifest, name, keyring) };
  } catch (error) {
    if (!isValenceError(error)) throw error;
    return {
      problems,
      broken: { name, foreign: foreign && error.code !== 'format/newer', error: located(error, name) },
    };
  }
}

/** @throws `integrity/authentication-failed` for what no writer of this vault can have stored under this name */
function checkOrigin(manifest: ParsedManifest, name: SnapshotName, keyring: IndexKeyring): void {
  const { header } = manifest;
  if (header.vaultId !== keyring.vaultId) throw notOurs('it belongs to another vault');
  const writer = keyring.writer(header.generation, header.writerId);
  // The bundle of its writer may be lost, so this is not the place to judge.
  if (writer === null) return;
  verifyManifest(manifest, writer);
  if (header.tier !== name.tier || header.sequence !== name.sequence)
    throw notOurs('it lies under another name than its own');
}

function opened(manifest: ParsedManifest, name: SnapshotName, keyring: IndexKeyring): Snapshot {
  const { generation, writerId } = manifest.header;
  const secrets = keyring.secrets(generation);
  if (keyring.writer(generation, writerId) === null || secrets === null)
    throw notOurs('no key bundle of this vault names its writer');
  const locations = locationsOf(name);
  return { manifest, summary: openSummary(manifest, secrets.indexKey), object: name.object.name, locations };
}

function locationsOf({ object }: SnapshotName): string[] {
  return object.copies.map(({ backend }) => backend.location).sort();
}

function notOurs(reason: string): ValenceError {
  return new ValenceError('integrity/authentication-failed', `a snapshot manifest is not to be believed: ${reason}`);
}

/** The same error, saying which object it is about and where that lies. */
function located({ code, message, hint, context, cause }: ValenceError, name: SnapshotName): ValenceError {
  const object = name.object.name;
  const locations = locationsOf(name);
  return new ValenceError(code, `${message} (${object} at ${locations.join(', ')})`, {
    hint,
    context: { ...context, object, locations },
    cause,
  });
}

/** What people call the holders, by id: the names that the newest snapshot which knows them gives. */
export function holderNames(snapshots: readonly Snapshot[]): ReadonlyMap<string, string> {
  return new Map(snapshots.flatMap(({ summary }) => summary.holders.map(({ id, name }) => [id, name] as const)));
}

function compareSnapshots(a: Snapshot, b: Snapshot): number {
  return compareNames(nameOf(a), nameOf(b));
}

function nameOf({ manifest }: Snapshot): Pick<SnapshotName, 'tier' | 'sequence' | 'digest'> {
  return { ...manifest.header, digest: manifest.digest };
}

function compareNames(a: Pick<SnapshotName, 'tier' | 'sequence' | 'digest'>, b: typeof a): number {
  if (a.tier !== b.tier) return a.tier < b.tier ? -1 : 1;
  return a.sequence - b.sequence || Buffer.compare(a.digest, b.digest);
}
