import { shardObjectName } from '../format/shard/name.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import type { ReadableBackend } from '../backends/backend.ts';
import { listEverywhere } from './listing.ts';
import type { LackingShard } from './lost-stripes.ts';
import { placesOf } from './places.ts';
import type { Place } from './places.ts';
import type { ObjectProblem } from './read-object.ts';

/** A shard by who should have it. */
export interface ShardPlace {
  readonly holder: Uint8Array;
  readonly name: Uint8Array;
}

/** Which shards the places list, with their sizes: what can be said of a stripe without reading it. */
export class Presence {
  readonly #places: readonly Place[];
  readonly #sizes: ReadonlyMap<string, ReadonlyMap<unknown, number>>;
  /** Places that could not be listed. */
  readonly problems: readonly ObjectProblem[];

  constructor(
    places: readonly Place[],
    sizes: ReadonlyMap<string, ReadonlyMap<unknown, number>>,
    problems: readonly ObjectProblem[],
  ) {
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

  /** The shards of a stripe that their holders do not list with their size. */
  lacking(stripe: IndexedStripe): LackingShard[] {
    return stripe.shards.flatMap((shard) => this.#lack(shard, stripe.geometry.shardLength) ?? []);
  }

  /** The shards of a stripe that their holders list with their size. */
  present(stripe: IndexedStripe): PlacedShard[] {
    return this.presentShards(stripe.shards, stripe.geometry.shardLength);
  }

  /** Those of a stripe's shards that their holders list with this size. */
  presentShards<S extends ShardPlace>(shards: readonly S[], shardLength: number): S[] {
    return shards.filter((shard) => this.#problems(shard, shardLength) === null);
  }

  /** Other places than its holder that list a shard with its size: a folder can be copied or its `valence.json` exchanged. */
  elsewhere(shard: PlacedShard, shardLength: number): ReadableBackend[] {
    const asked = placesOf(this.#places, shard.holder);
    const sizes = this.#sizes.get(shardObjectName(shard.name));
    return this.#places.flatMap(({ backend }) =>
      sizes?.get(backend) === shardLength && !asked.includes(backend) ? [backend] : [],
    );
  }

  #lack(shard: PlacedShard, shardLength: number): LackingShard | null {
    const problems = this.#problems(shard, shardLength);
    return problems === null ? null : { shard, problems };
  }

  /** Null: its holder lists it. */
  #problems(shard: ShardPlace, shardLength: number): ObjectProblem[] | null {
    const object = shardObjectName(shard.name);
    const sizes = this.#sizes.get(object);
    const problems: ObjectProblem[] = [];
    for (const backend of placesOf(this.#places, shard.holder)) {
      const size = sizes?.get(backend);
      if (size === shardLength) return null;
      problems.push({ location: backend.location, object, kind: size === undefined ? 'missing' : 'corrupt' });
    }
    return problems;
  }
}
