import { toHex, view } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import { openSegment, parseSegment } from '../format/index/segment.ts';
import type { IndexedStripe, SegmentBody } from '../format/index/segment-body.ts';
import type { PackedChunk } from '../format/sealing/pack.ts';
import { aheadInOrder } from './ahead.ts';
import { compactStripe } from './compact-stripe.ts';
import { DIGEST_BYTES, DigestTable } from './digest-table.ts';
import type { IndexKeyring } from './keyring.ts';
import type { Place } from './places.ts';
import type { RepairedStripes } from './repaired-stripes.ts';
import { objectLost, readWholeObject } from './read-object.ts';
import type { ObjectProblem } from './read-object.ts';

/** Where every chunk of a tier lies, from its index segments. FORMAT.md §7. */

/** Where an index segment lies. FORMAT.md §2.3. */
export function segmentObjectName(digest: Uint8Array): string {
  return `index/${toHex(digest)}`;
}

/** A chunk inside a pack: of a stripe, or kept whole in a segment. */
export interface ChunkPlace {
  readonly pack: { readonly stripe: IndexedStripe } | { readonly inline: Uint8Array };
  readonly offset: number;
  readonly length: number;
}

/** In the record of a chunk, after its name: pack (one more than its number, 0: no segment places it), offset, length, dropped. */
const PACK_AT = DIGEST_BYTES;
const OFFSET_AT = PACK_AT + 4;
const LENGTH_AT = OFFSET_AT + 4;
const DROPPED_AT = LENGTH_AT + 4;
const RECORD_BYTES = DROPPED_AT + 1;

/**
 * A snapshot can have hundreds of thousands of chunks, so nothing of a segment's body is kept but copies: some 80 bytes a chunk,
 * that of stripes and shards included, where the body takes 190.
 */
export class IndexMap {
  readonly #chunks = new DigestTable(RECORD_BYTES);
  readonly #packs: ChunkPlace['pack'][] = [];
  /** Of each stripe the places of its chunks in the table. */
  readonly #places: Uint32Array[] = [];
  /** Every one that was added, with the shards of repair records. Their chunks are gathered anew each time they are asked for. */
  readonly stripes: IndexedStripe[] = [];
  #repaired: RepairedStripes | null = null;

  /** From now on the shards and places of repair records are found, too, after those of the segments (F-7.6.4, F-7.6.5). */
  learn(repaired: RepairedStripes): void {
    this.#repaired = repaired;
  }

  /** Says what a segment says, after those before it (F-7.4.1). Gives its stripes as `stripes` and `find` do: copies. */
  add(body: SegmentBody): readonly IndexedStripe[] {
    const first = this.stripes.length;
    for (const listed of body.stripes) {
      const { stripe, places } = compactStripe(
        listed,
        this.#chunks,
        (geometry) => this.#repaired?.shardsOf(geometry) ?? [],
      );
      this.stripes.push(stripe);
      this.#places.push(places);
      this.#place({ stripe }, listed.chunks);
    }
    for (const { bytes, chunks } of body.inline) this.#place({ inline: view(new Uint8Array(bytes)) }, chunks);
    for (const name of body.dropped) this.#chunks.record(this.#chunks.add(name))[DROPPED_AT] = 1;
    return this.stripes.slice(first);
  }

  /** Null: no segment speaks of this chunk. */
  find(name: Uint8Array): ChunkPlace | null {
    const record = this.#placed(name);
    if (record === null) return null;
    return {
      pack: this.#packs[record.readUInt32BE(PACK_AT) - 1]!,
      offset: record.readUInt32BE(OFFSET_AT),
      length: record.readUInt32BE(LENGTH_AT),
    };
  }

  /** Every place of a chunk: what the segments say, then what repair records add. */
  places(name: Uint8Array): readonly ChunkPlace[] {
    const first = this.find(name);
    if (first === null) return [];
    if (this.#repaired === null || 'inline' in first.pack) return [first];
    const others = this.#repaired.placesOf(name, first.pack.stripe.geometry);
    return [first, ...others.map(({ stripe, offset, length }) => ({ pack: { stripe }, offset, length }))];
  }

  /** Whether what a stripe holds can be had: by itself, or all of it from other stripes that `isThere`. */
  isHad(stripe: IndexedStripe, isThere: (stripe: IndexedStripe) => boolean): boolean {
    return isThere(stripe) || (this.#repaired?.covering(stripe, isThere) ?? null) !== null;
  }

  /** Whether the snapshot that these segments belong to still holds a chunk of this name. */
  isLive(name: Uint8Array): boolean {
    const record = this.#placed(name);
    return record !== null && record[DROPPED_AT] === 0;
  }

  /** The stripes that hold at least one chunk of the snapshot. */
  liveStripes(): IndexedStripe[] {
    const isLive = (place: number): boolean => this.#chunks.record(place)[DROPPED_AT] === 0;
    return this.stripes.filter((_, i) => this.#places[i]!.some(isLive));
  }

  #place(pack: ChunkPlace['pack'], chunks: readonly PackedChunk[]): void {
    const packNumber = this.#packs.push(pack);
    let offset = 0;
    for (const { name, length } of chunks) {
      const record = this.#chunks.record(this.#chunks.add(name));
      record.writeUInt32BE(packNumber, PACK_AT);
      record.writeUInt32BE(offset, OFFSET_AT);
      record.writeUInt32BE(length, LENGTH_AT);
      offset += length;
    }
  }

  /** The record of a chunk that some segment places. */
  #placed(name: Uint8Array): Buffer | null {
    const place = this.#chunks.find(name);
    const record = place === null ? null : this.#chunks.record(place);
    return record === null || record.readUInt32BE(PACK_AT) === 0 ? null : record;
  }
}

export interface IndexRead {
  readonly index: IndexMap;
  /** In the order of their names. */
  readonly segments: readonly SegmentIndexed[];
  /** Problems with single copies. */
  readonly problems: readonly ObjectProblem[];
}

export interface SegmentIndexed {
  readonly digest: Uint8Array;
  /** As an object. */
  readonly sizeBytes: number;
  /** Those of the index that this segment lists. */
  readonly stripes: readonly IndexedStripe[];
}

/**
 * Reads and verifies the segments of these names.
 * @throws `integrity/too-few-shards` or `integrity/authentication-failed` when a segment is whole nowhere
 */
export async function readIndex(
  places: readonly Place[],
  keyring: IndexKeyring,
  names: readonly Uint8Array[],
  signal?: AbortSignal,
): Promise<IndexRead> {
  const index = new IndexMap();
  const problems: ObjectProblem[] = [];
  const segments: SegmentIndexed[] = [];
  const read = (digest: Uint8Array): Promise<SegmentRead> => readSegment(places, keyring, digest, signal);
  for await (const { digest, sizeBytes, body, problems: met } of aheadInOrder(names, READS_AT_ONCE, read)) {
    segments.push({ digest, sizeBytes, stripes: index.add(body) });
    problems.push(...met);
  }
  return { index, segments, problems };
}

export interface SegmentRead {
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
  readonly body: SegmentBody;
  readonly problems: readonly ObjectProblem[];
}

/** Reads and verifies one segment. @throws as `readIndex` does, the name of the object in the context */
export async function readSegment(
  places: readonly Place[],
  keyring: IndexKeyring,
  digest: Uint8Array,
  signal?: AbortSignal,
): Promise<SegmentRead> {
  const object = segmentObjectName(digest);
  const backends = places.map((place) => place.backend);
  const { bytes, problems } = await readWholeObject(backends, object, digest, signal);
  if (bytes === null) throw objectLost('the index segment', object, problems);
  return { digest, sizeBytes: bytes.length, body: openVerified(bytes, keyring), problems };
}

function openVerified(bytes: Uint8Array, keyring: IndexKeyring): SegmentBody {
  const segment = parseSegment(bytes);
  const { generation, writerId, vaultId } = segment.header;
  const secrets = keyring.secrets(generation);
  const writer = keyring.writer(generation, writerId);
  if (secrets === null || writer === null || vaultId !== keyring.vaultId) {
    throw new ValenceError(
      'integrity/authentication-failed',
      'no key bundle of this vault names the writer of an index segment',
    );
  }
  return openSegment(segment, secrets.indexKey, writer);
}
