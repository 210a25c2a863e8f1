import { invariant, ValenceError } from '../../core/errors.ts';
import { SHARD_BYTES_MAX } from '../../core/limits.ts';
import { BoundedCache } from './bounded-cache.ts';
import { combination, combine } from './kernel.ts';
import type { Combination } from './kernel.ts';
import { invertMatrix, multiplyMatrices, systematicMatrix } from './matrix.ts';
import type { Matrix } from './matrix.ts';

/** A decode matrix costs k^3 multiplications and its tables up to 508 KiB; a damaged vault repeats few patterns. */
const DECODERS_KEPT = 32;
const CODECS_KEPT = 32;

const decoders = new BoundedCache<Combination>(DECODERS_KEPT);
const codecs = new BoundedCache<ErasureCodec>(CODECS_KEPT);

/** The codec that turns k data shards into n shards, kept for the next call. @throws as the constructor */
export function erasureCodec(k: number, n: number): ErasureCodec {
  return codecs.get(`${k}/${n}`, () => new ErasureCodec(k, n));
}

/**
 * Systematic Reed-Solomon erasure code over GF(2^8), polynomial 0x11d, with the matrix of `systematicMatrix`: any k of
 * the n shards give back the data. It tells nothing of *wrong* shards: callers check digests first. Plain copies are
 * k = 1. Pure and synchronous.
 */
export class ErasureCodec {
  readonly k: number;
  readonly n: number;
  readonly #rows: Matrix;
  readonly #parity: Combination;

  /** @throws `internal/invariant` unless 1 <= k <= n <= 255 */
  constructor(k: number, n: number) {
    this.k = k;
    this.n = n;
    this.#rows = systematicMatrix(k, n);
    this.#parity = combination(this.#rows.slice(k));
  }

  /**
   * The n shards of `data`, each data.length / k bytes. The first k are views of `data`, not copies; the others are
   * views of `parity`, by default one new buffer, so none may be transferred to another thread by itself. Giving the
   * same `parity` (length of n - k shards, apart from `data`) again and again, where earlier shards are done with, is
   * up to twice as fast, because fresh memory costs page faults.
   * @throws `internal/invariant` unless data.length is a multiple of k, a shard is 1 byte to `SHARD_BYTES_MAX`, and
   * `parity` has its length
   */
  encode(data: Uint8Array, parity?: Uint8Array): Uint8Array[] {
    invariant(data.length % this.k === 0, `${data.length} bytes do not divide into ${this.k} shards`);
    const length = data.length / this.k;
    checkLength(length);
    const parityBytes = (this.n - this.k) * length;
    invariant(parity === undefined || parity.length === parityBytes, `parity must be ${parityBytes} bytes`);
    const dataShards = split(data, this.k);
    const parityShards = split(parity ?? uninitialised(parityBytes), this.n - this.k);
    combine(this.#parity, dataShards, parityShards);
    return [...dataShards, ...parityShards];
  }

  /**
   * The data (k times the shard length, a new array) from shards in order of index, null where one is missing. With
   * more than k present, those of lowest index are used and the others not looked at.
   * @throws `integrity/too-few-shards` with fewer than k
   * @throws `internal/invariant` unless there are n entries and all shards have one length, 1 to `SHARD_BYTES_MAX`
   */
  reconstruct(shards: readonly (Uint8Array | null)[]): Uint8Array {
    const sources = this.#sources(shards);
    const data = uninitialised(this.k * shards[sources[0]!]!.length);
    const places = split(data, this.k);
    const missing: number[] = [];
    for (const [index, place] of places.entries()) {
      const shard = shards[index];
      if (shard) place.set(shard);
      else missing.push(index);
    }
    this.#compute(
      shards,
      sources,
      missing,
      missing.map((index) => places[index]!),
    );
    return data;
  }

  /**
   * The shards of the given indices, data or parity, in the order asked for. One that is present is returned as it was
   * given; the others share one new buffer.
   * @throws as `reconstruct`, and `internal/invariant` for an index that repeats or is not 0 to n - 1
   */
  rebuild(shards: readonly (Uint8Array | null)[], wanted: readonly number[]): Uint8Array[] {
    invariant(new Set(wanted).size === wanted.length, 'a wanted shard index repeats');
    invariant(
      wanted.every((index) => shards[index] !== undefined),
      'a wanted shard index is out of range',
    );
    const sources = this.#sources(shards);
    const missing = wanted.filter((index) => shards[index] === null);
    const rebuilt = split(uninitialised(missing.length * shards[sources[0]!]!.length), missing.length);
    this.#compute(shards, sources, missing, rebuilt);
    return wanted.map((index) => shards[index] ?? rebuilt[missing.indexOf(index)]!);
  }

  /** Checks the shards and chooses k to compute from: the lowest indices, so that data shards come first. */
  #sources(shards: readonly (Uint8Array | null)[]): number[] {
    invariant(shards.length === this.n, `expected ${this.n} shards, present or null, not ${shards.length}`);
    const present = [...shards.keys()].filter((index) => shards[index] !== null);
    if (present.length < this.k) throw tooFewShards(present, this.k, this.n);
    const length = shards[present[0]!]!.length;
    checkLength(length);
    invariant(
      present.every((index) => shards[index]!.length === length),
      'shards of a stripe differ in length',
    );
    return present.slice(0, this.k);
  }

  #compute(
    shards: readonly (Uint8Array | null)[],
    sources: readonly number[],
    missing: readonly number[],
    outputs: readonly Uint8Array[],
  ): void {
    if (missing.length === 0) return;
    const decoder = decoders.get(`${this.k}/${this.n}:${sources.join()}:${missing.join()}`, () => {
      const toData = invertMatrix(sources.map((index) => this.#rows[index]!));
      return combination(
        multiplyMatrices(
          missing.map((index) => this.#rows[index]!),
          toData,
        ),
      );
    });
    combine(
      decoder,
      sources.map((index) => shards[index]!),
      outputs,
    );
  }
}

function tooFewShards(present: readonly number[], k: number, n: number): ValenceError {
  return new ValenceError('integrity/too-few-shards', `only ${present.length} of the ${k} shards needed are present`, {
    hint: 'make more of the backends that hold this stripe available and try again',
    context: { present, needed: k, total: n },
  });
}

function checkLength(length: number): void {
  invariant(length >= 1 && length <= SHARD_BYTES_MAX, `shard length ${length} is not 1 to ${SHARD_BYTES_MAX} bytes`);
}

/** So many equal consecutive views. */
function split(bytes: Uint8Array, count: number): Uint8Array[] {
  const length = bytes.length / count;
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * length, (index + 1) * length));
}

/** For arrays of which every byte is then written; clearing megabytes first would cost a tenth of an encode. */
function uninitialised(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}
