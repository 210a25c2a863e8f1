import { view } from '../core/bytes.ts';
import { uuidBytes } from '../core/ids.ts';
import type { CatalogChunk, TreeId, TreePosition } from '../core/ports.ts';
import type { Reference } from '../format/tree/chunk.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import { DIGEST_BYTES, DigestTable } from '../vault/digest-table.ts';
import type { IndexMap } from '../vault/index-map.ts';
import type { Presence } from '../vault/presence.ts';
import { ChunkTable } from './chunk-table.ts';

/** A chunk of the last snapshot that the new one may hold again. */
export interface KnownChunk {
  readonly reference: Reference;
  /** What a leaf refers to; empty for all else. A leaf that is kept keeps these, whatever else has their content. */
  readonly pieces: readonly CatalogChunk[];
}

/** A name that the last snapshot held and the new one did not come to use. */
export interface UnusedName {
  readonly contentId: Uint8Array;
  readonly name: Uint8Array;
  /** At how many positions it was found. */
  readonly times: number;
}

/**
 * Positions of the tier's last snapshot that the new one may hold again: all of them in a full scan, else those in whose
 * place new ones come. Within a tree a leaf or node of some content stands at one position and so has one name; a piece
 * may have several.
 */
export class KnownChunks {
  readonly #byContent = new ChunkTable();
  /** By place in the table: of leaves with pieces. */
  readonly #pieces = new Map<number, CatalogChunk[]>();
  /** Name ‖ content id. */
  readonly #names = new DigestTable(2 * DIGEST_BYTES);
  /** By place in the table of names. */
  #times = new Uint32Array(64);
  #isUsed = new Uint8Array(64);
  #lastLeaf = -1;

  /** A position that the index can find. Pieces come after their leaf. */
  add(position: TreePosition): void {
    this.#count(position);
    const { piece, contentId, name, key } = position;
    const known = contentKey(position.tree, contentId);
    const place = this.#byContent.find(known) ?? this.#byContent.add({ contentId: known, name, key });
    if (piece === 0) this.#lastLeaf = place;
    else {
      const pieces = this.#pieces.get(this.#lastLeaf) ?? [];
      pieces.push({ contentId: Buffer.from(contentId), name: Buffer.from(name), key: Buffer.from(key) });
      this.#pieces.set(this.#lastLeaf, pieces);
    }
  }

  /** A position whose chunk, or a piece of it, nobody can find any more: it is gone whatever the new snapshot holds. */
  addUnfindable(position: TreePosition): void {
    this.#count(position);
  }

  /** The chunk of the tree with this content. */
  meet(tree: TreeId, contentId: Uint8Array): KnownChunk | null {
    const place = this.#byContent.find(contentKey(tree, contentId));
    if (place === null) return null;
    return { reference: this.#byContent.reference(place), pieces: this.#pieces.get(place) ?? [] };
  }

  /** The new snapshot refers to this name. */
  use(name: Uint8Array): void {
    const place = this.#names.find(name);
    if (place !== null) this.#isUsed[place] = 1;
  }

  /** Names of the new snapshot that were stored before it. */
  *used(): Generator<Uint8Array, void, undefined> {
    for (let place = 0; place < this.#names.size; place += 1) {
      if (this.#isUsed[place] === 1) yield this.#names.digest(place);
    }
  }

  *unused(): Generator<UnusedName, void, undefined> {
    for (let place = 0; place < this.#names.size; place += 1) {
      if (this.#isUsed[place] === 1) continue;
      const record = this.#names.record(place);
      yield { name: this.#names.digest(place), contentId: record.subarray(DIGEST_BYTES), times: this.#times[place]! };
    }
  }

  #count({ name, contentId }: CatalogChunk): void {
    const place = this.#names.add(name);
    this.#names.record(place).set(contentId, DIGEST_BYTES);
    if (place >= this.#times.length) {
      [this.#times, this.#isUsed] = [grown(this.#times, Uint32Array), grown(this.#isUsed, Uint8Array)];
    }
    this.#times[place]! += 1;
  }
}

/**
 * A content id within its tree, as a digest of its own. Content ids do not name the model, so two models may have leaves
 * that say the same: those are chunks of their own, since a parent must find under a child's content the very name it refers to.
 */
export function contentKey({ modelId }: TreeId, contentId: Uint8Array): Uint8Array {
  if (modelId === undefined) return contentId;
  const key = Buffer.from(contentId);
  for (const [i, byte] of uuidBytes(modelId).entries()) key[i]! ^= byte;
  return key;
}

function grown<A extends Uint8Array | Uint32Array>(array: A, make: new (length: number) => A): A {
  const larger = new make(2 * array.length);
  larger.set(array);
  return larger;
}

/** Whether the pack of a chunk can still be rebuilt from what the holders list; each stripe is looked at once. */
export function availableChunks(index: IndexMap, presence: Presence): (name: Uint8Array) => boolean {
  const stripes = new Map<IndexedStripe, boolean>();
  return (name) => {
    const place = index.find(name);
    if (place === null || !index.isLive(name)) return false;
    if ('inline' in place.pack) return true;
    const { stripe } = place.pack;
    const known = stripes.get(stripe);
    if (known !== undefined) return known;
    const available = index.isHad(stripe, (each) => presence.present(each).length >= each.geometry.k);
    stripes.set(stripe, available);
    return available;
  };
}

/** Raw bytes as a string: half the size of hexadecimal, and there may be many. */
export function textKey(bytes: Uint8Array): string {
  return view(bytes).toString('latin1');
}
