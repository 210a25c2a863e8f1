import { SEGMENT_BYTES_AIM } from '../core/limits.ts';
import type { IndexedStripe, InlinePack, SegmentBody } from '../format/index/segment-body.ts';

const NAME_BYTES = 32;
const CHUNK_ENTRY_BYTES = 36;

/** Gathers what an index segment will say, and tells when it has grown enough. */
export class SegmentBuilder {
  #stripes: IndexedStripe[] = [];
  #inline: InlinePack[] = [];
  #dropped: Uint8Array[] = [];
  #bytes = 0;

  addStripe(stripe: IndexedStripe): void {
    this.#stripes.push(stripe);
    const perShard = 100 + NAME_BYTES * (stripe.shards[0]?.groups.length ?? 0);
    this.#bytes += stripe.shards.length * perShard + stripe.chunks.length * CHUNK_ENTRY_BYTES;
  }

  addInline(pack: InlinePack): void {
    this.#inline.push(pack);
    this.#bytes += pack.bytes.length + pack.chunks.length * CHUNK_ENTRY_BYTES;
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
