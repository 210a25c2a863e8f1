import { SMALL_PACK_BYTES } from '../core/limits.ts';
import type { CatalogChunk } from '../core/ports.ts';
import type { Random } from '../core/random.ts';
import { encodeSegment } from '../format/index/segment.ts';
import type { SegmentHeader, SegmentKeys } from '../format/index/segment.ts';
import { PackBuilder } from '../format/sealing/pack.ts';
import type { Pack, PackedChunk } from '../format/sealing/pack.ts';
import type { SealedChunk } from '../format/sealing/sealed-chunk.ts';
import { packCapacity } from '../format/sealing/stripe.ts';
import type { Profile } from '../format/sealing/stripe.ts';
import { sha256 } from '../format/shard/name.ts';
import { encodeChunk } from '../format/tree/chunk.ts';
import type { Reference } from '../format/tree/chunk.ts';
import type { TreeChunk } from '../format/tree/builder.ts';
import { segmentObjectName } from '../vault/index-map.ts';
import { ChunkTable } from './chunk-table.ts';
import type { KnownChunks } from './known-chunks.ts';
import { textKey } from './known-chunks.ts';
import type { Placer } from './placer.ts';
import type { Sealer } from './sealer.ts';
import { SegmentBuilder } from './segment-builder.ts';
import type { Spool } from './spool.ts';
import { tooFewHolders } from './holders.ts';

/** A chunk's reference, and whether this run stored it. */
export interface StoredChunk {
  readonly reference: Reference;
  readonly fresh: boolean;
}

export interface TierWriterOptions {
  readonly profile: Profile;
  readonly header: SegmentHeader;
  readonly keys: SegmentKeys;
  readonly known: KnownChunks;
  readonly placer: Placer;
  readonly sealer: Sealer;
  readonly spool: Spool<readonly PackedChunk[]>;
  readonly random: Random;
}

/** What a tier's part of a run stored. */
export interface TierWritten {
  /** Names of the index segments written, in order. */
  readonly segments: readonly Uint8Array[];
  readonly added: Iterable<CatalogChunk>;
  readonly dropped: readonly CatalogChunk[];
  /** Sealed bytes of the chunks added. */
  readonly newBytes: number;
}

/** Stripes in the making at once: one is being coded while another is on its way. */
const STRIPES_AT_ONCE = 2;

/**
 * Stores the chunks of one snapshot for one tier: those not known are sealed and packed, packs become stripes, stripes
 * are placed and indexed. Everything is bounded but the list of what was added.
 */
export class TierWriter {
  readonly #options: TierWriterOptions;
  readonly #packs: PackBuilder;
  readonly #segment = new SegmentBuilder();
  readonly #segments: Uint8Array[] = [];
  /** Chunks being stored, by content id; afterwards they are in `#added`. */
  readonly #underWay = new Map<string, Promise<StoredChunk>>();
  readonly #added = new ChunkTable();
  #newBytes = 0;
  /** The pack being handed to the spool; awaited before the next, so that the producer feels a full spool. */
  #handing: Promise<void> = Promise.resolve();

  constructor(options: TierWriterOptions) {
    this.#options = options;
    this.#packs = new PackBuilder(packCapacity(options.profile));
  }

  /** Stores a chunk unless it is known. `children`: what this same tier gave back for the chunks it refers to. */
  async put(chunk: TreeChunk<unknown>, children: () => Promise<readonly StoredChunk[]>): Promise<StoredChunk> {
    const place = this.#added.find(chunk.contentId);
    if (place !== null) return { reference: this.#added.reference(place), fresh: true };
    const key = textKey(chunk.contentId);
    const already = this.#underWay.get(key);
    if (already !== undefined) return already;
    const stored = this.#store(chunk, children);
    this.#underWay.set(key, stored);
    try {
      return await stored;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #store(chunk: TreeChunk<unknown>, children: () => Promise<readonly StoredChunk[]>): Promise<StoredChunk> {
    const below = chunk.children.length === 0 ? [] : await children();
    // A child stored anew, because the old copy was lost, makes the reference in a known parent worthless.
    const known = below.some((child) => child.fresh) ? null : this.#options.known.meet(chunk.contentId);
    if (known !== null) return { reference: known, fresh: false };
    const plaintext = encodeChunk({ ...chunk, references: below.map((child) => child.reference) });
    const sealed = await this.#options.sealer.seal(chunk.label, plaintext);
    return { reference: this.#pack(sealed, chunk.contentId), fresh: true };
  }

  /** Resolves when the spool has room. */
  async ready(): Promise<void> {
    await this.#handing;
  }

  /** Takes packs from the spool and places them until it is closed, or one cannot be placed. Settles when nothing is under way. */
  async upload(): Promise<void> {
    const uploads = Array.from({ length: STRIPES_AT_ONCE }, () => this.#uploadOneByOne());
    for (const settled of await Promise.allSettled(uploads)) {
      if (settled.status === 'rejected') throw settled.reason;
    }
  }

  /** All chunks have been put. Hands over what is left. */
  async finishChunks(): Promise<void> {
    const last = this.#packs.take();
    if (last !== null && last.bytes.length < SMALL_PACK_BYTES) this.#segment.addInline(last);
    else if (last !== null) this.#hand(last);
    await this.#handing;
    this.#options.spool.close();
  }

  /** The run has ended, well or not; an upload that still waits is let go. Resolves when what waited on disk is removed. */
  async stop(): Promise<void> {
    await this.#options.spool.discard();
  }

  /** All stripes are placed. Writes the rest of the index. */
  async finishIndex(): Promise<TierWritten> {
    const dropped = [...this.#options.known.dropped()];
    for (const chunk of dropped) {
      this.#segment.addDropped(chunk.name);
      if (this.#segment.isFull) await this.#writeSegment();
    }
    await this.#writeSegment();
    return { segments: this.#segments, added: this.#added, dropped, newBytes: this.#newBytes };
  }

  #pack(sealed: SealedChunk, contentId: Uint8Array): Reference {
    const place = this.#added.add({ contentId, name: sealed.name, key: sealed.key });
    this.#newBytes += sealed.sealed.length;
    const full = this.#packs.add(sealed);
    if (full !== null) this.#hand(full);
    return this.#added.reference(place);
  }

  #hand(pack: Pack): void {
    this.#handing = this.#handing.then(() => this.#options.spool.push(pack.chunks, pack.bytes));
    this.#handing.catch(() => {});
  }

  async #uploadOneByOne(): Promise<void> {
    const { spool, placer } = this.#options;
    try {
      for (let next = await spool.take(); next !== null; next = await spool.take()) {
        this.#segment.addStripe(await placer.place(next.bytes, next.item));
        if (this.#segment.isFull) await this.#writeSegment();
      }
    } catch (error) {
      spool.fail(error);
      throw error;
    }
  }

  async #writeSegment(): Promise<void> {
    const body = this.#segment.take();
    if (body === null) return;
    const { header, keys, placer, random } = this.#options;
    const bytes = encodeSegment(header, body, keys, random);
    const digest = sha256(bytes);
    this.#segments.push(digest);
    const took = await placer.storeEverywhere(segmentObjectName(digest), bytes);
    if (took.length === 0) throw tooFewHolders(1, 0, placer.refused);
  }
}
