import { view } from '../core/bytes.ts';
import type { CatalogChunk } from '../core/ports.ts';
import type { Reference } from '../format/tree/chunk.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import type { IndexMap } from '../vault/index-map.ts';
import type { Presence } from '../vault/presence.ts';
import { ChunkTable } from './chunk-table.ts';

/**
 * Chunks of the tier's last snapshot that the new one may hold again, by content id, and what this run has met of them:
 * all of them in a full scan, else those in whose place new ones come.
 */
export class KnownChunks {
  readonly #known = new ChunkTable();
  readonly #unfindable = new ChunkTable();
  /** By place in the table: at how many positions it was found, and whether it was met. */
  #times = new Uint32Array(64);
  #met = new Uint8Array(64);

  /** A chunk that the index can find. Once for each position that it is taken from. */
  add(chunk: CatalogChunk): void {
    const place = this.#known.find(chunk.contentId) ?? this.#known.add(chunk);
    if (place >= this.#met.length) {
      [this.#times, this.#met] = [grown(this.#times, Uint32Array), grown(this.#met, Uint8Array)];
    }
    this.#times[place]! += 1;
  }

  /** A chunk that nobody can find any more: it is gone whatever the new snapshot holds. */
  addUnfindable(chunk: CatalogChunk): void {
    this.#unfindable.add(chunk);
  }

  /** The reference of a chunk with this content; from now on it counts as part of the new snapshot. */
  meet(contentId: Uint8Array): Reference | null {
    const place = this.#known.find(contentId);
    if (place === null) return null;
    this.#met[place] = 1;
    return this.#known.reference(place);
  }

  /** References of the new snapshot that were stored before it. */
  *reused(): Generator<Reference, void, undefined> {
    for (let place = 0; place < this.#known.size; place += 1) {
      if (this.#met[place] === 1) yield this.#known.reference(place);
    }
  }

  /** What the new snapshot does not hold, with the number of positions it was taken from. */
  *unmet(): Generator<CatalogChunk & { readonly times: number }, void, undefined> {
    for (const chunk of this.#unfindable) yield { ...chunk, times: Number.POSITIVE_INFINITY };
    for (let place = 0; place < this.#known.size; place += 1) {
      if (this.#met[place] === 0) yield { ...this.#known.at(place), times: this.#times[place]! };
    }
  }
}

function grown<A extends Uint8Array | Uint32Array>(array: A, make: new (length: number) => A): A {
  const larger = new make(2 * array.length);
  larger.set(array);
  return larger;
}

/** Whether the pack of a chunk can still be rebuilt from what the holders list; each stripe is looked at once. */
export function availableChunks(index: IndexMap, presence: Presence): (name: Uint8Array) => boolean {
  const stripes = new Map<IndexedStripe, boolean>();
  return (name) => {
    const place = index.find(name);
    if (place === null || !index.isLive(name)) return false;
    if ('inline' in place.pack) return true;
    const { stripe } = place.pack;
    const known = stripes.get(stripe);
    if (known !== undefined) return known;
    const available = presence.present(stripe).length >= stripe.geometry.k;
    stripes.set(stripe, available);
    return available;
  };
}

/** Raw bytes as a string: half the size of hexadecimal, and there may be many. */
export function textKey(bytes: Uint8Array): string {
  return view(bytes).toString('latin1');
}
