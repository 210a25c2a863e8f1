import { toHex } from '../../src/core/bytes.ts';
import type { Catalog, CatalogChunk, CatalogHead } from '../../src/core/ports.ts';

/** What a host remembers of its tiers, in memory. */
export class MemoryCatalog implements Catalog {
  readonly #heads = new Map<string, CatalogHead>();
  readonly #chunks = new Map<string, Map<string, CatalogChunk>>();

  head(tier: string): Promise<CatalogHead | null> {
    return Promise.resolve(this.#heads.get(tier) ?? null);
  }

  heads(): Promise<readonly (CatalogHead & { readonly tier: string })[]> {
    return Promise.resolve([...this.#heads].map(([tier, head]) => ({ tier, ...head })));
  }

  async *chunks(tier: string): AsyncGenerator<CatalogChunk, void, undefined> {
    yield* this.#chunks.get(tier)?.values() ?? [];
  }

  replace(
    tier: string,
    head: CatalogHead,
    added: Iterable<CatalogChunk>,
    dropped: readonly Uint8Array[],
  ): Promise<void> {
    const chunks = this.#chunks.get(tier) ?? new Map<string, CatalogChunk>();
    for (const contentId of dropped) chunks.delete(toHex(contentId));
    for (const chunk of added) chunks.set(toHex(chunk.contentId), chunk);
    this.#chunks.set(tier, chunks);
    this.#heads.set(tier, head);
    return Promise.resolve();
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  forget(tier: string): Promise<void> {
    this.#heads.delete(tier);
    this.#chunks.delete(tier);
    return Promise.resolve();
  }
}
