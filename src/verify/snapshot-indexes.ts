import { toHex } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import type { ValenceError } from '../core/errors.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import type { SegmentBody } from '../format/index/segment-body.ts';
import { aheadInOrder } from '../vault/ahead.ts';
import { readSegment, segmentObjectName } from '../vault/index-map.ts';
import type { Keyring } from '../vault/keyring.ts';
import type { Place } from '../vault/places.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import type { Finding } from './finding.ts';
import { ListedStripes } from '../vault/listed-stripes.ts';
import { holdsItsChunks } from './stripes.ts';

export interface IndexReading {
  readonly places: readonly Place[];
  readonly keyring: Keyring;
  /** Of the packs in a segment of this name (hexadecimal) the chunks are to be held against their names. */
  readonly checksPacks: (segment: string) => boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface SnapshotIndexes {
  readonly stripes: ListedStripes;
  /** Those with all their segments, in the order given. */
  readonly whole: readonly Snapshot[];
  /** The others, with what was wrong with the first segment that cannot be had. */
  readonly lost: readonly { readonly snapshot: Snapshot; readonly error: ValenceError }[];
  /** Packs in segments whose chunks have other names. */
  readonly findings: readonly Finding[];
}

/** Reads the index of all snapshots: they share most of their segments, and each is read once. */
export async function readIndexes(snapshots: readonly Snapshot[], reading: IndexReading): Promise<SnapshotIndexes> {
  const { places, keyring, checksPacks, signal } = reading;
  const stripes = new ListedStripes();
  const failed = new Map<string, ValenceError>();
  const findings: Finding[] = [];
  const read = async (digest: Uint8Array): Promise<{ digest: Uint8Array; body: SegmentBody | ValenceError }> => {
    try {
      return { digest, body: (await readSegment(places, keyring, digest, signal)).body };
    } catch (error) {
      if (isValenceError(error) && /^(integrity|format)\//.test(error.code)) return { digest, body: error };
      throw error;
    }
  };
  for await (const { digest, body } of aheadInOrder(segmentsOf(snapshots), READS_AT_ONCE, read)) {
    if (isValenceError(body)) {
      failed.set(toHex(digest), body);
      continue;
    }
    stripes.add(digest, body);
    if (checksPacks(toHex(digest))) findings.push(...packFindings(digest, body));
  }
  const whole: Snapshot[] = [];
  const lost: { snapshot: Snapshot; error: ValenceError }[] = [];
  for (const snapshot of snapshots) {
    const broken = snapshot.manifest.header.index.find((digest) => failed.has(toHex(digest)));
    if (broken === undefined) whole.push(snapshot);
    else lost.push({ snapshot, error: failed.get(toHex(broken))! });
  }
  return { stripes, whole, lost, findings };
}

/** Each once, in the order in which the snapshots name them first. */
function segmentsOf(snapshots: readonly Snapshot[]): Iterable<Uint8Array> {
  const digests = new Map<string, Uint8Array>();
  for (const { manifest } of snapshots) {
    for (const digest of manifest.header.index) {
      const id = toHex(digest);
      if (!digests.has(id)) digests.set(id, digest);
    }
  }
  return digests.values();
}

function packFindings(digest: Uint8Array, { inline }: SegmentBody): Finding[] {
  if (inline.every(({ bytes, chunks }) => holdsItsChunks(bytes, chunks))) return [];
  const detail = 'a chunk in a pack of it does not have the name the index gives';
  const object = segmentObjectName(digest);
  return [{ kind: 'pack-inconsistent', severity: 'error', location: 'the index', object, detail }];
}
