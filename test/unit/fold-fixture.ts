import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import type { IndexedStripe, InlinePack, SegmentBody } from '../../src/format/index/segment-body.ts';
import type { PackedChunk } from '../../src/format/sealing/pack.ts';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import type { Domains } from '../../src/placement/failure-domains.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { IndexMap } from '../../src/vault/index-map.ts';
import { filler } from '../support/tree-fixture.ts';

const KIB = 1024;

/** A sealed chunk as far as packs and index know it. */
export interface Chunk {
  readonly name: Uint8Array;
  readonly bytes: Uint8Array;
}

export const chunk = (seed: string, length: number): Chunk => {
  const bytes = filler(seed, length);
  return { name: sha256(bytes), bytes };
};

export const bytesOf = (chunks: readonly Chunk[]): Uint8Array => Buffer.concat(chunks.map(({ bytes }) => bytes));
export const listOf = (chunks: readonly Chunk[]): PackedChunk[] =>
  chunks.map(({ name, bytes }) => ({ name, length: bytes.length }));
export const inline = (...chunks: Chunk[]): InlinePack => ({ bytes: bytesOf(chunks), chunks: listOf(chunks) });
export const body = (parts: Partial<SegmentBody>): SegmentBody => ({ stripes: [], inline: [], dropped: [], ...parts });

/** Keeps packs of stripes without coding them, at one holder a shard, each a failure domain of its own. */
export class StripeStore {
  readonly profile: Profile;
  readonly packs: Map<string, Uint8Array> = new Map();
  readonly domains: ReadonlyMap<string, Domains>;
  reads = 0;

  constructor(profile: Profile = { k: 2, n: 3 }) {
    this.profile = profile;
    this.domains = new Map(Array.from({ length: profile.n }, (_, i) => [uuidText(holder(i)), [`domain ${i}`]]));
  }

  /** At the first `count` holders. */
  add(pack: Uint8Array, chunks: readonly PackedChunk[], count: number = this.profile.n): IndexedStripe {
    const packDigest = sha256(pack);
    this.packs.set(toHex(packDigest), pack);
    const shardLength = Math.ceil(pack.length / this.profile.k);
    const groups = Array.from({ length: Math.ceil(shardLength / 65_536) }, () => packDigest);
    return {
      geometry: { code: 1, ...this.profile, shardLength, packLength: pack.length, packDigest },
      shards: Array.from({ length: count }, (_, index) => ({
        index,
        holder: holder(index),
        epoch: 0,
        name: sha256(Buffer.concat([packDigest, Buffer.of(index)])),
        root: packDigest,
        groups,
      })),
      chunks,
    };
  }

  stripe(...chunks: Chunk[]): IndexedStripe {
    return this.add(bytesOf(chunks), listOf(chunks));
  }

  read = async (stripe: IndexedStripe): Promise<Uint8Array> => {
    this.reads += 1;
    return this.packs.get(toHex(stripe.geometry.packDigest))!;
  };

  place = async (pack: Uint8Array, chunks: readonly PackedChunk[]): Promise<IndexedStripe> =>
    this.add(Uint8Array.from(pack), chunks);

  /** The bytes of a chunk as an index finds them; null: it does not. */
  find(index: IndexMap, name: Uint8Array): Uint8Array | null {
    const place = index.find(name);
    if (place === null) return null;
    const { pack, offset, length } = place;
    const bytes = 'inline' in pack ? pack.inline : this.packs.get(toHex(pack.stripe.geometry.packDigest))!;
    return bytes.subarray(offset, offset + length);
  }
}

export function holder(i: number): Uint8Array {
  return filler(`holder ${i}`, 16);
}

export function indexOf(bodies: readonly SegmentBody[]): IndexMap {
  const index = new IndexMap();
  for (const each of bodies) index.add(each);
  return index;
}

/** Every chunk that an index places, in hexadecimal, as often as it does. */
export function placedNames(bodies: readonly SegmentBody[]): string[] {
  return bodies.flatMap(({ stripes, inline: packs }) =>
    [...stripes, ...packs].flatMap(({ chunks }) => chunks.map(({ name }) => toHex(name))),
  );
}

/** Names of live chunks, in hexadecimal, each once, sorted. */
export function liveNames(bodies: readonly SegmentBody[]): string[] {
  const index = indexOf(bodies);
  return [...new Set(placedNames(bodies))].filter((name) => index.isLive(Buffer.from(name, 'hex'))).toSorted();
}

/** `count` stripes of one chunk of 70 KiB, and one of 1 KiB each. */
export function smallStripes(store: StripeStore, count: number): { stripes: IndexedStripe[]; chunks: Chunk[][] } {
  const chunks = Array.from({ length: count }, (_, i) => [chunk(`big ${i}`, 70 * KIB), chunk(`little ${i}`, KIB)]);
  return { stripes: chunks.map((each) => store.stripe(...each)), chunks };
}
