import { toHex } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import type { ValenceError } from '../core/errors.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import type { SegmentBody } from '../format/index/segment-body.ts';
import { aheadInOrder } from './ahead.ts';
import { readSegment } from './index-map.ts';
import type { IndexKeyring } from './keyring.ts';
import { ListedStripes } from './listed-stripes.ts';
import type { Place } from './places.ts';
import type { Snapshot } from './snapshots.ts';

export interface IndexReading {
  readonly places: readonly Place[];
  readonly keyring: IndexKeyring;
  /** Told of every segment that could be read; `digest` in hexadecimal. */
  readonly seen?: ((digest: string, body: SegmentBody) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SnapshotIndexes {
  readonly stripes: ListedStripes;
  /** Those with all their segments, in the order given. */
  readonly whole: readonly Snapshot[];
  /** The others, with what was wrong with the first segment that cannot be had. */
  readonly lost: readonly { readonly snapshot: Snapshot; readonly error: ValenceError }[];
}

/** Reads the index of all snapshots: they share most of their segments, and each is read once. */
export async function readIndexes(
  snapshots: readonly Snapshot[],
  { places, keyring, seen, signal }: IndexReading,
): Promise<SnapshotIndexes> {
  const stripes = new ListedStripes();
  const failed = new Map<string, ValenceError>();
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
    seen?.(toHex(digest), body);
  }
  const whole: Snapshot[] = [];
  const lost: { snapshot: Snapshot; error: ValenceError }[] = [];
  for (const snapshot of snapshots) {
    const broken = snapshot.manifest.header.index.find((digest) => failed.has(toHex(digest)));
    if (broken === undefined) whole.push(snapshot);
    else lost.push({ snapshot, error: failed.get(toHex(broken))! });
  }
  return { stripes, whole, lost };
}

/** Each once, in the order in which the snapshots name them first. */
export function segmentsOf(snapshots: readonly Snapshot[]): Iterable<Uint8Array> {
  const digests = new Map<string, Uint8Array>();
  for (const { manifest } of snapshots) {
    for (const digest of manifest.header.index) {
      const id = toHex(digest);
      if (!digests.has(id)) digests.set(id, digest);
    }
  }
  return digests.values();
}
