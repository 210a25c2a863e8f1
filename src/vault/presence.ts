import { shardObjectName } from '../format/shard/name.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import type { ReadableBackend } from '../backends/backend.ts';
import { listEverywhere } from './listing.ts';
import type { LackingShard } from './lost-stripes.ts';
import { placesOf } from './places.ts';
import type { Place } from './places.ts';
import type { ObjectProblem } from './read-object.ts';
import { spreadShards } from './spread-shards.ts';

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

  /** Of each index of a stripe of which no holder lists a shard with its size, the first that is known. */
  lacking(stripe: IndexedStripe): LackingShard[] {
    const there = new Set(this.present(stripe).map(({ index }) => index));
    return [...byIndex(stripe.shards)].flatMap(([index, shards]) => {
      if (there.has(index)) return [];
      const problems = shards.flatMap((shard) => this.#problems(shard, stripe.geometry.shardLength) ?? []);
      return [{ shard: shards[0]!, problems }];
    });
  }

  /** Of each index of a stripe a shard that its holder lists with its size, at as many different holders as can be. */
  present(stripe: IndexedStripe): PlacedShard[] {
    const { apart, doubled } = spreadShards(this.presentShards(stripe.shards, stripe.geometry.shardLength));
    return [...apart, ...doubled];
  }

  /** Of each index of a stripe the shard that `present` gives, else the first that is known. */
  best(stripe: IndexedStripe): PlacedShard[] {
    return firstOfEachIndex([...this.present(stripe), ...stripe.shards]).sort((a, b) => a.index - b.index);
  }

  /** Of the indices that are lacking those of which no other place lists a shard, either. */
  unreachable(stripe: IndexedStripe): LackingShard[] {
    const { shardLength } = stripe.geometry;
    const isElsewhere = ({ shard: { index } }: LackingShard): boolean =>
      stripe.shards.some((shard) => shard.index === index && this.elsewhere(shard, shardLength).length > 0);
    return this.lacking(stripe).filter((lack) => !isElsewhere(lack));
  }

  /** Those of a stripe's shards that their holders list with this size. */
  presentShards<S extends ShardPlace>(shards: readonly S[], shardLength: number): S[] {
    return shards.filter((shard) => this.#problems(shard, shardLength) === null);
  }

  /** Whether any place lists an object. */
  lists(object: string): boolean {
    return this.#sizes.has(object);
  }

  /** The size with which a place lists a shard; null: it does not. */
  sizeAt(backend: ReadableBackend, name: Uint8Array): number | null {
    return this.#sizes.get(shardObjectName(name))?.get(backend) ?? null;
  }

  /** Other places than its holder that list a shard with its size: a folder can be copied or its `valence.json` exchanged. */
  elsewhere(shard: PlacedShard, shardLength: number): ReadableBackend[] {
    const asked = placesOf(this.#places, shard.holder);
    const sizes = this.#sizes.get(shardObjectName(shard.name));
    return this.#places.flatMap(({ backend }) =>
      sizes?.get(backend) === shardLength && !asked.includes(backend) ? [backend] : [],
    );
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

/** Shards by index, each list in the order given: repairs can leave several of one. */
export function byIndex(shards: readonly PlacedShard[]): ReadonlyMap<number, readonly PlacedShard[]> {
  const grouped = new Map<number, PlacedShard[]>();
  for (const shard of shards) {
    const group = grouped.get(shard.index);
    if (group === undefined) grouped.set(shard.index, [shard]);
    else group.push(shard);
  }
  return grouped;
}

function firstOfEachIndex(shards: readonly PlacedShard[]): PlacedShard[] {
  return Array.from(byIndex(shards).values(), ([first]) => first!);
}
