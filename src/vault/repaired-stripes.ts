import { equalBytes, toHex } from '../core/bytes.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { stripeId } from '../format/sealing/stripe.ts';
import type { StripeGeometry } from '../format/sealing/stripe.ts';
import { compactStripe, union } from './compact-stripe.ts';
import { DIGEST_BYTES, DigestTable } from './digest-table.ts';

/** A chunk inside a stripe that only repair records tell of. */
export interface RepairedPlace {
  readonly stripe: IndexedStripe;
  readonly offset: number;
  readonly length: number;
}

interface RepairedStripe {
  readonly stripe: IndexedStripe;
  readonly generation: string;
}

/** In the record of a chunk, after its name: one more than the number of the newest place that has it, 0: none. */
const PLACE_AT = DIGEST_BYTES;

/** The number of a stripe by its id, and which of its tellings. */
interface Telling {
  readonly id: string;
  readonly at: number;
}

/**
 * The stripes of all repair records, each once with all the shards that they tell of: further shards of the stripes that
 * segments list, and further places of their chunks. FORMAT.md §7.6. Records are not signed, so where two differ in what
 * chunks a stripe holds, both are kept. Some 100 bytes a chunk and 1,100 a shard of 1 MiB.
 */
export class RepairedStripes {
  /** By id, each as every record tells it that says something else of its chunks. The first keeps the shards. */
  readonly #stripes = new Map<string, RepairedStripe[]>();
  readonly #chunks = new DigestTable(DIGEST_BYTES + 4);
  /** Of each place four numbers: stripe, offset, length, and the place of the same chunk before it (0: none). */
  readonly #places: number[] = [];
  readonly #numbered: Telling[] = [];

  /** Takes up what a record says of a stripe; `generation` (UUID text) is that of the record. */
  add(told: IndexedStripe, generation: string): void {
    const id = toHex(stripeId(told.geometry));
    const tellings = this.#stripes.get(id) ?? [];
    this.#stripes.set(id, tellings);
    const [first] = tellings;
    if (first !== undefined) {
      const shards = union(first.stripe.shards, told.shards);
      tellings[0] = this.#compact({ ...first.stripe, shards }, first.generation);
    }
    if (tellings.some(({ stripe }) => saysTheSame(stripe, told))) return;
    if (first === undefined) tellings.push(this.#compact(told, generation));
    else tellings.push(this.#compact({ ...told, shards: [] }, generation, () => this.shardsOf(told.geometry)));
    this.#place({ id, at: tellings.length - 1 }, told);
  }

  get isEmpty(): boolean {
    return this.#stripes.size === 0;
  }

  /** All of them, with the generation (UUID text) of the first record that told of each. */
  all(): Iterable<RepairedStripe> {
    return [...this.#stripes.values()].flat();
  }

  /** What records tell of this very stripe. */
  shardsOf(geometry: StripeGeometry): readonly PlacedShard[] {
    if (this.isEmpty) return [];
    return this.#stripes.get(toHex(stripeId(geometry)))?.[0]?.stripe.shards ?? [];
  }

  /** A stripe that a segment lists, with what records tell of it. */
  joined(listed: IndexedStripe): IndexedStripe {
    const further = this.shardsOf(listed.geometry);
    if (further.length === 0) return listed;
    return { ...listed, shards: union(listed.shards, further), signed: listed.shards.length };
  }

  /** Where else than in this stripe a chunk lies; with no stripe, wherever it does. Newest record last. */
  placesOf(name: Uint8Array, apartFrom: StripeGeometry | null): RepairedPlace[] {
    const place = this.isEmpty ? null : this.#chunks.find(name);
    if (place === null) return [];
    const own = apartFrom === null ? null : toHex(stripeId(apartFrom));
    const found: RepairedPlace[] = [];
    for (let at = this.#chunks.record(place).readUInt32BE(PLACE_AT); at > 0; at = this.#places[4 * (at - 1) + 3]!) {
      const [stripe, offset, length] = this.#places.slice(4 * (at - 1), 4 * at) as [number, number, number];
      const { id, at: telling } = this.#numbered[stripe]!;
      if (id !== own) found.push({ stripe: this.#stripes.get(id)![telling]!.stripe, offset, length });
    }
    return found.reverse();
  }

  /**
   * Other stripes that together hold every chunk of this one, each such that `accepts` it; null: there are none. Of several
   * that hold a chunk the first counts.
   */
  covering(stripe: IndexedStripe, accepts: (other: IndexedStripe) => boolean): IndexedStripe[] | null {
    if (this.isEmpty) return null;
    const chosen = new Set<IndexedStripe>();
    for (const { name } of stripe.chunks) {
      const places = this.placesOf(name, stripe.geometry);
      if (places.some((place) => chosen.has(place.stripe))) continue;
      const place = places.find((candidate) => accepts(candidate.stripe));
      if (place === undefined) return null;
      chosen.add(place.stripe);
    }
    return [...chosen];
  }

  #compact(stripe: IndexedStripe, generation: string, further?: () => readonly PlacedShard[]): RepairedStripe {
    return { stripe: compactStripe({ ...stripe, signed: 0 }, this.#chunks, further).stripe, generation };
  }

  #place(telling: Telling, { chunks }: IndexedStripe): void {
    const number = this.#numbered.push(telling) - 1;
    let offset = 0;
    for (const { name, length } of chunks) {
      const record = this.#chunks.record(this.#chunks.add(name));
      this.#places.push(number, offset, length, record.readUInt32BE(PLACE_AT));
      record.writeUInt32BE(this.#places.length / 4, PLACE_AT);
      offset += length;
    }
  }
}

function saysTheSame(a: IndexedStripe, b: IndexedStripe): boolean {
  if (a.geometry.packLength !== b.geometry.packLength) return false;
  const chunks = a.chunks;
  return (
    chunks.length === b.chunks.length &&
    b.chunks.every(({ name, length }, i) => chunks[i]!.length === length && equalBytes(chunks[i]!.name, name))
  );
}
