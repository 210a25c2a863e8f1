import { ByteReader, ByteWriter, equalBytes } from '../core/bytes.ts';
import { invariant, isValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { decodeSegmentBody, encodeSegmentBody } from '../format/index/segment-body.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import type { Profile } from '../format/sealing/stripe.ts';
import type { Reference } from '../format/tree/chunk.ts';
import { survivesDomains, survivesWhenPlaced } from '../placement/promise.ts';
import type { Presence } from '../vault/presence.ts';
import { ChunkTable } from './chunk-table.ts';
import type { WritableHolder } from './holders.ts';

/** What the upload journal says of the packs that a run placed, and what a later run may take from there. */

/** A chunk of a pack, as far as the index does not tell. */
export interface UploadedChunk {
  readonly contentId: Uint8Array;
  readonly key: Uint8Array;
  /** It refers to other chunks, as nodes do, and leaves with pieces: those that its own run had, so no other may adopt it. */
  readonly hasReferences: boolean;
}

export interface UploadedPack {
  readonly stripe: IndexedStripe;
  /** Each belongs to the chunk of the stripe at the same place. */
  readonly chunks: readonly UploadedChunk[];
}

/** An entry of the upload journal: sized(index segment body of one stripe) ‖ for each chunk content id, key, u8(has references). */
export function encodeUploadedPack({ stripe, chunks }: UploadedPack): Uint8Array {
  invariant(chunks.length === stripe.chunks.length, 'a pack is noted with all its chunks');
  const body = encodeSegmentBody({ stripes: [stripe], inline: [], dropped: [] });
  const writer = new ByteWriter(4 + body.length + 65 * chunks.length).sized(body);
  for (const { contentId, key, hasReferences } of chunks) {
    writer
      .bytes(contentId)
      .bytes(key)
      .u8(hasReferences ? 1 : 0);
  }
  return writer.finish();
}

/** Views, not copies. @throws `format/malformed` */
export function decodeUploadedPack(entry: Uint8Array): UploadedPack {
  const reader: ByteReader = new ByteReader(entry, 'entry of the upload journal');
  const { stripes, inline, dropped } = decodeSegmentBody(reader.sized(entry.length));
  const [stripe] = stripes;
  if (stripe === undefined || stripes.length + inline.length + dropped.length !== 1) reader.fail('not one stripe');
  const chunks = stripe.chunks.map(() => {
    const [contentId, key, references] = [reader.bytes(32), reader.bytes(32), reader.u8()];
    if (references > 1) reader.fail('neither with nor without references');
    return { contentId, key, hasReferences: references === 1 };
  });
  reader.end();
  return { stripe, chunks };
}

/**
 * Whether a stripe is as safe where it lies as it would be placed now: every shard that was noted is listed, there are
 * as many as these holders would get, and as many failure domains may be lost.
 */
export function isAsGoodAsNew(
  stripe: IndexedStripe,
  presence: Pick<Presence, 'present'>,
  holders: readonly Pick<WritableHolder, 'holder' | 'domains'>[],
): boolean {
  if (presence.present(stripe).length < stripe.shards.length) return false;
  const { k, n } = stripe.geometry;
  const domainsOf = new Map(holders.map(({ holder, domains }) => [holder, domains]));
  const before = stripe.shards.map((shard) => domainsOf.get(uuidText(shard.holder))).filter((at) => at !== undefined);
  if (before.length < Math.min(n, holders.length)) return false;
  const now = holders.map(({ domains }) => domains);
  return survivesDomains({ required: k, places: before }) >= survivesWhenPlaced({ k, n }, now);
}

export interface UploadedPacksOptions {
  readonly profile: Profile;
  /** Whether the stripe is where the entry says: `isAsGoodAsNew`. */
  readonly isPresent: (stripe: IndexedStripe) => boolean;
}

/** A stripe of an earlier run that belongs to this one's index. */
export interface AdoptedStripe {
  readonly stripe: IndexedStripe;
  /**
   * Names of its chunks that were not adopted. The index cannot leave them out, since chunks fill their pack, so it must
   * name them as dropped: nobody else ever would, and the stripe would count as live for ever (FORMAT.md F-7.4.2).
   */
  readonly unused: readonly Uint8Array[];
}

/**
 * The chunks that interrupted runs placed for a tier and no snapshot holds, by content id: 96 bytes each beside the
 * entries themselves. Packs are not offered when they have another profile or are not present.
 */
export class UploadedPacks {
  /** Those that count. */
  readonly #entries: readonly Uint8Array[];
  readonly #chunks: ChunkTable;
  /** By place in the table: the entry of each chunk. */
  readonly #entryOf: readonly number[];
  /** By place in the table: 1 when adopted. */
  readonly #isAdopted: Uint8Array;
  readonly #adoptedEntries = new Set<number>();

  private constructor(entries: readonly Uint8Array[], chunks: ChunkTable, entryOf: readonly number[]) {
    this.#entries = entries;
    this.#chunks = chunks;
    this.#entryOf = entryOf;
    this.#isAdopted = new Uint8Array(chunks.size);
  }

  /** Entries that cannot be understood are passed over. They are kept, not copied. */
  static load(entries: readonly Uint8Array[], options: UploadedPacksOptions): UploadedPacks {
    const [counting, chunks, entryOf]: [Uint8Array[], ChunkTable, number[]] = [[], new ChunkTable(), []];
    for (const entry of entries) {
      const pack = decodeOrNull(entry);
      if (pack === null || !counts(pack.stripe, options)) continue;
      for (const [i, { contentId, key, hasReferences }] of pack.chunks.entries()) {
        if (hasReferences || chunks.find(contentId) !== null) continue;
        chunks.add({ contentId, key, name: pack.stripe.chunks[i]!.name });
        entryOf.push(counting.length);
      }
      counting.push(entry);
    }
    return new UploadedPacks(counting, chunks, entryOf);
  }

  /** The reference of a chunk with this content, which from now on is part of this run's snapshot; null: it must be stored. */
  adopt(contentId: Uint8Array): Reference | null {
    const place = this.#chunks.find(contentId);
    if (place === null) return null;
    this.#isAdopted[place] = 1;
    this.#adoptedEntries.add(this.#entryOf[place]!);
    return this.#chunks.reference(place);
  }

  /** The stripes to list in this run's index, in the order of the journal. To be asked for when no more is adopted. */
  *adopted(): Generator<AdoptedStripe, void, undefined> {
    for (const [number, entry] of this.#entries.entries()) {
      if (!this.#adoptedEntries.has(number)) continue;
      const { stripe, chunks } = decodeUploadedPack(entry);
      const names = stripe.chunks.map(({ name }) => name);
      yield { stripe, unused: names.filter((name, i) => !this.#isUsed(chunks[i]!.contentId, name)) };
    }
  }

  #isUsed(contentId: Uint8Array, name: Uint8Array): boolean {
    const place = this.#chunks.find(contentId);
    return place !== null && this.#isAdopted[place] === 1 && equalBytes(this.#chunks.reference(place).name, name);
  }
}

/** The journal saves work and promises nothing: an entry of another version of this program is as good as none. */
function decodeOrNull(entry: Uint8Array): UploadedPack | null {
  try {
    return decodeUploadedPack(entry);
  } catch (error) {
    if (isValenceError(error, 'format/malformed')) return null;
    throw error;
  }
}

function counts(stripe: IndexedStripe, { profile, isPresent }: UploadedPacksOptions): boolean {
  const { k, n } = stripe.geometry;
  return k === profile.k && n === profile.n && isPresent(stripe);
}
