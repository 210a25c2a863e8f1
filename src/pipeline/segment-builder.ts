import { SEGMENT_BYTES_AIM } from '../core/limits.ts';
import type { IndexedStripe, InlinePack, SegmentBody } from '../format/index/segment-body.ts';
import { padmeLength } from '../format/padme.ts';

// Lengths of FORMAT.md §7.2 and §7.3.
const NAME_BYTES = 32;
const CHUNK_ENTRY_BYTES = 36;
const STRIPE_BYTES = 52;
const SHARD_BYTES = 85;
const INLINE_BYTES = 8;
const COUNTS_BYTES = 12;
/** First line, header with a tier's name of middling length, tag and signature. */
const FRAME_BYTES = 3_510;

/** Gathers what an index segment will say, and tells when it has grown enough. */
export class SegmentBuilder {
  #stripes: IndexedStripe[] = [];
  #inline: InlinePack[] = [];
  #dropped: Uint8Array[] = [];
  #bytes = 0;

  addStripe(stripe: IndexedStripe): void {
    this.#stripes.push(stripe);
    this.#bytes += stripeBytes(stripe);
  }

  addInline(pack: InlinePack): void {
    this.#inline.push(pack);
    this.#bytes += inlineBytes(pack);
  }

  addDropped(name: Uint8Array): void {
    this.#dropped.push(name);
    this.#bytes += NAME_BYTES;
  }

  get isFull(): boolean {
    return this.#bytes >= SEGMENT_BYTES_AIM;
  }

  /** What has gathered, or null when nothing has. */
  take(): SegmentBody | null {
    if (this.#bytes === 0) return null;
    const body = { stripes: this.#stripes, inline: this.#inline, dropped: this.#dropped };
    [this.#stripes, this.#inline, this.#dropped, this.#bytes] = [[], [], [], 0];
    return body;
  }
}

/** About how long the segment of this body is as an object: exact but for the tier's name. */
export function segmentBytes({ stripes, inline, dropped }: SegmentBody): number {
  let bytes = COUNTS_BYTES + dropped.length * NAME_BYTES;
  for (const stripe of stripes) bytes += stripeBytes(stripe);
  for (const pack of inline) bytes += inlineBytes(pack);
  return FRAME_BYTES + padmeLength(4 + bytes);
}

/** Bytes of a stripe in the body of a segment or repair record. */
export function stripeBytes({ shards, chunks }: IndexedStripe): number {
  const perShard = SHARD_BYTES + NAME_BYTES * (shards[0]?.groups.length ?? 0);
  return STRIPE_BYTES + shards.length * perShard + chunks.length * CHUNK_ENTRY_BYTES;
}

function inlineBytes({ bytes, chunks }: InlinePack): number {
  return INLINE_BYTES + bytes.length + chunks.length * CHUNK_ENTRY_BYTES;
}
