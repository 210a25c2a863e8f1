import { toHex } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import { openSegment, parseSegment } from '../format/index/segment.ts';
import type { IndexedStripe, SegmentBody } from '../format/index/segment-body.ts';
import type { PackedChunk } from '../format/sealing/pack.ts';
import { aheadInOrder } from './ahead.ts';
import type { Keyring } from './keyring.ts';
import type { Place } from './places.ts';
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

export class IndexMap {
  readonly stripes: IndexedStripe[] = [];
  readonly #chunks = new Map<string, ChunkPlace>();
  readonly #dropped = new Set<string>();

  add(body: SegmentBody): void {
    for (const stripe of body.stripes) {
      this.stripes.push(stripe);
      this.#addChunks({ stripe }, stripe.chunks);
    }
    for (const { bytes, chunks } of body.inline) this.#addChunks({ inline: bytes }, chunks);
    for (const name of body.dropped) this.#dropped.add(chunkKey(name));
  }

  /** Null: no segment speaks of this chunk. */
  find(name: Uint8Array): ChunkPlace | null {
    return this.#chunks.get(chunkKey(name)) ?? null;
  }

  /** Whether the snapshot that these segments belong to still holds a chunk of this name. */
  isLive(name: Uint8Array): boolean {
    const key = chunkKey(name);
    return this.#chunks.has(key) && !this.#dropped.has(key);
  }

  /** The stripes that hold at least one chunk of the snapshot. */
  liveStripes(): IndexedStripe[] {
    return this.stripes.filter((stripe) => stripe.chunks.some((chunk) => this.isLive(chunk.name)));
  }

  #addChunks(pack: ChunkPlace['pack'], chunks: readonly PackedChunk[]): void {
    let offset = 0;
    for (const { name, length } of chunks) {
      this.#chunks.set(chunkKey(name), { pack, offset, length });
      offset += length;
    }
  }
}

/** Raw bytes as a string: half the size of hexadecimal, and there may be many. */
function chunkKey(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');
}

export interface IndexRead {
  readonly index: IndexMap;
  /** Problems with single copies. */
  readonly problems: readonly ObjectProblem[];
}

/**
 * Reads and verifies the segments of these names.
 * @throws `integrity/too-few-shards` or `integrity/authentication-failed` when a segment is whole nowhere
 */
export async function readIndex(
  places: readonly Place[],
  keyring: Keyring,
  names: readonly Uint8Array[],
  signal?: AbortSignal,
): Promise<IndexRead> {
  const index = new IndexMap();
  const problems: ObjectProblem[] = [];
  const read = (digest: Uint8Array): Promise<SegmentRead> => readSegment(places, keyring, digest, signal);
  for await (const segment of aheadInOrder(names, READS_AT_ONCE, read)) {
    index.add(segment.body);
    problems.push(...segment.problems);
  }
  return { index, problems };
}

export interface SegmentRead {
  readonly body: SegmentBody;
  readonly problems: readonly ObjectProblem[];
}

/** Reads and verifies one segment. @throws as `readIndex` does, the name of the object in the context */
export async function readSegment(
  places: readonly Place[],
  keyring: Keyring,
  digest: Uint8Array,
  signal?: AbortSignal,
): Promise<SegmentRead> {
  const object = segmentObjectName(digest);
  const backends = places.map((place) => place.backend);
  const { bytes, problems } = await readWholeObject(backends, object, digest, signal);
  if (bytes === null) throw objectLost('the index segment', object, problems);
  return { body: openVerified(bytes, keyring), problems };
}

function openVerified(bytes: Uint8Array, keyring: Keyring): SegmentBody {
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
