import type { ReadableBackend } from '../backends/backend.ts';
import { PACK_CACHE_BYTES } from '../core/limits.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { maskShardRange, stripeId } from '../format/sealing/stripe.ts';
import { sha256, shardObjectName } from '../format/shard/name.ts';
import type { IndexMap } from './index-map.ts';
import { placesOf } from './places.ts';
import type { Place } from './places.ts';
import type { Presence } from './presence.ts';
import { fromAny } from './sealed-source.ts';
import type { SealedSource } from './sealed-source.ts';
import type { StripeReader } from './stripe-reader.ts';

/** Why a read is given up. */
const LATE = new Error('somebody else is asked instead');

interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Bytes of a pack, as they lie in one data shard. */
interface Span extends Range {
  readonly index: number;
}

interface KeptChunk {
  readonly bytes: Promise<Uint8Array>;
  /** 0 while it is being read. */
  length: number;
}

export interface RangedSourceOptions {
  readonly index: IndexMap;
  readonly places: readonly Place[];
  readonly maskKey: Uint8Array;
  /** Reads a stripe whole where a range of it will not do. */
  readonly stripes: StripeReader;
  /** Finds a shard that lies with another holder than its own. */
  readonly presence?: Presence | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads of a pack the bytes of single chunks. They lie as they are in one or a few data shards, and a mask can be taken
 * off anywhere (FORMAT.md §6.3, §6.4). Whether a holder gave what it was given shows in the chunk's name alone: where
 * that does not fit, or a range is not to be had, the whole stripe is read, checked and decoded from any k shards. So a
 * holder that lies costs a decoding, and never a wrong byte.
 */
export class RangedSource implements SealedSource {
  readonly #options: RangedSourceOptions;
  /** Read or still being read, least recently asked for first, by the chunk's name. */
  readonly #chunks = new Map<string, KeptChunk>();
  #cachedBytes = 0;
  /** Data shards that did not give what they should: not asked again for a range. */
  readonly #failed = new Map<IndexedStripe, Set<number>>();
  #rangedBytes = 0;

  constructor(options: RangedSourceOptions) {
    this.#options = options;
  }

  /** Bytes of shards taken from backends so far, whole stripes included. */
  get bytesRead(): number {
    return this.#rangedBytes + this.#options.stripes.bytesRead;
  }

  async sealed(name: Uint8Array): Promise<Uint8Array> {
    const key = Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');
    const known = this.#chunks.get(key);
    if (known !== undefined) {
      this.#chunks.delete(key);
      this.#chunks.set(key, known);
      return known.bytes;
    }
    const first = this.#options.index.find(name);
    if (first !== null && 'inline' in first.pack)
      return first.pack.inline.subarray(first.offset, first.offset + first.length);
    const read = fromAny(this.#options.index, name, async ({ pack, offset, length }) =>
      'inline' in pack
        ? pack.inline.subarray(offset, offset + length)
        : this.#read(name, pack.stripe, { offset, length }),
    );
    return this.#keep(key, read);
  }

  async #read(name: Uint8Array, stripe: IndexedStripe, { offset, length }: Range): Promise<Uint8Array> {
    const spans = spansOf(stripe.geometry.shardLength, { offset, length });
    const pieces = await this.#pieces(stripe, spans);
    if (pieces !== null) {
      const sealed = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      if (Buffer.compare(sha256(sealed), name) === 0) return sealed;
      for (const span of spans) this.#markFailed(stripe, span.index);
      // Which of them lied shows when the stripe is read.
    }
    const whole = await this.#options.stripes.read(stripe);
    return Uint8Array.from(whole.subarray(offset, offset + length));
  }

  /** Null: at least one of the spans could not be read. */
  async #pieces(stripe: IndexedStripe, spans: readonly Span[]): Promise<Uint8Array[] | null> {
    const failed = this.#failed.get(stripe);
    if (failed !== undefined && spans.some(({ index }) => failed.has(index))) return null;
    const pieces = await Promise.all(spans.map((span) => this.#piece(stripe, span)));
    const whole = pieces.filter((piece) => piece !== null);
    return whole.length === pieces.length ? whole : null;
  }

  /** From whoever answers in time: who is slow, or is asked last, costs a decoding instead. */
  async #piece(stripe: IndexedStripe, span: Span): Promise<Uint8Array | null> {
    const { maskKey, signal, stripes } = this.#options;
    const { speeds } = stripes;
    const id = stripeId(stripe.geometry);
    const copies = this.#copies(stripe, span.index).filter(({ backend }) => !speeds.isLast(backend));
    for (const { shard, backend } of speeds.fastestFirst(copies, (copy) => copy.backend, span.length)) {
      const bytes = await this.#inTime(backend, shard, span);
      signal?.throwIfAborted();
      if (bytes === null) continue;
      this.#rangedBytes += bytes.length;
      if (bytes.length === span.length) return maskShardRange(maskKey, { ...shard, stripeId: id }, span.offset, bytes);
    }
    this.#markFailed(stripe, span.index);
    return null;
  }

  async #inTime(backend: ReadableBackend, shard: PlacedShard, span: Span): Promise<Uint8Array | null> {
    const { signal, stripes } = this.#options;
    const { speeds } = stripes;
    const late = new AbortController();
    const callOff = speeds.timer.after(speeds.patienceMs(backend, span.length), () => late.abort(LATE));
    try {
      const either = AbortSignal.any([late.signal, ...(signal === undefined ? [] : [signal])]);
      const range = { offset: span.offset, length: span.length };
      const how = { range, digest: shard.name, expectedBytes: span.length };
      const bytes = await speeds.read(backend, shardObjectName(shard.name), either, how);
      return typeof bytes === 'string' ? null : bytes;
    } catch (error) {
      if (error === LATE) return null;
      throw error;
    } finally {
      callOff();
    }
  }

  /** Where a data shard may lie: with plain copies every shard says the same. */
  #copies(stripe: IndexedStripe, index: number): { shard: PlacedShard; backend: ReadableBackend }[] {
    const { places, presence } = this.#options;
    const { k, shardLength } = stripe.geometry;
    const shards = k === 1 ? stripe.shards : stripe.shards.filter((shard) => shard.index === index);
    return shards.flatMap((shard) =>
      [...placesOf(places, shard.holder), ...(presence?.elsewhere(shard, shardLength) ?? [])]
        .filter((backend) => backend.traits.rangeReads)
        .map((backend) => ({ shard, backend })),
    );
  }

  #markFailed(stripe: IndexedStripe, index: number): void {
    const failed = this.#failed.get(stripe);
    if (failed === undefined) this.#failed.set(stripe, new Set([index]));
    else failed.add(index);
  }

  async #keep(key: string, bytes: Promise<Uint8Array>): Promise<Uint8Array> {
    const kept: KeptChunk = { bytes, length: 0 };
    this.#chunks.set(key, kept);
    try {
      kept.length = (await bytes).length;
    } catch (error) {
      this.#chunks.delete(key);
      throw error;
    }
    this.#cachedBytes += kept.length;
    this.#evict();
    return bytes;
  }

  #evict(): void {
    for (const [key, { length }] of this.#chunks) {
      if (this.#cachedBytes <= PACK_CACHE_BYTES) return;
      if (length === 0) continue;
      this.#chunks.delete(key);
      this.#cachedBytes -= length;
    }
  }
}

/** Where bytes of a pack lie in its data shards, in order. */
function spansOf(shardLength: number, { offset, length }: Range): Span[] {
  const spans: Span[] = [];
  for (let at = offset; at < offset + length;) {
    const index = Math.floor(at / shardLength);
    const end = Math.min(offset + length, (index + 1) * shardLength);
    spans.push({ index, offset: at - index * shardLength, length: end - at });
    at = end;
  }
  return spans;
}
