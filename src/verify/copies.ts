import { sha256 } from '../format/shard/name.ts';
import type { Listing } from '../vault/listing.ts';
import type { Place } from '../vault/places.ts';
import { readOnce } from '../vault/read-object.ts';
import type { Finding } from './finding.ts';

/** Objects that should lie whole in every place: bundles, index segments, manifests. */

export interface CopyCheck {
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

export interface ExpectedCopy {
  readonly object: string;
  readonly digest: Uint8Array;
  /** Holders that took part when it was written; left out, all. */
  readonly holders?: ReadonlySet<string> | undefined;
}

/** With `data` each copy is read and compared with its digest; else it must be listed, and is read where sizes differ. */
export async function checkCopies(
  places: readonly Place[],
  listing: Listing,
  expected: readonly ExpectedCopy[],
  options: { readonly data: boolean; readonly signal?: AbortSignal | undefined },
): Promise<CopyCheck> {
  const findings: Finding[] = [];
  let bytesRead = 0;
  for (const { object, digest, holders } of expected) {
    const copies = listing.objects.get(object)?.copies ?? [];
    const listed = new Set(copies.map((copy) => copy.backend));
    const absent = places.filter(({ backend, holder }) => !listed.has(backend) && isExpectedAt(holder, holders));
    findings.push(...absent.map(({ backend }) => missing(backend.location, object)));
    if (!options.data && new Set(copies.map((copy) => copy.sizeBytes)).size <= 1) continue;
    for (const backend of listed) {
      const read = await readOnce(backend, object, options.signal, { digest });
      bytesRead += typeof read === 'string' ? 0 : read.length;
      if (read !== 'archived' && !isCopyOf(read, digest)) findings.push(damaged(backend.location, object));
    }
  }
  return { findings, bytesRead };
}

/** A place that does not say which holder it is should have everything. */
function isExpectedAt(holder: string | null, holders: ReadonlySet<string> | undefined): boolean {
  return holder === null || holders === undefined || holders.has(holder);
}

function isCopyOf(read: Uint8Array | string, digest: Uint8Array): boolean {
  return typeof read !== 'string' && Buffer.compare(sha256(read), digest) === 0;
}

function missing(location: string, object: string): Finding {
  const detail = 'a copy that should be here is not';
  return { kind: 'object-missing', severity: 'warning', location, object, detail };
}

function damaged(location: string, object: string): Finding {
  const detail = 'this copy is damaged or cannot be read';
  return { kind: 'object-corrupt', severity: 'error', location, object, detail };
}
