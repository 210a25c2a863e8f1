import { isValenceError } from '../core/errors.ts';
import { readIndex } from './index-map.ts';
import type { IndexRead } from './index-map.ts';
import type { Keyring } from './keyring.ts';
import type { HolderNames } from './lost-stripes.ts';
import type { Place } from './places.ts';
import { Presence } from './presence.ts';
import { RangedSource } from './ranged-source.ts';
import { loadRepairs } from './repairs.ts';
import { PackSource } from './sealed-source.ts';
import type { SealedSource } from './sealed-source.ts';
import { StripeReader } from './stripe-reader.ts';
import { bringBackMet, WarmedSource } from './warming.ts';
import type { WhenArchived } from './warming.ts';

export interface LateSourceOptions {
  readonly places: readonly Place[];
  readonly keyring: Keyring;
  /** Names of index segments, each once. */
  readonly segments: readonly Uint8Array[];
  readonly maskKey: Uint8Array;
  /** Whole packs or single chunks: who asks for most chunks of a pack wants `packs`. */
  readonly reads: 'packs' | 'chunks';
  readonly names: HolderNames;
  /** Left out: what lies in an archive is asked for as it is met. */
  readonly archived?: WhenArchived | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the index when the first chunk is asked for, and lists what the places hold and what was repaired only when a stripe
 * cannot be had by its index alone: where little or nothing is read, nothing else must cost more than that.
 */
export class LateSource implements SealedSource {
  readonly #options: LateSourceOptions;
  #index: Promise<IndexRead> | null = null;
  #source: Promise<SealedSource> | null = null;
  #listed: Promise<SealedSource> | null = null;
  #indexBytes = 0;
  readonly #counters: { readonly bytesRead: number }[] = [];

  constructor(options: LateSourceOptions) {
    this.#options = options;
  }

  /** Bytes of index segments and shards taken from backends so far. */
  get bytesRead(): number {
    return this.#counters.reduce((sum, { bytesRead }) => sum + bytesRead, this.#indexBytes);
  }

  async sealed(name: Uint8Array): Promise<Uint8Array> {
    const source = await (this.#listed ?? (this.#source ??= this.#open()));
    try {
      return await source.sealed(name);
    } catch (error) {
      if (!isValenceError(error, 'integrity/too-few-shards', 'integrity/authentication-failed', 'backend/archived'))
        throw error;
      const listed = await (this.#listed ??= this.#openListed());
      if (listed === source) throw error;
      return listed.sealed(name);
    }
  }

  async #openListed(): Promise<SealedSource> {
    const { places, keyring, signal } = this.#options;
    const [presence, repairs] = [await Presence.load(places, signal), await loadRepairs(places, keyring, signal)];
    const { index } = await (this.#index ??= this.#readIndex());
    index.learn(repairs.stripes);
    const source = await this.#open(presence);
    const { archived } = this.#options;
    if (archived === undefined) return source;
    const archives = { places, presence, signal };
    return new WarmedSource(source, () => bringBackMet(index.liveStripes(), archives, archived));
  }

  async #open(presence?: Presence): Promise<SealedSource> {
    const { places, maskKey, names, signal, reads } = this.#options;
    const { index } = await (this.#index ??= this.#readIndex());
    const stripes = new StripeReader(places, maskKey, { presence, names, signal });
    const ranged = new RangedSource({ index, places, maskKey, stripes, presence, signal });
    this.#counters.push(ranged);
    return reads === 'packs' ? new PackSource(index, stripes) : ranged;
  }

  async #readIndex(): Promise<IndexRead> {
    const { places, keyring, segments, signal } = this.#options;
    const read = await readIndex(places, keyring, segments, signal);
    this.#indexBytes = read.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return read;
  }
}
