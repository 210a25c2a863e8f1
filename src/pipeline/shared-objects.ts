import type { ReadableBackend } from '../backends/backend.ts';
import { listEverywhere } from '../vault/listing.ts';
import type { Place } from '../vault/places.ts';
import { readWholeObject } from '../vault/read-object.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import type { WritableHolder } from './holders.ts';
import type { Uploads } from './uploads.ts';

/** Objects that lie whole at every holder: key bundle, index segments, manifests. */
export interface SharedObject {
  readonly object: string;
  readonly digest: Uint8Array;
  /** Null: to be read from a holder that has it. */
  readonly bytes: Uint8Array | null;
}

export interface ShareOptions {
  /** Copies that turned out damaged when they were read. */
  readonly damaged: readonly ObjectProblem[];
  /** Places that take nothing and may have a whole copy. */
  readonly sources?: readonly Place[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Brings each object to the holders that lack it, or list it with another size than it has, or were seen to have it
 * damaged: so that what a run says it survives is true. Gives the holders that have all of them in the end.
 */
export async function shareObjects(
  uploads: Uploads,
  objects: readonly SharedObject[],
  options: ShareOptions,
): Promise<ReadonlySet<WritableHolder>> {
  const { damaged, signal } = options;
  const prefixes = [...new Set(objects.map(({ object }) => object.slice(0, object.lastIndexOf('/') + 1)))];
  const complete = new Set(uploads.willing);
  const places = uploads.willing.map(({ backend, holder }) => ({ backend, holder }));
  const listings = await Promise.all(prefixes.map((prefix) => listEverywhere(places, prefix, signal)));
  for (const { object, digest, bytes } of objects) {
    const copies = listings.flatMap((listing) => listing.objects.get(object)?.copies ?? []);
    const suspect = new Set(damaged.flatMap((problem) => (problem.object === object ? [problem.location] : [])));
    const sizes = new Set(copies.map((copy) => copy.sizeBytes));
    if (
      sizes.size === 1 &&
      suspect.size === 0 &&
      uploads.willing.every(({ backend }) => copies.some((copy) => copy.backend === backend))
    )
      continue;
    // A listing may lag behind: what nobody lists is asked for by name.
    const listed = (copies.length > 0 ? copies : uploads.willing).map(({ backend }) => backend);
    const content = bytes ?? (await readWholeObject(withSources(listed, options), object, digest, signal)).bytes;
    for (const holder of uploads.willing) {
      const copy = copies.find(({ backend }) => backend === holder.backend);
      if (copy !== undefined && copy.sizeBytes === content?.length && !suspect.has(copy.backend.location)) continue;
      const stored =
        content !== null &&
        (await (copy === undefined
          ? uploads.store(holder, object, content)
          : uploads.replace(holder, object, content)));
      if (!stored) complete.delete(holder);
    }
  }
  return new Set(uploads.willing.filter((holder) => complete.has(holder)));
}

function withSources(listed: readonly ReadableBackend[], { sources = [] }: ShareOptions): ReadableBackend[] {
  return [...new Set([...listed, ...sources.map(({ backend }) => backend)])];
}
