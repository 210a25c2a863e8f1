import { listEverywhere } from '../vault/listing.ts';
import { readWholeObject } from '../vault/read-object.ts';
import type { WritableHolder } from './holders.ts';
import type { Placer } from './placer.ts';

/** Objects that lie whole at every holder: key bundle and index segments. */
export interface SharedObject {
  readonly object: string;
  readonly digest: Uint8Array;
  /** Null: to be read from a holder that has it. */
  readonly bytes: Uint8Array | null;
}

/**
 * Copies each object to the holders that lack it, so that what a new backend is told to survive is true. Gives the holders
 * that have all of them in the end.
 */
export async function shareObjects(placer: Placer, objects: readonly SharedObject[], signal?: AbortSignal): Promise<ReadonlySet<WritableHolder>> {
  const complete = new Set(placer.willing);
  const places = placer.willing.map(({ backend, holder }) => ({ backend, holder }));
  const listings = await Promise.all(['keys/', 'index/'].map((prefix) => listEverywhere(places, prefix, signal)));
  for (const { object, digest, bytes } of objects) {
    const copies = listings.flatMap((listing) => listing.objects.get(object)?.copies ?? []);
    const there = new Set(copies.map((copy) => copy.backend));
    for (const holder of placer.willing.filter((candidate) => !there.has(candidate.backend))) {
      const content = bytes ?? (await readWholeObject([...there], object, digest, signal)).bytes;
      if (content === null || !(await placer.store(holder, object, content))) complete.delete(holder);
    }
  }
  return new Set(placer.willing.filter((holder) => complete.has(holder)));
}
