import { toHex } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';
import type { IndexedStripe, SegmentBody } from '../format/index/segment-body.ts';
import { stripeId } from '../format/sealing/stripe.ts';
import { compactStripe } from './compact-stripe.ts';
import { DigestTable } from './digest-table.ts';
import { DroppedChunks } from './dropped-chunks.ts';
import type { DroppingSegment } from './dropped-chunks.ts';
import type { RepairedStripes } from './repaired-stripes.ts';
import type { Snapshot } from './snapshots.ts';

export interface ListedStripe {
  /** Its id, in hexadecimal: the same wherever the stripe is listed again. */
  readonly id: string;
  readonly stripe: IndexedStripe;
}

interface ListedSegment extends DroppingSegment {
  /** Its stripes, by number. */
  readonly first: number;
  readonly end: number;
}

/**
 * The stripes of any number of snapshots, which share most of their segments: what it keeps grows with the segments, some 80 bytes
 * a chunk, and not with the snapshots. All segments are added before the first question.
 */
export class ListedStripes {
  readonly #names = new DigestTable();
  /** By number: as often as a segment lists them. */
  readonly #stripes: ListedStripe[] = [];
  readonly #chunks: Uint32Array[] = [];
  readonly #segments = new Map<string, ListedSegment>();
  #dropped: DroppedChunks | null = null;
  #repaired: RepairedStripes | null = null;

  /** From now on the stripes have the shards of repair records, too (F-7.6.4). */
  learn(repaired: RepairedStripes): void {
    this.#repaired = repaired;
  }

  /** Takes up what a segment says; each once. */
  add(digest: Uint8Array, body: SegmentBody): void {
    invariant(this.#dropped === null, 'segments are added before the first question');
    const first = this.#stripes.length;
    for (const listed of body.stripes) {
      const { stripe, places } = compactStripe(
        listed,
        this.#names,
        (geometry) => this.#repaired?.shardsOf(geometry) ?? [],
      );
      this.#stripes.push({ id: toHex(stripeId(stripe.geometry)), stripe });
      this.#chunks.push(places);
    }
    const dropped = Uint32Array.from(body.dropped, (name) => this.#names.add(name));
    this.#segments.set(toHex(digest), { first, end: this.#stripes.length, dropped });
  }

  /** All of them, in the order in which they were added. */
  all(): readonly ListedStripe[] {
    return this.#stripes;
  }

  /**
   * The stripes that hold at least one chunk of the snapshot that names these segments (F-7.4.2), in their order. Quickest for
   * snapshots in the order in which they were written.
   */
  live(segments: readonly Uint8Array[]): ListedStripe[] {
    const listed = new Set(segments.map((digest) => this.#segment(digest)));
    this.#dropped ??= new DroppedChunks(this.#chunks, this.#names.size);
    this.#dropped.list(listed);
    const live: ListedStripe[] = [];
    for (const { first, end } of listed) {
      for (let i = first; i < end; i += 1) if (this.#dropped.isLive(i)) live.push(this.#stripes[i]!);
    }
    return live;
  }

  #segment(digest: Uint8Array): ListedSegment {
    const segment = this.#segments.get(toHex(digest));
    invariant(segment !== undefined, 'a snapshot is asked for whose segments were added');
    return segment;
  }
}

/** A stripe that a snapshot needs. */
export interface NeededStripe extends ListedStripe {
  /** UUID text of the generation whose mask key its shards have. */
  readonly generation: string;
}

/** What any of these snapshots needs, in the order in which they need it first; as the last of them lists it. */
export function neededStripes(snapshots: readonly Snapshot[], stripes: ListedStripes): NeededStripe[] {
  const needed = new Map<string, NeededStripe>();
  for (const { manifest } of snapshots) {
    const { index, generation } = manifest.header;
    for (const { id, stripe } of stripes.live(index)) needed.set(id, { id, stripe, generation });
  }
  return [...needed.values()];
}
