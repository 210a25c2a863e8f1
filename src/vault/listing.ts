import type { ObjectName, ReadableBackend } from '../backends/backend.ts';
import { isValenceError } from '../core/errors.ts';
import type { Place } from './places.ts';
import type { ObjectProblem } from './read-object.ts';

/** What all places list under one prefix, merged. */

export interface ListedObject {
  readonly name: ObjectName;
  /** Where it is listed, with the size each place states. */
  readonly copies: readonly { readonly backend: ReadableBackend; readonly sizeBytes: number }[];
}

export interface Listing {
  readonly objects: ReadonlyMap<ObjectName, ListedObject>;
  /** Places that did not answer. */
  readonly problems: readonly ObjectProblem[];
}

/** @throws only when cancelled or on a fault of ours */
export async function listEverywhere(places: readonly Place[], prefix: string, signal?: AbortSignal): Promise<Listing> {
  const objects = new Map<
    ObjectName,
    { name: ObjectName; copies: { backend: ReadableBackend; sizeBytes: number }[] }
  >();
  const problems: ObjectProblem[] = [];
  await Promise.all(
    places.map(async ({ backend }) => {
      try {
        for await (const { name, sizeBytes } of backend.list(prefix, { signal })) {
          const known = objects.get(name);
          if (known === undefined) objects.set(name, { name, copies: [{ backend, sizeBytes }] });
          else known.copies.push({ backend, sizeBytes });
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
        problems.push({ location: backend.location, object: prefix, kind: 'unavailable' });
      }
    }),
  );
  return { objects, problems };
}
