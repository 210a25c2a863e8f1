import { PACK_CHUNKS_MAX } from '../core/limits.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import type { PackedChunk } from '../format/sealing/pack.ts';
import { encodeStripe, packCapacity, StripeScratch } from '../format/sealing/stripe.ts';
import type { Profile } from '../format/sealing/stripe.ts';

/** A stripe that is not placed yet, with its pack. */
export interface NewStripe {
  readonly stripe: IndexedStripe;
  readonly pack: Uint8Array;
}

const scratch = new StripeScratch();

/**
 * A pack as stripes of another profile: one, or where it is too large for that several, cut between chunks. The same pack
 * gives the same stripes.
 */
export function* recode(
  pack: Uint8Array,
  chunks: readonly PackedChunk[],
  profile: Profile,
): Generator<NewStripe, void, undefined> {
  let offset = 0;
  for (const part of partsOf(chunks, packCapacity(profile))) {
    const length = part.reduce((sum, chunk) => sum + chunk.length, 0);
    const piece = pack.subarray(offset, offset + length);
    offset += length;
    const { geometry } = encodeStripe(piece, profile, scratch);
    yield { stripe: { geometry, shards: [], chunks: part }, pack: piece };
  }
}

/** In order, each as much as one pack takes. */
function partsOf(chunks: readonly PackedChunk[], capacity: number): PackedChunk[][] {
  const parts: PackedChunk[][] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    const part = parts.at(-1);
    bytes += chunk.length;
    if (part !== undefined && bytes <= capacity && part.length < PACK_CHUNKS_MAX) {
      part.push(chunk);
      continue;
    }
    parts.push([chunk]);
    bytes = chunk.length;
  }
  return parts;
}
