/** Part of the reader in stranger.ts: places, index, erasure code and masks. Numbers in comments are sections of FORMAT.md. */
import { createCipheriv } from 'node:crypto';
import { derive, hex, need, Reader, sha256, u32, u8 } from './stranger-keys.ts';

/** The objects of one place, by name. */
export type Objects = ReadonlyMap<string, Uint8Array>;

export interface Place {
  readonly holder: string;
  readonly objects: Objects;
}

/** The bytes of an object from any place where its digest is that of its name. */
export function find(places: readonly Place[], name: string, digest: string): Buffer {
  for (const { objects } of places) {
    const bytes = objects.get(name);
    if (bytes !== undefined && hex(sha256(bytes)).startsWith(digest)) return Buffer.from(bytes);
  }
  throw new Error(`${name} is whole nowhere`);
}

export interface Stripe {
  readonly id: Buffer;
  readonly k: number;
  readonly n: number;
  readonly packLength: number;
  readonly packDigest: Buffer;
  readonly shards: readonly {
    readonly index: number;
    readonly holder: string;
    readonly epoch: number;
    readonly name: string;
  }[];
}

export type Pack = Buffer | Stripe;

export interface ChunkPlace {
  readonly pack: Pack;
  readonly offset: number;
  readonly length: number;
}

type Found = (name: string, place: ChunkPlace) => void;

function readChunks(reader: Reader, pack: Pack, found: Found): void {
  let offset = 0;
  for (let left = reader.u32(); left > 0; left -= 1) {
    const [name, length] = [hex(reader.take(32)), reader.u32()];
    found(name, { pack, offset, length });
    offset += length;
  }
}

// 7.3
export function readIndex(body: Buffer, chunks: Map<string, ChunkPlace[]>): void {
  const reader = new Reader(body);
  const found: Found = (name, place) => void chunks.set(name, [place]);
  readStripes(reader, found);
  for (let left = reader.u32(); left > 0; left -= 1) readChunks(reader, reader.sized(), found);
  reader.take(32 * reader.u32());
  reader.end();
}

// 7.6: further shards of the stripe in the segments, and further places after those of the segments
export function readRepair(body: Buffer, chunks: Map<string, ChunkPlace[]>): void {
  const reader = new Reader(body);
  readStripes(reader, (name, place) => void chunks.get(name)?.push(place));
  reader.end();
}

function readStripes(reader: Reader, found: Found): void {
  for (let left = reader.u32(); left > 0; left -= 1) {
    const [code, k, n, shardLength, packLength, packDigest] = [
      reader.u8(),
      reader.u8(),
      reader.u8(),
      reader.u32(),
      reader.u32(),
      reader.take(32),
    ];
    const shards = Array.from({ length: reader.u8() }, () => {
      const shard = {
        index: reader.u8(),
        holder: hex(reader.take(16)),
        epoch: reader.u32(),
        name: hex(reader.take(32)),
      };
      reader.take(32 + 32 * Math.ceil(shardLength / 65_536));
      return shard;
    });
    const id = sha256(u8(code), u8(k), u8(n), u32(shardLength), packDigest);
    readChunks(reader, { id, k, n, packLength, packDigest, shards }, found);
  }
}

// 7.6: what the places of a chunk say of one stripe, together
export function joined(places: readonly ChunkPlace[]): ChunkPlace[] {
  const stripes = new Map<string, ChunkPlace>();
  const others: ChunkPlace[] = [];
  for (const place of places) {
    const { pack } = place;
    if (Buffer.isBuffer(pack)) {
      others.push(place);
      continue;
    }
    const known = stripes.get(hex(pack.id));
    const shards = known === undefined ? pack.shards : [...(known.pack as Stripe).shards, ...pack.shards];
    stripes.set(hex(pack.id), { ...(known ?? place), pack: { ...((known?.pack as Stripe) ?? pack), shards } });
  }
  return [...others, ...stripes.values()];
}

// 6.3: the field
export const EXP: number[] = [1];
for (let i = 1; i < 255; i += 1) EXP.push(EXP[i - 1]! < 128 ? EXP[i - 1]! * 2 : (EXP[i - 1]! * 2) ^ 0x11d);
const LOG: ReadonlyMap<number, number> = new Map(EXP.map((value, i) => [value, i]));

export function times(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : EXP[(LOG.get(a)! + LOG.get(b)!) % 255]!;
}

export function power(base: number, exponent: number): number {
  return Array.from({ length: exponent }).reduce<number>((product) => times(product, base), 1);
}

/** Solves A × X = B for square A, by rows: B becomes X. */
export function solve(a: number[][], b: number[][]): number[][] {
  const size = a.length;
  const rows = a.map((row, i) => [...row, ...b[i]!]);
  for (let column = 0; column < size; column += 1) {
    const pivot = rows.findIndex((row, i) => i >= column && row[column] !== 0);
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const scale = EXP[(255 - LOG.get(rows[column]![column]!)!) % 255]!;
    rows[column] = rows[column]!.map((value) => times(value, scale));
    for (const [i, row] of rows.entries()) {
      const factor = row[column]!;
      if (i !== column) rows[i] = row.map((value, j) => value ^ times(factor, rows[column]![j]!));
    }
  }
  return rows.map((row) => row.slice(size));
}

const product = (a: readonly number[][], b: readonly number[][]): number[][] =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, i) => sum ^ times(value, b[i]![j]!), 0)));

export function codeMatrix(k: number, n: number): number[][] {
  const v = Array.from({ length: n }, (_, r) => Array.from({ length: k }, (_x, c) => power(r, c)));
  const identity = Array.from({ length: k }, (_, r) => Array.from({ length: k }, (_x, c) => (r === c ? 1 : 0)));
  return product(v, solve(v.slice(0, k), identity));
}

// 6.3, 6.4
export function readStripe(stripe: Stripe, places: readonly Place[], maskKey: Uint8Array): Buffer {
  const { k, n, id, packDigest, packLength } = stripe;
  const there: { index: number; bytes: Buffer }[] = [];
  for (const { index, holder, epoch, name } of stripe.shards) {
    const stored = places.find((place) => place.holder === holder)?.objects.get(`shards/${name.slice(0, 2)}/${name}`);
    if (there.length === k || stored === undefined || hex(sha256(stored)) !== name) continue;
    if (there.some((other) => other.index === index)) continue;
    const key = derive(maskKey, 'shard mask', Buffer.concat([id, u8(index), Buffer.from(holder, 'hex'), u32(epoch)]));
    there.push({ index, bytes: createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(stored) });
  }
  need(there.length === k, 'too few shards');
  const matrix = codeMatrix(k, n);
  const data = solve(
    there.map(({ index }) => matrix[index]!),
    there.map(({ bytes }) => [...bytes]),
  );
  const padded = Buffer.concat(data.map((part) => Buffer.from(part)));
  need(sha256(padded).equals(packDigest), 'the shards decode to something else');
  return padded.subarray(0, packLength);
}
