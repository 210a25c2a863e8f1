import { toHex } from '../core/bytes.ts';
import { uuidText } from '../core/ids.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import { encodeBundle } from '../format/keys/bundle.ts';
import { VAULT_FILE_NAME } from '../format/vault-file.ts';
import { sha256 } from '../format/shard/name.ts';
import type { TierHead } from '../format/snapshot/summary.ts';
import { findChainBreaks } from '../vault/chain.ts';
import { segmentObjectName } from '../vault/index-map.ts';
import { bundleObjectName } from '../vault/keyring.ts';
import type { Keyring } from '../vault/keyring.ts';
import { neededStripes } from '../vault/listed-stripes.ts';
import { listEverywhere } from '../vault/listing.ts';
import type { Blemish, Place } from '../vault/places.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import { loadRepairs } from '../vault/repairs.ts';
import type { RefusedRepair, Repairs } from '../vault/repairs.ts';
import type { Snapshot, SnapshotsFound } from '../vault/snapshots.ts';
import { checkStripes } from './check-stripes.ts';
import { checkCopies } from './copies.ts';
import type { ExpectedCopy } from './copies.ts';
import { statusOf } from './finding.ts';
import type { Finding, VerificationStatus } from './finding.ts';
import { checkIndexes } from './snapshot-indexes.ts';
import type { CheckedIndexes } from './snapshot-indexes.ts';
import { findUnexpected, shortened } from './unexpected.ts';

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
  const isOwn = ({ manifest }: Snapshot): boolean => manifest.header.tier === tier;
  const snapshots = found.snapshots.filter(isOwn);
  const findings: Finding[] = [...placeFindings(options), ...historyFindings(options)];
  const repairs = await loadRepairs(options.places, options.keyring, options.signal);
  const copies = await checkMetadata(snapshots, repairs, options);
  findings.push(...copies.findings, ...shortened(repairs.refused.flatMap(refusedRepair)));
  const indexes = await readOwnIndexes(snapshots, options);
  indexes.stripes.learn(repairs.stripes);
  const whole = indexes.whole.filter(isOwn);
  findings.push(...indexes.lost.filter(({ snapshot }) => isOwn(snapshot)).map(indexLost));
  const checks = await checkStripes(neededStripes(whole, indexes.stripes), {
    ...options,
    repaired: repairs.stripes,
  });
  findings.push(...checks.findings, ...indexes.findings);
  const unexpected = await findUnexpected({
    ...options,
    stripes: [...Array.from(indexes.stripes.all(), ({ stripe }) => stripe), ...stripesOf(repairs)],
    records: [...repairs.records, ...repairs.refused],
    indexesAreWhole: indexes.lost.length === 0,
  });
  findings.push(...unexpected.findings);
  if (snapshots.length === 0 && findings.every(({ severity }) => severity === 'info'))
    findings.push(nothingStored(tier));
  const newest = snapshots.at(-1);
  const restorable =
    newest !== undefined &&
    whole.includes(newest) &&
    !findings.some(({ kind }) => kind === 'snapshot-lost') &&
    indexes.stripes.live(newest.manifest.header.index).every(({ id }) => !checks.lost.has(id));
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

function stripesOf({ stripes }: Repairs): IndexedStripe[] {
  return Array.from(stripes.all(), ({ stripe }) => stripe);
}

/** It tells nothing, so nobody misses it; who put it there may be worth to know. */
function refusedRepair({ object, locations, reason }: RefusedRepair): Finding[] {
  const detail = `no repair record of this vault: ${reason}`;
  return locations.map((location) => ({ kind: 'unexpected-object', severity: 'warning', location, object, detail }));
}

async function checkMetadata(
  snapshots: readonly Snapshot[],
  repairs: Repairs,
  options: VerifyOptions,
): Promise<{ findings: Finding[]; bytesRead: number }> {
  const { places, keyring, tier, signal } = options;
  const ownRecords = repairs.records.filter(({ header }) => header.tier === tier);
  const byPrefix: readonly (readonly [string, readonly ExpectedCopy[]])[] = [
    ['keys/', bundlesOf(snapshots, keyring)],
    ['index/', segmentCopies(snapshots)],
    ['snapshots/', snapshots.map(manifestCopy)],
    ['repairs/', ownRecords],
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

/** A place that came after the last snapshot that names a segment never had it. */
function segmentCopies(snapshots: readonly Snapshot[]): ExpectedCopy[] {
  const copies = new Map<string, { object: string; digest: Uint8Array; holders: Set<string> }>();
  for (const { manifest, summary } of snapshots) {
    for (const digest of manifest.header.index) {
      const object = segmentObjectName(digest);
      const copy = copies.get(object) ?? { object, digest, holders: new Set<string>() };
      for (const { id } of summary.holders) copy.holders.add(id);
      copies.set(object, copy);
    }
  }
  return [...copies.values()];
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

/** The index of the snapshots of all tiers; with `data` the packs in segments of this one's are checked. */
function readOwnIndexes(
  own: readonly Snapshot[],
  { places, keyring, found, data, signal }: VerifyOptions,
): Promise<CheckedIndexes> {
  const segments = new Set(data ? own.flatMap(({ manifest }) => manifest.header.index.map(toHex)) : []);
  return checkIndexes(found.snapshots, { places, keyring, signal }, segments);
}

function indexLost({ snapshot, error }: CheckedIndexes['lost'][number]): Finding {
  const { object, manifest } = snapshot;
  const { message, context } = error;
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
