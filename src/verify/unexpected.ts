import { toHex } from '../core/bytes.ts';
import { encodeBundle } from '../format/keys/bundle.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import { sha256, shardObjectName } from '../format/shard/name.ts';
import { VAULT_FILE_NAME } from '../format/vault-file.ts';
import { segmentObjectName } from '../vault/index-map.ts';
import { bundleObjectName } from '../vault/keyring.ts';
import type { Keyring } from '../vault/keyring.ts';
import { listEverywhere } from '../vault/listing.ts';
import type { ListedObject } from '../vault/listing.ts';
import type { Place } from '../vault/places.ts';
import { readOnce } from '../vault/read-object.ts';
import type { SnapshotsFound } from '../vault/snapshots.ts';
import type { Finding } from './finding.ts';

/** Objects that nothing refers to. They harm no restore; what a run left that was interrupted is told from what others put there. */

export interface UnexpectedOptions {
  readonly places: readonly Place[];
  readonly keyring: Keyring;
  readonly found: SnapshotsFound;
  /** All that the index lists, of every tier, and all that repair records tell of. */
  readonly stripes: Iterable<IndexedStripe>;
  /** Repair records, those that were refused as well, since that is said elsewhere. */
  readonly records: readonly { readonly object: string }[];
  /** Whether every snapshot has its index; else nobody knows which shards are needed. */
  readonly indexesAreWhole: boolean;
  readonly data: boolean;
  readonly signal?: AbortSignal | undefined;
}

const LISTED_A_PLACE_MAX = 20;
const SHARD = /^shards\/([0-9a-f]{2})\/(\1[0-9a-f]{62})$/;
const SEGMENT = /^index\/([0-9a-f]{64})$/;

export async function findUnexpected(
  options: UnexpectedOptions,
): Promise<{ findings: readonly Finding[]; bytesRead: number }> {
  const expected = expectedNames(options);
  const findings: Finding[] = [];
  let bytesRead = 0;
  const { objects } = await listEverywhere(options.places, '', options.signal);
  for (const object of objects.values()) {
    if (expected.has(object.name) || (object.name.startsWith('shards/') && !options.indexesAreWhole)) continue;
    const judged = await judge(object, options);
    findings.push(...judged.findings);
    bytesRead += judged.bytesRead;
  }
  return { findings: shortened(findings), bytesRead };
}

/** Of each place and severity a few: a large run that was interrupted leaves thousands, and nobody reads of each. */
export function shortened(findings: readonly Finding[]): Finding[] {
  const beyond = new Map<string, { readonly first: Finding; count: number }>();
  const kept = findings.filter((finding) => {
    const key = `${finding.severity} ${finding.location}`;
    const seen = beyond.get(key) ?? { first: finding, count: 0 };
    beyond.set(key, seen);
    seen.count += 1;
    return seen.count <= LISTED_A_PLACE_MAX;
  });
  for (const { first, count } of beyond.values()) {
    const more = count - LISTED_A_PLACE_MAX;
    if (more > 0) kept.push({ ...first, object: null, detail: `and ${more} more that no snapshot needs` });
  }
  return kept;
}

/** Damaged manifests count as expected, since the history has spoken of them. */
function expectedNames({ keyring, found, stripes, records }: UnexpectedOptions): ReadonlySet<string> {
  const names = new Set<string>([VAULT_FILE_NAME]);
  for (const bundle of keyring.bundles)
    names.add(bundleObjectName(bundle.header.generation, bundle.header.writerId, encodeBundle(bundle)));
  for (const { name } of found.broken) names.add(name.object.name);
  for (const { object, manifest } of found.snapshots) {
    names.add(object);
    for (const digest of manifest.header.index) names.add(segmentObjectName(digest));
  }
  for (const { object } of records) names.add(object);
  for (const { shards } of stripes) for (const shard of shards) names.add(shardObjectName(shard.name));
  return names;
}

async function judge(
  { name, copies }: ListedObject,
  { data, signal }: UnexpectedOptions,
): Promise<{ findings: Finding[]; bytesRead: number }> {
  const digest = SHARD.exec(name)?.[2] ?? SEGMENT.exec(name)?.[1];
  const findings: Finding[] = [];
  let bytesRead = 0;
  for (const { backend } of copies) {
    const finding = { kind: 'unexpected-object', location: backend.location, object: name } as const;
    if (digest === undefined) {
      const severity = /^(keys|snapshots|index|shards|repairs)\//.test(name) ? 'warning' : 'info';
      findings.push({ ...finding, severity, detail: 'no writer of this vault stores such an object' });
      continue;
    }
    const read = data ? await readOnce(backend, name, signal, { digest: Buffer.from(digest, 'hex') }) : 'unread';
    if (typeof read !== 'string') bytesRead += read.length;
    // What cannot be read, or lies in an archive, is told where it is needed.
    const isWhole = typeof read === 'string' || toHex(sha256(read)) === digest;
    const detail = isWhole
      ? 'no snapshot needs it; a run that was interrupted leaves such objects'
      : 'no snapshot needs it, and its bytes are not what its name says';
    findings.push({ ...finding, severity: isWhole ? 'info' : 'warning', detail });
  }
  return { findings, bytesRead };
}
