import type { IndexedStripe, InlinePack, SegmentBody } from '../format/index/segment-body.ts';
import { textKey } from './known-chunks.ts';

/** What the snapshot still needs of the packs that some consecutive index segments place. */

export interface LiveChunk {
  readonly name: Uint8Array;
  /** In its pack, in bytes. */
  readonly offset: number;
  readonly length: number;
}

export type PackPlace = { readonly stripe: IndexedStripe } | { readonly inline: InlinePack };

export interface LivePack {
  readonly place: PackPlace;
  /** Bytes of the whole pack. */
  readonly bytes: number;
  /** At least one, in the order in which they lie. */
  readonly live: readonly LiveChunk[];
  readonly liveBytes: number;
}

/**
 * The packs that hold live chunks, in the order of the segments. A chunk that is placed several times lives in the last
 * place only (FORMAT.md F-7.4.1).
 */
export function livePacks(bodies: readonly SegmentBody[]): LivePack[] {
  const places = bodies.flatMap(placesIn);
  const dropped = new Set(bodies.flatMap((body) => body.dropped.map(textKey)));
  const last = new Map<string, PackPlace>();
  for (const place of places) for (const { name } of chunksOf(place)) last.set(textKey(name), place);
  return places
    .map((place) =>
      liveOf(place, (name) => {
        const key = textKey(name);
        return last.get(key) === place && !dropped.has(key);
      }),
    )
    .filter(({ live }) => live.length > 0);
}

/** In the order in which a reader takes them up. */
export function placesIn({ stripes, inline }: Pick<SegmentBody, 'stripes' | 'inline'>): PackPlace[] {
  return [...stripes.map((stripe) => ({ stripe })), ...inline.map((pack) => ({ inline: pack }))];
}

export function chunksOf(place: PackPlace): IndexedStripe['chunks'] {
  return 'stripe' in place ? place.stripe.chunks : place.inline.chunks;
}

function liveOf(place: PackPlace, isLive: (name: Uint8Array) => boolean): LivePack {
  const live: LiveChunk[] = [];
  let [offset, liveBytes] = [0, 0];
  for (const { name, length } of chunksOf(place)) {
    if (isLive(name)) {
      live.push({ name, offset, length });
      liveBytes += length;
    }
    offset += length;
  }
  return { place, bytes: offset, live, liveBytes };
}
