import { SMALL_PACK_BYTES } from '../core/limits.ts';
import type { CatalogChunk, CatalogSegment, CatalogStripe, TreeId, TreePosition } from '../core/ports.ts';
import type { Random } from '../core/random.ts';
import { encodeSegment } from '../format/index/segment.ts';
import type { SegmentHeader, SegmentKeys } from '../format/index/segment.ts';
import type { IndexedStripe, SegmentBody } from '../format/index/segment-body.ts';
import { PackBuilder } from '../format/sealing/pack.ts';
import type { Pack, PackedChunk } from '../format/sealing/pack.ts';
import type { SealedChunk } from '../format/sealing/sealed-chunk.ts';
import { packCapacity } from '../format/sealing/stripe.ts';
import type { Profile } from '../format/sealing/stripe.ts';
import { sha256 } from '../format/shard/name.ts';
import { encodeChunk } from '../format/tree/chunk.ts';
import type { Reference } from '../format/tree/chunk.ts';
import { CHUNK_KIND } from '../format/tree/content-id.ts';
import type { TreeChunk } from '../format/tree/tree-chunk.ts';
import { segmentObjectName } from '../vault/index-map.ts';
import { catalogSegment, catalogStripe } from './catalog-segment.ts';
import { ChunkTable } from './chunk-table.ts';
import type { FoldedIndex } from './fold.ts';
import type { KnownChunks } from './known-chunks.ts';
import { contentKey, textKey } from './known-chunks.ts';
import type { Placer } from './placer.ts';
import { PositionTable } from './position-table.ts';
import type { Sealer } from './sealer.ts';
import { SegmentBuilder } from './segment-builder.ts';
import type { Spool } from './spool.ts';
import { StripeUpload } from './stripe-upload.ts';
import { tooFewHolders } from './holders.ts';
import type { UploadedChunk, UploadedPack, UploadedPacks } from './uploaded-packs.ts';
import type { Uploads } from './uploads.ts';

/** A chunk's reference, and whether this run stored it. */
export interface StoredChunk {
  readonly contentId: Uint8Array;
  readonly reference: Reference;
  readonly fresh: boolean;
  /** What a leaf refers to. */
  readonly pieces: readonly CatalogChunk[];
}

export interface TierWriterOptions {
  readonly profile: Profile;
  readonly header: SegmentHeader;
  readonly keys: SegmentKeys;
  readonly known: KnownChunks;
  /** What earlier runs stored and did not commit. */
  readonly uploaded: UploadedPacks;
  /** Notes a placed pack for a later run, should this one not commit. Durable when it resolves. */
  readonly note: (pack: UploadedPack) => Promise<void>;
  readonly uploads: Uploads;
  readonly placer: Placer;
  readonly sealer: Sealer;
  readonly spool: Spool<WaitingPack>;
  readonly random: Random;
}

/** A pack in the spool, by what its chunks are. */
export interface WaitingPack {
  readonly chunks: readonly PackedChunk[];
  /** Of each chunk, in the same order. */
  readonly origins: readonly UploadedChunk[];
}

/** What a tier's part of a run stored. */
export interface TierWritten {
  /** The whole index of the snapshot: old segments, then those written. */
  readonly segments: readonly CatalogSegment[];
  /** Old segments that no longer belong to it. */
  readonly folded: readonly CatalogSegment[];
  /** Stripes among them that an earlier run had placed. */
  readonly adopted: readonly CatalogStripe[];
  /** Sealed bytes of the chunks added. */
  readonly newBytes: number;
}

export interface IndexEnd {
  /** The segments of the last snapshot that this one builds on. */
  readonly older: readonly CatalogSegment[];
  /** Names of chunks that the last snapshot held and this one does not. */
  readonly dropped: Iterable<Uint8Array>;
  /** What to write in place of the last body: `foldIndex`. */
  readonly fold: (listed: readonly CatalogSegment[], newest: SegmentBody) => Promise<FoldedIndex>;
}

/**
 * Stores the chunks of one snapshot for one tier: those not known are sealed and packed, packs become stripes, stripes
 * are placed and indexed. Everything is bounded but the list of what was added.
 */
export class TierWriter {
  readonly #options: TierWriterOptions;
  readonly #packs: PackBuilder;
  /** Of each chunk in the pack being filled. */
  readonly #origins: UploadedChunk[] = [];
  readonly #segment = new SegmentBuilder();
  readonly #segments: CatalogSegment[] = [];
  /** Chunks being stored, by content id; afterwards they are in `#added`. */
  readonly #underWay = new Map<string, Promise<StoredChunk>>();
  readonly #puts = new Set<Promise<StoredChunk>>();
  readonly #added = new ChunkTable();
  readonly #positions = new PositionTable();
  #newBytes = 0;
  /** The pack being handed to the spool; awaited before the next, so that the producer feels a full spool. */
  #handing: Promise<void> = Promise.resolve();

  constructor(options: TierWriterOptions) {
    this.#options = options;
    this.#packs = new PackBuilder(packCapacity(options.profile));
  }

  /** Where everything that was put stands. Complete when all chunks have been put. */
  get positions(): Iterable<TreePosition> {
    return this.#positions;
  }

  /** Stores a chunk unless it is known. `children`: what this same tier gave back for the chunks it refers to. */
  put(tree: TreeId, chunk: TreeChunk<unknown>, children: () => Promise<readonly StoredChunk[]>): Promise<StoredChunk> {
    const put = this.#put(tree, chunk, children);
    this.#puts.add(put);
    const forget = (): boolean => this.#puts.delete(put);
    put.then(forget, forget);
    return put;
  }

  async #put(
    tree: TreeId,
    chunk: TreeChunk<unknown>,
    children: () => Promise<readonly StoredChunk[]>,
  ): Promise<StoredChunk> {
    const stored = await this.#once(tree, chunk, children);
    const { kind, level } = chunk.label;
    if (kind === CHUNK_KIND.piece) return stored;
    const { lastKey, rows, bytes, contentId } = chunk;
    const place = { tree, level, lastKey };
    this.#recordPosition({ ...place, piece: 0, rows, bytes, contentId, ...stored.reference });
    for (const [i, piece] of stored.pieces.entries())
      this.#recordPosition({ ...place, ...piece, piece: i + 1, rows: 0, bytes: 0 });
    return stored;
  }

  #recordPosition(position: TreePosition): void {
    this.#positions.add(position);
    this.#options.known.use(position.name);
  }

  async #once(
    tree: TreeId,
    chunk: TreeChunk<unknown>,
    children: () => Promise<readonly StoredChunk[]>,
  ): Promise<StoredChunk> {
    const key = textKey(contentKey(tree, chunk.contentId));
    const already = this.#underWay.get(key);
    if (already !== undefined) return already;
    const stored = this.#store(tree, chunk, children);
    this.#underWay.set(key, stored);
    try {
      return await stored;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #store(
    tree: TreeId,
    chunk: TreeChunk<unknown>,
    children: () => Promise<readonly StoredChunk[]>,
  ): Promise<StoredChunk> {
    const { contentId } = chunk;
    const below = chunk.children.length === 0 ? [] : await children();
    // A child stored anew, because the old copy was lost, makes the reference in a known parent worthless.
    const known = below.some((child) => child.fresh) ? null : this.#options.known.meet(tree, contentId);
    if (known !== null) return { contentId, fresh: false, ...known };
    const pieces = chunk.label.kind === CHUNK_KIND.leaf ? below.map(asPiece) : [];
    const added = this.#added.find(contentKey(tree, contentId));
    if (added !== null) return { contentId, reference: this.#added.reference(added), fresh: true, pieces };
    const adopted = below.length === 0 ? this.#options.uploaded.adopt(contentId) : null;
    if (adopted !== null) return { contentId, reference: adopted, fresh: true, pieces };
    const plaintext = encodeChunk({ ...chunk, references: below.map((child) => child.reference) });
    const sealed = await this.#options.sealer.seal(chunk.label, plaintext);
    const place = this.#added.add({ contentId: contentKey(tree, contentId), name: sealed.name, key: sealed.key });
    this.#pack(sealed, { contentId, key: sealed.key, hasReferences: below.length > 0 });
    return { contentId, reference: this.#added.reference(place), fresh: true, pieces };
  }

  /** Resolves when everything that was put so far is stored or known. */
  async settled(): Promise<void> {
    while (this.#puts.size > 0) await Promise.allSettled(this.#puts);
  }

  /** Resolves when the spool has room. */
  async ready(): Promise<void> {
    await this.#handing;
  }

  /**
   * Takes packs from the spool and places them until it is closed and all are, or one cannot be placed. Settles when nothing is
   * under way.
   */
  async upload(): Promise<void> {
    const { spool, placer } = this.#options;
    await new StripeUpload({ spool, placer, placed: (...given) => this.#note(...given) }).run();
  }

  /** All chunks have been put. Hands over what is left. */
  async finishChunks(): Promise<void> {
    const last = this.#packs.take();
    if (last !== null && last.bytes.length < SMALL_PACK_BYTES) this.#segment.addInline(last);
    else if (last !== null) this.#hand(last, this.#origins.splice(0));
    await this.#handing;
    this.#options.spool.close();
  }

  /** The run has ended, well or not; an upload that still waits is let go. Resolves when what waited on disk is removed. */
  async stop(): Promise<void> {
    await Promise.all([this.#options.spool.discard(), this.#options.placer.stop()]);
  }

  /** All stripes are placed. Writes the rest of the index. */
  async finishIndex({ older, dropped, fold }: IndexEnd): Promise<TierWritten> {
    const adopted: CatalogStripe[] = [];
    for (const { stripe, unused } of this.#options.uploaded.adopted()) {
      this.#segment.addStripe(stripe);
      for (const name of unused) this.#segment.addDropped(name);
      if (this.#segment.isFull) await this.#writeSegment();
      adopted.push(catalogStripe(stripe));
      this.#newBytes += stripe.geometry.packLength;
    }
    for (const name of dropped) {
      this.#segment.addDropped(name);
      if (this.#segment.isFull) await this.#writeSegment();
    }
    const listed = [...older, ...this.#segments];
    const newest = this.#segment.take();
    const { kept, bodies } = newest === null ? { kept: listed.length, bodies: [] } : await fold(listed, newest);
    const segments = listed.slice(0, kept);
    for (const body of bodies) segments.push(await this.#write(body));
    return { segments, folded: listed.slice(kept), adopted, newBytes: this.#newBytes };
  }

  #pack(sealed: SealedChunk, origin: UploadedChunk): void {
    this.#newBytes += sealed.sealed.length;
    const full = this.#packs.add(sealed);
    if (full !== null) this.#hand(full, this.#origins.splice(0));
    this.#origins.push(origin);
  }

  #hand({ chunks, bytes }: Pack, origins: readonly UploadedChunk[]): void {
    this.#handing = this.#handing.then(() => this.#options.spool.push({ chunks, origins }, bytes));
    this.#handing.catch(() => {});
  }

  /** Notes a stripe that is placed, for a run after this one and for the index. */
  async #note(stripe: IndexedStripe, origins: readonly UploadedChunk[]): Promise<void> {
    await this.#options.note({ stripe, chunks: origins });
    this.#segment.addStripe(stripe);
    if (this.#segment.isFull) await this.#writeSegment();
  }

  async #writeSegment(): Promise<void> {
    const body = this.#segment.take();
    if (body !== null) this.#segments.push(await this.#write(body));
  }

  async #write(body: SegmentBody): Promise<CatalogSegment> {
    const { header, keys, uploads, random } = this.#options;
    const bytes = encodeSegment(header, body, keys, random);
    const digest = sha256(bytes);
    const took = await uploads.storeEverywhere(segmentObjectName(digest), bytes);
    if (took.length === 0) throw tooFewHolders(1, 0, uploads.refused);
    return catalogSegment(digest, bytes.length, body.stripes);
  }
}

function asPiece({ contentId, reference }: StoredChunk): CatalogChunk {
  return { contentId, name: reference.name, key: reference.key };
}
