import { view } from '../core/bytes.ts';
import type { CatalogChunk } from '../core/ports.ts';
import type { Reference } from '../format/tree/chunk.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import type { IndexMap } from '../vault/index-map.ts';
import type { Presence } from '../vault/presence.ts';
import { ChunkTable } from './chunk-table.ts';

/**
 * What the tier's last snapshot already stored, by content id, and what this run has met of it. Only chunks that the
 * index can still find count as known.
 */
export class KnownChunks {
  readonly #known: ChunkTable;
  readonly #unfindable: ChunkTable;
  /** By place in the table: 1 when met. */
  readonly #met: Uint8Array;

  private constructor(known: ChunkTable, unfindable: ChunkTable) {
    this.#known = known;
    this.#unfindable = unfindable;
    this.#met = new Uint8Array(known.size);
  }

  static async load(
    chunks: AsyncIterable<CatalogChunk>,
    isAvailable: (name: Uint8Array) => boolean,
  ): Promise<KnownChunks> {
    const [known, unfindable] = [new ChunkTable(), new ChunkTable()];
    for await (const chunk of chunks) (isAvailable(chunk.name) ? known : unfindable).add(chunk);
    return new KnownChunks(known, unfindable);
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
    for (const [place, met] of this.#met.entries()) if (met === 1) yield this.#known.reference(place);
  }

  /** What the last snapshot held and the new one does not. */
  *dropped(): Generator<CatalogChunk, void, undefined> {
    yield* this.#unfindable;
    for (const [place, met] of this.#met.entries()) if (met === 0) yield this.#known.at(place);
  }
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
