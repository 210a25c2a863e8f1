import type { Cid } from './cid.ts';
import { cidText } from './cid.ts';
import { isBlock } from './object-layout.ts';

/** Where blocks can be had; it is not trusted. */
export interface BlockSource {
  /** As errors call it, e.g. "the node". */
  readonly name: string;
  /** `null`: it does not have the block. */
  read(cid: Cid, signal: AbortSignal | undefined): Promise<Uint8Array | null>;
}

/** A block that no source gives as its content id says. */
export class LostBlock extends Error {
  /** Whether a source failed to answer, so that it may give the block another time. */
  readonly mayComeBack: boolean;

  constructor(message: string, mayComeBack: boolean) {
    super(message);
    this.name = 'LostBlock';
    this.mayComeBack = mayComeBack;
  }
}

const NO_BYTES = new Uint8Array(0);
/** For folders that are walked again and again, and shards that are read piece by piece. */
const CACHE_BYTES = 16 * 1024 * 1024;

/**
 * Blocks from several sources, asked in order. What it gives was hashed, so no source can pass off anything else; a
 * source that gives other bytes counts as one that has not got the block.
 */
export class VerifiedBlocks {
  readonly #sources: readonly BlockSource[];
  /** Oldest first. */
  readonly #cache = new Map<string, Uint8Array>();
  #cachedBytes = 0;

  constructor(sources: readonly BlockSource[]) {
    this.#sources = sources;
  }

  /** Not to be changed: others get the same bytes. @throws LostBlock */
  async get(cid: Cid, signal?: AbortSignal): Promise<Uint8Array> {
    // Peers never hand out an empty block.
    if (isBlock(NO_BYTES, cid)) return NO_BYTES;
    const key = cidText(cid);
    const cached = this.#cache.get(key);
    if (cached !== undefined) {
      this.#cache.delete(key);
      this.#cache.set(key, cached);
      return cached;
    }
    const block = await this.#fetch(cid, signal);
    this.#keep(key, block);
    return block;
  }

  async #fetch(cid: Cid, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const reasons: string[] = [];
    const failures: unknown[] = [];
    for (const source of this.#sources) {
      signal?.throwIfAborted();
      try {
        const block = await source.read(cid, signal);
        if (block !== null && isBlock(block, cid)) return block;
        reasons.push(`${source.name} ${block === null ? 'does not have it' : 'gives other bytes'}`);
      } catch (error) {
        signal?.throwIfAborted();
        failures.push(error);
        reasons.push(`${source.name} does not answer`);
      }
    }
    // With one source, its own error says more.
    if (this.#sources.length === 1 && failures.length === 1) throw failures[0];
    throw new LostBlock(`block ${cidText(cid)} cannot be had: ${reasons.join(', ')}`, failures.length > 0);
  }

  #keep(key: string, block: Uint8Array): void {
    if (this.#cache.has(key)) return;
    this.#cache.set(key, block);
    this.#cachedBytes += block.length;
    for (const [oldest, { length }] of this.#cache) {
      if (this.#cachedBytes <= CACHE_BYTES) break;
      this.#cache.delete(oldest);
      this.#cachedBytes -= length;
    }
  }
}
