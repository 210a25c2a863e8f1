import { view } from '../core/bytes.ts';
import type { CatalogChunk } from '../core/ports.ts';
import type { Reference } from '../format/tree/chunk.ts';
import type { IndexMap } from '../vault/index-map.ts';

/**
 * What the tier's last snapshot already stored, by content id, and what this run has met of it. Only chunks that the
 * index can still find count as known.
 */
export class KnownChunks {
  readonly #known = new Map<string, Reference>();
  readonly #met = new Set<string>();
  readonly #unfindable: CatalogChunk[] = [];

  static async load(chunks: AsyncIterable<CatalogChunk>, isAvailable: (name: Uint8Array) => boolean): Promise<KnownChunks> {
    const known = new KnownChunks();
    for await (const chunk of chunks) {
      if (isAvailable(chunk.name)) known.#known.set(textKey(chunk.contentId), { name: chunk.name, key: chunk.key });
      else known.#unfindable.push(chunk);
    }
    return known;
  }

  /** The reference of a chunk with this content; from now on it counts as part of the new snapshot. */
  meet(contentId: Uint8Array): Reference | null {
    const key = textKey(contentId);
    const reference = this.#known.get(key);
    if (reference === undefined) return null;
    this.#met.add(key);
    return reference;
  }

  /** References of the new snapshot that were stored before it. */
  *reused(): Generator<Reference, void, undefined> {
    for (const key of this.#met) yield this.#known.get(key)!;
  }

  /** What the last snapshot held and the new one does not. */
  *dropped(): Generator<CatalogChunk, void, undefined> {
    yield* this.#unfindable;
    for (const [key, reference] of this.#known) {
      if (!this.#met.has(key)) yield { contentId: Buffer.from(key, 'latin1'), ...reference };
    }
  }
}

/** Names of chunks that a reader with these holders could still rebuild. */
export function availableChunks(index: IndexMap, holders: ReadonlySet<string>, holderText: (id: Uint8Array) => string): (name: Uint8Array) => boolean {
  return (name) => {
    const place = index.find(name);
    if (place === null || !index.isLive(name)) return false;
    if ('inline' in place.pack) return true;
    const { geometry, shards } = place.pack.stripe;
    return shards.filter((shard) => holders.has(holderText(shard.holder))).length >= geometry.k;
  };
}

/** Raw bytes as a string: half the size of hexadecimal, and there may be many. */
export function textKey(bytes: Uint8Array): string {
  return view(bytes).toString('latin1');
}
