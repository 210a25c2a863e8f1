import { toHex } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import type { ValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import type { ProgressSink } from '../core/progress.ts';
import { encodeBundle } from '../format/keys/bundle.ts';
import { VAULT_FILE_NAME } from '../format/vault-file.ts';
import { sha256 } from '../format/shard/name.ts';
import type { TierHead } from '../format/snapshot/summary.ts';
import { aheadInOrder } from '../vault/ahead.ts';
import { findChainBreaks } from '../vault/chain.ts';
import { IndexMap, readSegment, segmentObjectName } from '../vault/index-map.ts';
import { bundleObjectName } from '../vault/keyring.ts';
import type { Keyring } from '../vault/keyring.ts';
import { listEverywhere } from '../vault/listing.ts';
import { holderName } from '../vault/lost-stripes.ts';
import type { HolderNames } from '../vault/lost-stripes.ts';
import type { Blemish, Place } from '../vault/places.ts';
import { Presence } from '../vault/presence.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import { holderNames } from '../vault/snapshots.ts';
import type { Snapshot, SnapshotsFound } from '../vault/snapshots.ts';
import { checkCopies } from './copies.ts';
import type { ExpectedCopy } from './copies.ts';
import { statusOf } from './finding.ts';
import type { Finding, VerificationStatus } from './finding.ts';
import { checkListed, checkRead } from './stripes.ts';
import type { StripeCheck } from './stripes.ts';
import { findUnexpected } from './unexpected.ts';

/** Everything a tier has stored, held against its index, its signatures and its chain. Never trusts the writer's code. */

export interface VerifyOptions {
  readonly tier: string;
  readonly places: readonly Place[];
  readonly blemishes: readonly Blemish[];
  readonly keyring: Keyring;
  /** Snapshots of all tiers, as found at these places and at all others that are known. */
  readonly found: SnapshotsFound;
  /** Tiers that are verified for themselves, so that what is wrong with their snapshots is not said here. */
  readonly otherTiers: readonly string[];
  /** What this host remembers of all tiers. */
  readonly heads: readonly TierHead[];
  /** Read every byte, instead of names and sizes. */
  readonly data: boolean;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal | undefined;
}

export interface TierVerification {
  readonly tier: string;
  readonly snapshots: number;
  readonly stripes: number;
  readonly shards: number;
  readonly bytesRead: number;
  readonly findings: readonly Finding[];
  /** The newest snapshot could be restored from what was found. */
  readonly restorable: boolean;
  readonly status: VerificationStatus;
}

export async function verifyTier(options: VerifyOptions): Promise<TierVerification> {
  const { tier, found } = options;
  const snapshots = found.snapshots.filter((snapshot) => snapshot.manifest.header.tier === tier);
  const findings: Finding[] = [...placeFindings(options), ...historyFindings(options)];
  const copies = await checkMetadata(snapshots, options);
  findings.push(...copies.findings);
  const perSnapshot = await readIndexes(found.snapshots, options);
  findings.push(
    ...perSnapshot.lost
      .filter(({ snapshot }) => snapshot.manifest.header.tier === tier)
      .map(({ snapshot, error }) => indexLost(snapshot, error)),
  );
  const ofTier = new Map([...perSnapshot.indexes].filter(([snapshot]) => snapshot.manifest.header.tier === tier));
  const checks = await checkStripes(ofTier, options);
  findings.push(...checks.findings);
  const unexpected = await findUnexpected({
    ...options,
    indexes: perSnapshot.indexes,
    indexesAreWhole: perSnapshot.lost.length === 0,
  });
  findings.push(...unexpected.findings);
  if (snapshots.length === 0 && findings.length === 0) findings.push(nothingStored(tier));
  const newest = snapshots.at(-1);
  const newestIndex = newest === undefined ? undefined : perSnapshot.indexes.get(newest);
  const restorable =
    newestIndex !== undefined &&
    !findings.some(({ kind }) => kind === 'snapshot-lost') &&
    newestIndex.liveStripes().every((stripe) => !checks.lost.has(toHex(stripe.geometry.packDigest)));
  return {
    tier,
    snapshots: snapshots.length,
    stripes: checks.stripes,
    shards: checks.shards,
    bytesRead: copies.bytesRead + checks.bytesRead + unexpected.bytesRead,
    findings: distinct(findings),
    restorable,
    status: statusOf(findings),
  };
}

/** Places that could not be used, places whose `valence.json` is wrong, and places that say they are the same holder. */
function placeFindings({ blemishes, places }: VerifyOptions): Finding[] {
  const findings = blemishes.map(({ location, error }): Finding => {
    const { message: detail } = error;
    if (error.code === 'format/malformed')
      return { kind: 'object-corrupt', severity: 'error', location, object: VAULT_FILE_NAME, detail };
    if (error.code === 'format/newer')
      return { kind: 'backend-unavailable', severity: 'error', location, object: VAULT_FILE_NAME, detail };
    if (places.some(({ backend }) => backend.location === location))
      return { kind: 'object-missing', severity: 'error', location, object: VAULT_FILE_NAME, detail };
    return { kind: 'backend-unavailable', severity: 'error', location, object: null, detail };
  });
  const holders = new Map<string, string>();
  for (const { backend, holder } of places) {
    if (holder === null) continue;
    const first = holders.get(holder);
    const detail = `it says it is the same holder as ${first}, so what it keeps counts only once`;
    if (first === undefined) holders.set(holder, backend.location);
    else
      findings.push({
        kind: 'holder-repeated',
        severity: 'error',
        location: backend.location,
        object: VAULT_FILE_NAME,
        detail,
      });
  }
  return findings;
}

function nothingStored(tier: string): Finding {
  return {
    kind: 'snapshot-none',
    severity: 'warning',
    location: `tier ${tier}`,
    object: null,
    detail: 'it has no snapshot, so there is nothing to restore',
  };
}

/** One thing is said once, by the check that came first. */
function distinct(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, Finding>();
  for (const finding of findings) {
    const key = `${finding.kind} ${finding.location} ${finding.object ?? finding.detail}`;
    if (!seen.has(key)) seen.set(key, finding);
  }
  return [...seen.values()];
}

/** Manifests that cannot be believed, damaged copies of those that can, holes and forks. */
function historyFindings({ tier, found, heads, otherTiers, keyring }: VerifyOptions): Finding[] {
  const broken = found.broken
    .filter(({ name }) => name.tier === tier || !otherTiers.includes(name.tier))
    .flatMap(({ name, error, foreign }) =>
      name.object.copies.map(({ backend: { location } }): Finding => {
        const object = name.object.name;
        if (foreign) return { kind: 'unexpected-object', severity: 'error', location, object, detail: error.message };
        return { kind: 'snapshot-lost', severity: 'error', location, object, detail: error.message };
      }),
    );
  const told = new Set(found.broken.map(({ name }) => name.object.name));
  const own = found.problems.filter(({ object }) => object.startsWith(`snapshots/${tier}/`) && !told.has(object));
  const damaged = [...keyring.problems, ...own].map(copyFinding);
  const breaks = findChainBreaks(found.snapshots, found.broken, heads)
    .filter((gap) => gap.tier === tier)
    .map((gap): Finding => {
      const [kind, severity] =
        gap.kind === 'fork' ? (['fork', 'info'] as const) : (['snapshot-missing', 'error'] as const);
      return { kind, severity, location: `tier ${tier}`, object: toHex(gap.digest), detail: gap.detail };
    });
  return [...broken, ...damaged, ...breaks];
}

function copyFinding({ location, object, kind }: ObjectProblem): Finding {
  if (kind === 'corrupt')
    return {
      kind: 'object-corrupt',
      severity: 'error',
      location,
      object,
      detail: 'this copy is damaged or cannot be read',
    };
  return { kind: 'object-missing', severity: 'warning', location, object, detail: `this copy is ${kind}` };
}

async function checkMetadata(
  snapshots: readonly Snapshot[],
  options: VerifyOptions,
): Promise<{ findings: Finding[]; bytesRead: number }> {
  const { places, keyring, signal } = options;
  const segments = new Map(
    snapshots.flatMap(({ manifest }) => manifest.header.index.map((name) => [toHex(name), name] as const)),
  );
  const byPrefix: readonly (readonly [string, readonly ExpectedCopy[]])[] = [
    ['keys/', bundlesOf(snapshots, keyring)],
    ['index/', [...segments.values()].map((digest) => ({ object: segmentObjectName(digest), digest }))],
    ['snapshots/', snapshots.map(manifestCopy)],
  ];
  const findings: Finding[] = [];
  let bytesRead = 0;
  for (const [prefix, expected] of byPrefix) {
    const listing = await listEverywhere(places, prefix, signal);
    const checked = await checkCopies(places, listing, expected, options);
    findings.push(...checked.findings);
    bytesRead += checked.bytesRead;
  }
  return { findings, bytesRead };
}

/** A place that came later never had this manifest. */
function manifestCopy({ object, manifest, summary }: Snapshot): ExpectedCopy {
  return { object, digest: manifest.digest, holders: new Set(summary.holders.map(({ id }) => id)) };
}

/** The bundles of the writers of these snapshots. */
function bundlesOf(snapshots: readonly Snapshot[], keyring: Keyring): ExpectedCopy[] {
  const writers = new Set(snapshots.map(({ manifest }) => manifest.header.writerId));
  const copies = new Map<string, ExpectedCopy>();
  for (const bundle of keyring.bundles) {
    const { generation, writerId } = bundle.header;
    if (!writers.has(uuidText(writerId))) continue;
    const bytes = encodeBundle(bundle);
    const object = bundleObjectName(generation, writerId, bytes);
    copies.set(object, { object, digest: sha256(bytes) });
  }
  return [...copies.values()];
}

interface IndexesRead {
  readonly indexes: ReadonlyMap<Snapshot, IndexMap>;
  readonly lost: readonly { readonly snapshot: Snapshot; readonly error: ValenceError }[];
}

/** Snapshots share most of their segments, so each is read once. */
async function readIndexes(
  snapshots: readonly Snapshot[],
  { places, keyring, signal }: VerifyOptions,
): Promise<IndexesRead> {
  const segments = new Map<string, ReturnType<typeof readSegment>>();
  const read = (digest: Uint8Array): ReturnType<typeof readSegment> => {
    const segment = segments.get(toHex(digest)) ?? readSegment(places, keyring, digest, signal);
    segments.set(toHex(digest), segment);
    return segment;
  };
  const indexes = new Map<Snapshot, IndexMap>();
  const lost: { snapshot: Snapshot; error: ValenceError }[] = [];
  for (const snapshot of snapshots) {
    const index = new IndexMap();
    try {
      for await (const { body } of aheadInOrder(snapshot.manifest.header.index, READS_AT_ONCE, read)) index.add(body);
      indexes.set(snapshot, index);
    } catch (error) {
      if (!isValenceError(error) || !/^(integrity|format)\//.test(error.code)) throw error;
      lost.push({ snapshot, error });
    }
  }
  return { indexes, lost };
}

function indexLost({ object, manifest }: Snapshot, { message, context }: ValenceError): Finding {
  const { tier, sequence } = manifest.header;
  const segment = typeof context['object'] === 'string' ? context['object'] : object;
  return {
    kind: 'index-lost',
    severity: 'error',
    location: `tier ${tier}, snapshot ${sequence}`,
    object: segment,
    detail: message,
  };
}

interface StripeChecks {
  readonly stripes: number;
  readonly shards: number;
  readonly bytesRead: number;
  readonly findings: readonly Finding[];
  /** Pack digests, in hexadecimal, of stripes with fewer than k good shards. */
  readonly lost: ReadonlySet<string>;
}

async function checkStripes(indexes: ReadonlyMap<Snapshot, IndexMap>, options: VerifyOptions): Promise<StripeChecks> {
  const { places, keyring, data, signal, progress } = options;
  const stripes = new Map(
    [...indexes].flatMap(([snapshot, index]) =>
      index.liveStripes().map((stripe) => [toHex(stripe.geometry.packDigest), { snapshot, stripe }]),
    ),
  );
  const presence = await Presence.load(places, signal);
  const findings: Finding[] = presence.problems.map(unlisted);
  const lost = new Set<string>();
  const absent = new Map<string, number>();
  const names = holderNames(options.found.snapshots);
  let [shards, bytesRead, done] = [0, 0, 0];
  const check = async ({
    snapshot,
    stripe,
  }: {
    snapshot: Snapshot;
    stripe: IndexMap['stripes'][number];
  }): Promise<StripeCheck> => {
    if (!data) return checkListed(stripe, presence);
    const { maskKey } = keyring.secrets(snapshot.manifest.header.generation)!;
    return checkRead(stripe, { places, presence, maskKey, signal });
  };
  const entries = [...stripes];
  for await (const result of aheadInOrder(
    entries.map(([, entry]) => entry),
    READS_AT_ONCE / 4,
    check,
  )) {
    const [id, { stripe }] = entries[done]!;
    done += 1;
    findings.push(...result.findings);
    for (const holder of result.absent) countAbsent(absent, names, holder);
    shards += stripe.shards.length;
    bytesRead += result.bytesRead;
    if (result.good < stripe.geometry.k) lost.add(id);
    progress({ stage: data ? 'reading stripes' : 'checking stripes', done, total: entries.length });
  }
  return {
    stripes: entries.length,
    shards,
    bytesRead,
    findings: [...findings, ...[...absent].map(holderAbsent)],
    lost,
  };
}

function countAbsent(absent: Map<string, number>, names: HolderNames, holder: Uint8Array): void {
  const name = holderName(names, holder);
  absent.set(name, (absent.get(name) ?? 0) + 1);
}

/** One line a holder, not one a shard. */
function holderAbsent([name, count]: readonly [string, number]): Finding {
  const detail = `${count === 1 ? 'a shard was' : `${count} shards were`} stored there, and it is none of the places that can be read`;
  return { kind: 'shard-missing', severity: 'error', location: name, object: null, detail };
}

function unlisted({ location, object }: ObjectProblem): Finding {
  return {
    kind: 'backend-unavailable',
    severity: 'error',
    location,
    object: null,
    detail: `${object} could not be listed`,
  };
}
