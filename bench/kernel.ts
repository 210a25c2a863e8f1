/**
 * Encoding speed of our Reed-Solomon codec beside @subspace/reed-solomon-erasure.wasm: one JSON line an entry, MB
 * (10^6) of data a second, then their ratio. The two alternate, so that a slow moment of the machine meets both.
 * Medians. Both write parity into memory of the caller; "fresh" is ours into new memory, as `encode(data)` does.
 */
import { performance } from 'node:perf_hooks';
import { ReedSolomonErasure } from '@subspace/reed-solomon-erasure.wasm';
import { SHARD_BYTES_MAX } from '../src/core/limits.ts';
import { ErasureCodec } from '../src/format/erasure/codec.ts';

const ROUNDS = 15;
const OURS = 'valence';
const THEIRS = '@subspace/reed-solomon-erasure.wasm';
const PROFILES = [
  [3, 5],
  [5, 9],
] as const;

const other = await ReedSolomonErasure.fromCurrentDirectory();
for (const [k, n] of PROFILES) compare(k, n);

function compare(k: number, n: number): void {
  const data = new Uint8Array(k * SHARD_BYTES_MAX);
  for (let index = 0; index < data.length; index++) data[index] = Math.imul(index, 0x9e3779b1) >>> 24;
  const stripe = new Uint8Array(n * SHARD_BYTES_MAX);
  stripe.set(data);
  const codec = new ErasureCodec(k, n);
  const parity = new Uint8Array((n - k) * SHARD_BYTES_MAX);
  const ours: number[] = [];
  const fresh: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(speed(data.length, 8, () => codec.encode(data, parity)));
    fresh.push(speed(data.length, 8, () => codec.encode(data)));
    theirs.push(speed(data.length, 2, () => other.encode(stripe, k, n - k)));
  }
  print({ name: OURS, k, n, mbPerSecond: Math.round(median(ours)) });
  print({ name: `${OURS} (fresh)`, k, n, mbPerSecond: Math.round(median(fresh)) });
  print({ name: THEIRS, k, n, mbPerSecond: Math.round(median(theirs)) });
  print({ name: 'ratio', k, n, ratio: Number((median(ours) / median(theirs)).toFixed(2)) });
}

function speed(bytes: number, repeats: number, encode: () => unknown): number {
  const start = performance.now();
  for (let repeat = 0; repeat < repeats; repeat++) encode();
  return (bytes * repeats) / (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function print(entry: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(entry));
}
