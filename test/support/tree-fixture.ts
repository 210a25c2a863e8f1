import { createCipheriv, createHash } from 'node:crypto';
import { toHex } from '../../src/core/bytes.ts';
import { INLINE_VALUE_BYTES_MAX } from '../../src/core/limits.ts';
import { keyShape } from '../../src/format/rows/row-key.ts';
import { TupleReader } from '../../src/format/rows/copy-tuples.ts';
import type { TupleBatch } from '../../src/format/rows/copy-tuples.ts';
import { sealChunk } from '../../src/format/sealing/sealed-chunk.ts';
import { TREES } from '../../src/format/tables.ts';
import type { TreeLayout, TreeName } from '../../src/format/tables.ts';
import { TreeBuilder } from '../../src/format/tree/builder.ts';
import type { TreeChunk } from '../../src/format/tree/tree-chunk.ts';
import { encodeChunk } from '../../src/format/tree/chunk.ts';
import type { Reference } from '../../src/format/tree/chunk.ts';
import { ContentIds } from '../../src/format/tree/content-id.ts';
import type { TreeSummary } from '../../src/format/tree/content-id.ts';
import { IndexMap } from '../../src/vault/index-map.ts';
import { copyStream, tuple } from '../vectors/copy-rows.ts';
import type { Value } from '../vectors/copy-rows.ts';
import { seededRandom } from './seeded-random.ts';

/** Rows and trees made by hand: to the tree a row is its key and some bytes. */

export const BOUNDARY_KEY: Uint8Array = seededRandom('boundary key').bytes(32);
export const CONTENT_IDS: ContentIds = new ContentIds(seededRandom('content id key').bytes(32));
export const NO_MODEL: Uint8Array = Buffer.alloc(16);

export function layout(name: TreeName): TreeLayout {
  return TREES.find((candidate) => candidate.name === name)!;
}

/** A row of a table, keyed by `key`; its other columns are null but the last, which is `value`. */
export function row(of: TreeLayout, key: Uint8Array, value: Value = null): Uint8Array {
  const values: Value[] = of.columns.map(() => null);
  values[of.columns.length - 1] = value;
  for (const { field, offset, bytes } of keyShape(of).parts) values[field] = key.subarray(offset, offset + bytes);
  return tuple(...values);
}

/** Rows in key order, keys and sizes (`least` to `most` bytes of value) from the seed. */
export function randomRows(
  of: TreeLayout,
  count: number,
  options: { seed?: string; least?: number; most?: number } = {},
): Uint8Array[] {
  const { seed = 'rows', least = 20, most = 400 } = options;
  const { keyBytes } = keyShape(of);
  const keys = Array.from({ length: count }, (_, i) => keyOf(`${seed} ${i}`, keyBytes)).sort(Buffer.compare);
  return keys.map((key) => {
    const spread = createHash('sha256').update(key).digest().readUInt32BE(0) / 2 ** 32;
    return row(of, key, filler(toHex(key), least + Math.floor(spread * (most - least + 1))));
  });
}

/** `text16` takes no zero byte, so there is none. */
export function keyOf(name: string, keyBytes: number): Buffer {
  return createHash('sha512')
    .update(name)
    .digest()
    .subarray(0, keyBytes)
    .map((byte) => byte || 1) as Buffer;
}

/** Noise that the name gives, faster than `seededRandom` where it is much. */
export function filler(name: string, length: number): Uint8Array {
  const key = createHash('sha256').update(name).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** `bytes` in pieces of these lengths, over and over. */
export function piecesOf(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const end = at + Math.max(1, lengths[i % lengths.length]!);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

/** What a reader makes of these pieces, every batch copied. @throws as the reader */
export function readBatches(of: TreeLayout, pieces: Iterable<Uint8Array>): TupleBatch[] {
  const reader = new TupleReader(of, INLINE_VALUE_BYTES_MAX);
  const batches: TupleBatch[] = [];
  for (const piece of pieces) {
    // A producer may write over its memory once the next piece is asked for.
    const lent = Uint8Array.from(piece);
    for (const batch of reader.push(lent)) batches.push({ ...batch, bytes: Buffer.from(batch.bytes) });
    lent.fill(0xee);
  }
  reader.end();
  return batches;
}

/** The tuples of some batches. */
export function tuplesOf(batches: readonly TupleBatch[]): string[] {
  return batches.flatMap(({ bytes, ends, count }) =>
    Array.from({ length: count }, (_, i) => bytes.subarray(ends[i - 1] ?? 0, ends[i]).toString('hex')),
  );
}

export interface MadeTree {
  readonly summary: TreeSummary;
  readonly root: Reference;
  readonly chunks: readonly TreeChunk<Reference>[];
  /** Finds every sealed chunk. */
  readonly index: IndexMap;
}

/** Of one generation of a vault. */
export interface TreeKeys {
  readonly boundaryKey: Uint8Array;
  readonly ids: ContentIds;
}

/** The tree of some rows, sealed into an index that holds every chunk itself. */
export async function makeTree(
  of: TreeLayout,
  rows: readonly Uint8Array[],
  lengths: readonly number[] = [65_536],
  keys: TreeKeys = { boundaryKey: BOUNDARY_KEY, ids: CONTENT_IDS },
): Promise<MadeTree> {
  const chunks: TreeChunk<Reference>[] = [];
  const index = new IndexMap();
  const random = seededRandom('sealing');
  const store = async (chunk: TreeChunk<Reference>): Promise<Reference> => {
    chunks.push(chunk);
    const { name, key, sealed } = sealChunk(
      chunk.label.kind,
      encodeChunk({ ...chunk, references: await Promise.all(chunk.children) }),
      random,
    );
    index.add({ stripes: [], inline: [{ bytes: sealed, chunks: [{ name, length: sealed.length }] }], dropped: [] });
    return { name, key };
  };
  const builder = new TreeBuilder<Reference>({
    layout: of,
    modelId: NO_MODEL,
    ...keys,
    store,
  });
  const reader = new TupleReader(of, INLINE_VALUE_BYTES_MAX);
  for (const piece of piecesOf(copyStream(rows), lengths)) for (const batch of reader.push(piece)) builder.add(batch);
  reader.end();
  return { ...(await builder.finish()), chunks, index };
}
