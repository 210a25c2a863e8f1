import { shardObjectName } from '../format/shard/name.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { listEverywhere } from './listing.ts';
import type { Place } from './places.ts';
import type { ObjectProblem } from './read-object.ts';
import { placesOf } from './stripe-reader.ts';

/** Which shards the places list, with their sizes: what can be said of a stripe without reading it. */
export class Presence {
  readonly #places: readonly Place[];
  readonly #sizes: ReadonlyMap<string, ReadonlyMap<unknown, number>>;
  /** Places that could not be listed. */
  readonly problems: readonly ObjectProblem[];

  constructor(places: readonly Place[], sizes: ReadonlyMap<string, ReadonlyMap<unknown, number>>, problems: readonly ObjectProblem[]) {
    this.#places = places;
    this.#sizes = sizes;
    this.problems = problems;
  }

  static async load(places: readonly Place[], signal?: AbortSignal): Promise<Presence> {
    const { objects, problems } = await listEverywhere(places, 'shards/', signal);
    const sizes = new Map<string, Map<unknown, number>>();
    for (const { name, copies } of objects.values()) {
      sizes.set(name, new Map(copies.map(({ backend, sizeBytes }) => [backend, sizeBytes])));
    }
    return new Presence(places, sizes, problems);
  }

  /** What is wrong with each place that should have a shard, or an empty list when one has it with its size. */
  lacking(shard: PlacedShard, shardLength: number): readonly ObjectProblem[] {
    const object = shardObjectName(shard.name);
    const sizes = this.#sizes.get(object);
    const problems: ObjectProblem[] = [];
    const backends = placesOf(this.#places, shard.holder);
    for (const backend of backends) {
      const size = sizes?.get(backend);
      if (size === shardLength) return [];
      problems.push({ location: backend.location, object, kind: size === undefined ? 'missing' : 'corrupt' });
    }
    if (backends.length === 0) problems.push({ location: 'a holder that was not named', object, kind: 'unavailable' });
    return problems;
  }

  /** How many of a stripe's shards are there, and what is wrong with the others. */
  inspect(stripe: IndexedStripe): { readonly present: number; readonly lacking: readonly ObjectProblem[] } {
    const perShard = stripe.shards.map((shard) => this.lacking(shard, stripe.geometry.shardLength));
    return { present: perShard.filter((problems) => problems.length === 0).length, lacking: perShard.flat() };
  }
}
