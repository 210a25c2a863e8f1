import { toHex } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import type { ProgressSink } from '../core/progress.ts';
import { encodeBundle } from '../format/keys/bundle.ts';
import { sha256 } from '../format/shard/name.ts';
import type { TierHead } from '../format/snapshot/summary.ts';
import { aheadInOrder } from '../vault/ahead.ts';
import { findChainBreaks } from '../vault/chain.ts';
import { readIndex, segmentObjectName } from '../vault/index-map.ts';
import type { IndexMap } from '../vault/index-map.ts';
import { bundleObjectName } from '../vault/keyring.ts';
import type { Keyring } from '../vault/keyring.ts';
import { listEverywhere } from '../vault/listing.ts';
import type { Blemish, Place } from '../vault/places.ts';
import { Presence } from '../vault/presence.ts';
import type { Snapshot, SnapshotsFound } from '../vault/snapshots.ts';
import { checkCopies } from './copies.ts';
import type { ExpectedCopy } from './copies.ts';
import { statusOf } from './finding.ts';
import type { Finding, VerificationStatus } from './finding.ts';
import { checkListed, checkRead } from './stripes.ts';
import type { StripeCheck } from './stripes.ts';

/** Everything a tier has stored, held against its index, its signatures and its chain. Never trusts the writer's code. */

export interface VerifyOptions {
  readonly tier: string;
  readonly places: readonly Place[];
  readonly blemishes: readonly Blemish[];
  readonly keyring: Keyring;
  /** Snapshots of all tiers, as found at these places. */
  readonly found: SnapshotsFound;
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
  const perSnapshot = await readIndexes(snapshots, options);
  findings.push(...perSnapshot.findings);
  const checks = await checkStripes(perSnapshot.indexes, options);
  findings.push(...checks.findings);
  const newest = snapshots.at(-1);
  const newestIndex = newest === undefined ? undefined : perSnapshot.indexes.get(newest);
  const restorable =
    newestIndex !== undefined &&
    !found.broken.some(({ name }) => name.tier === tier && name.sequence > newest!.manifest.header.sequence) &&
    newestIndex.liveStripes().every((stripe) => !checks.lost.has(toHex(stripe.geometry.packDigest)));
  return {
    tier,
    snapshots: snapshots.length,
    stripes: checks.stripes,
    shards: checks.shards,
    bytesRead: copies.bytesRead + checks.bytesRead,
    findings,
    restorable,
    status: statusOf(findings),
  };
}

function placeFindings({ blemishes }: VerifyOptions): Finding[] {
  return blemishes.map(({ location, error }) => ({
    kind: error.code === 'format/malformed' ? 'object-corrupt' : 'backend-unavailable',
    severity: 'error',
    location,
    object: null,
    detail: error.message,
  }));
}

/** Manifests that cannot be believed, holes and forks. */
function historyFindings({ tier, found, heads }: VerifyOptions): Finding[] {
  const broken = found.broken
    .filter(({ name }) => name.tier === tier)
    .map(({ name, error }): Finding => {
      const location = name.object.copies.map((copy) => copy.backend.location).join(', ');
      return { kind: 'snapshot-unbelievable', severity: 'error', location, object: name.object.name, detail: error.message };
    });
  const breaks = findChainBreaks(found.snapshots, found.broken, heads)
    .filter((gap) => gap.tier === tier)
    .map((gap): Finding => {
      const [kind, severity] = gap.kind === 'fork' ? (['fork', 'warning'] as const) : (['snapshot-missing', 'error'] as const);
      return { kind, severity, location: `tier ${tier}`, object: toHex(gap.digest), detail: gap.detail };
    });
  return [...broken, ...breaks];
}

async function checkMetadata(snapshots: readonly Snapshot[], options: VerifyOptions): Promise<{ findings: Finding[]; bytesRead: number }> {
  const { places, keyring, signal } = options;
  const segments = new Map(snapshots.flatMap(({ manifest }) => manifest.header.index.map((name) => [toHex(name), name] as const)));
  const byPrefix: readonly (readonly [string, readonly ExpectedCopy[]])[] = [
    ['keys/', bundlesOf(snapshots, keyring)],
    ['index/', [...segments.values()].map((digest) => ({ object: segmentObjectName(digest), digest }))],
    ['snapshots/', snapshots.map(({ object, manifest }) => ({ object, digest: manifest.digest }))],
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

async function readIndexes(
  snapshots: readonly Snapshot[],
  options: VerifyOptions,
): Promise<{ indexes: Map<Snapshot, IndexMap>; findings: Finding[] }> {
  const indexes = new Map<Snapshot, IndexMap>();
  const findings: Finding[] = [];
  for (const snapshot of snapshots) {
    try {
      const { index } = await readIndex(options.places, options.keyring, snapshot.manifest.header.index, options.signal);
      indexes.set(snapshot, index);
    } catch (error) {
      if (!isValenceError(error) || !/^(integrity|format)\//.test(error.code)) throw error;
      findings.push({ kind: 'index-lost', severity: 'error', location: `tier ${options.tier}`, object: snapshot.object, detail: error.message });
    }
  }
  return { indexes, findings };
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
  const stripes = new Map([...indexes].flatMap(([snapshot, index]) => index.stripes.map((stripe) => [toHex(stripe.geometry.packDigest), { snapshot, stripe }])));
  const presence = data ? null : await Presence.load(places, signal);
  const findings: Finding[] = [];
  const lost = new Set<string>();
  let [shards, bytesRead, done] = [0, 0, 0];
  const check = async ({ snapshot, stripe }: { snapshot: Snapshot; stripe: IndexMap['stripes'][number] }): Promise<StripeCheck> => {
    if (presence !== null) return checkListed(stripe, presence);
    const secrets = keyring.secrets(snapshot.manifest.header.generation)!;
    return checkRead(stripe, places, secrets.maskKey, signal);
  };
  const entries = [...stripes];
  for await (const result of aheadInOrder(entries.map(([, entry]) => entry), READS_AT_ONCE / 4, check)) {
    const [id, { stripe }] = entries[done]!;
    done += 1;
    findings.push(...result.findings);
    shards += stripe.shards.length;
    bytesRead += result.bytesRead;
    if (result.good < stripe.geometry.k) lost.add(id);
    progress({ stage: data ? 'reading stripes' : 'checking stripes', done, total: entries.length });
  }
  return { stripes: entries.length, shards, bytesRead, findings, lost };
}
