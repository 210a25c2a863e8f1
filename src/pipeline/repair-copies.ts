import { equalBytes, toHex } from '../core/bytes.ts';
import { uuidBytes } from '../core/ids.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import { parseBundle } from '../format/keys/bundle.ts';
import { isValenceError } from '../core/errors.ts';
import { sha256 } from '../format/shard/name.ts';
import { aheadInOrder } from '../vault/ahead.ts';
import { segmentObjectName } from '../vault/index-map.ts';
import { bundleObjectName } from '../vault/keyring.ts';
import { listEverywhere } from '../vault/listing.ts';
import type { Place } from '../vault/places.ts';
import { readOnce } from '../vault/read-object.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import type { RepairRecord } from '../vault/repairs.ts';
import { segmentsOf } from '../vault/snapshot-indexes.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import type { WritableHolder } from './holders.ts';
import type { SharedObject } from './shared-objects.ts';

/** What lies whole at every holder of a tier: bundles, index segments, manifests, repair records. */

export interface CopiesInput {
  readonly snapshots: readonly Snapshot[];
  readonly records: readonly RepairRecord[];
  /** All that can be read. */
  readonly places: readonly Place[];
  readonly signal?: AbortSignal | undefined;
}

/** Every object of a tier that is to be copied where it lacks. */
export async function copiesOf(input: CopiesInput): Promise<SharedObject[]> {
  const { snapshots, records } = input;
  const segments = Array.from(segmentsOf(snapshots), (digest) => ({ object: segmentObjectName(digest), digest }));
  const manifests = snapshots.map(({ object, manifest }) => ({ object, digest: manifest.digest }));
  const named = [...segments, ...manifests, ...records].map(({ object, digest }) => ({ object, digest, bytes: null }));
  return [...(await bundlesOf(input)), ...named];
}

/** The bundles of the writers of these snapshots. They are known by their names alone, since no key is at hand that opens one. */
async function bundlesOf({ snapshots, places, signal }: CopiesInput): Promise<SharedObject[]> {
  const writers = new Set(
    snapshots.map(({ manifest: { header } }) => {
      return `keys/${toHex(uuidBytes(header.generation))}-${toHex(uuidBytes(header.writerId))}-`;
    }),
  );
  const bundles: SharedObject[] = [];
  const { objects } = await listEverywhere(places, 'keys/', signal);
  for (const { name, copies } of objects.values()) {
    if (!writers.has(name.slice(0, -16))) continue;
    for (const { backend } of copies) {
      const bytes = await readOnce(backend, name, signal);
      if (typeof bytes === 'string' || !isBundleOf(name, bytes)) continue;
      bundles.push({ object: name, digest: sha256(bytes), bytes });
      break;
    }
  }
  return bundles;
}

function isBundleOf(name: string, bytes: Uint8Array): boolean {
  try {
    const { header } = parseBundle(bytes);
    return bundleObjectName(header.generation, header.writerId, bytes) === name;
  } catch (error) {
    if (isValenceError(error, 'format/malformed', 'format/newer')) return false;
    throw error;
  }
}

/** The copies at these holders that are listed and not what their name says; reads all of them. */
export async function damagedCopies(
  objects: readonly SharedObject[],
  holders: readonly WritableHolder[],
  signal?: AbortSignal,
): Promise<{ readonly damaged: readonly ObjectProblem[]; readonly bytesRead: number }> {
  const damaged: ObjectProblem[] = [];
  let bytesRead = 0;
  const all = objects.flatMap((object) => holders.map((holder) => ({ ...object, holder })));
  const read = aheadInOrder(all, READS_AT_ONCE, async ({ object, holder, digest }) => ({
    object,
    digest,
    location: holder.backend.location,
    bytes: await readOnce(holder.backend, object, signal, { digest }),
  }));
  for await (const { object, digest, location, bytes } of read) {
    if (typeof bytes === 'string') continue;
    bytesRead += bytes.length;
    if (!equalBytes(sha256(bytes), digest)) damaged.push({ location, object, kind: 'corrupt' });
  }
  return { damaged, bytesRead };
}
