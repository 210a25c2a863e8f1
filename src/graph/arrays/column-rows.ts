import { ValenceError } from '../../core/errors.ts';
import { view } from '../../core/bytes.ts';
import type { Tuples } from '../../core/copy-stream.ts';
import { BELIEF_STATUSES, EDGE_TYPES } from '../records/vocabulary.ts';
import type { BeliefColumns, Validity } from './graph-arrays.ts';
import type { IdNumbers } from './id-numbers.ts';
import { FOR_EVER, SINCE_EVER } from './validity.ts';

/** Turns rows of binary COPY into columns as they come, without an object a row; columns double when they are full. */

/** Rows of `id, confidence, status, valid_from, valid_until` in the order of their ids. */
export class BeliefRows {
  readonly #validity = new ValidityColumns();
  #ids = new Uint8Array(16 * CAPACITY_FIRST);
  #confidence = new Float32Array(CAPACITY_FIRST);
  #status = new Uint8Array(CAPACITY_FIRST);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @throws `format/malformed` */
  push(tuples: Tuples): void {
    this.#reserve(this.#count + tuples.count);
    const reader = new FieldReader(tuples.bytes);
    for (let left = tuples.count; left > 0; left -= 1) {
      const number = this.#count;
      reader.tuple(5);
      reader.copy(16, this.#ids, 16 * number);
      this.#confidence[number] = reader.float32();
      this.#status[number] = reader.word(STATUS_WORDS);
      this.#validity.set(number, reader.time(), reader.time());
      this.#count += 1;
    }
  }

  /** The last id that came, or `null`. */
  lastId(): Uint8Array | null {
    return this.#count === 0 ? null : this.#ids.slice(16 * (this.#count - 1), 16 * this.#count);
  }

  /** Everything that came. Nothing may be pushed after it. */
  columns(): BeliefColumns {
    const count = this.#count;
    return {
      count,
      ids: new Uint8Array(this.#ids.buffer.transfer(16 * count)),
      confidence: new Float32Array(this.#confidence.buffer.transfer(4 * count)),
      status: new Uint8Array(this.#status.buffer.transfer(count)),
      validity: this.#validity.columns(count),
    };
  }

  #reserve(count: number): void {
    if (count <= this.#status.length) return;
    const capacity = capacityFor(count);
    this.#ids = new Uint8Array(this.#ids.buffer.transfer(16 * capacity));
    this.#confidence = new Float32Array(this.#confidence.buffer.transfer(4 * capacity));
    this.#status = new Uint8Array(this.#status.buffer.transfer(capacity));
  }
}

/** Columns of edges as they came; room for more may follow them. */
export interface RawEdges {
  readonly count: number;
  readonly ids: Uint8Array;
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly type: Uint8Array;
  readonly weight: Float32Array;
  readonly validity: Validity | null;
  readonly orphans: number;
}

/** Rows of `id, source_id, target_id, type, weight, valid_from, valid_until`. */
export class EdgeRows {
  readonly #beliefs: IdNumbers;
  readonly #validity = new ValidityColumns();
  readonly #lastId = new Uint8Array(16);
  #ids = new Uint8Array(16 * CAPACITY_FIRST);
  #source = new Int32Array(CAPACITY_FIRST);
  #target = new Int32Array(CAPACITY_FIRST);
  #type = new Uint8Array(CAPACITY_FIRST);
  #weight = new Float32Array(CAPACITY_FIRST);
  #count = 0;
  #orphans = 0;

  constructor(beliefs: IdNumbers) {
    this.#beliefs = beliefs;
  }

  /** Rows that came, those that were left out among them. */
  get count(): number {
    return this.#count + this.#orphans;
  }

  /** @throws `format/malformed` */
  push(tuples: Tuples): void {
    this.#reserve(this.#count + tuples.count);
    const reader = new FieldReader(tuples.bytes);
    for (let left = tuples.count; left > 0; left -= 1) {
      const number = this.#count;
      reader.tuple(7);
      reader.copy(16, this.#ids, 16 * number);
      const source = reader.number(this.#beliefs);
      const target = reader.number(this.#beliefs);
      this.#source[number] = source;
      this.#target[number] = target;
      this.#type[number] = reader.word(TYPE_WORDS);
      this.#weight[number] = reader.float32();
      if (left === 1) this.#lastId.set(this.#ids.subarray(16 * number, 16 * number + 16));
      const [from, until] = [reader.time(), reader.time()];
      if (source === -1 || target === -1) {
        this.#orphans += 1;
        continue;
      }
      this.#validity.set(number, from, until);
      this.#count += 1;
    }
  }

  /** The last id that came, or `null`. */
  lastId(): Uint8Array | null {
    return this.count === 0 ? null : this.#lastId;
  }

  /** Everything that came. Nothing may be pushed after it. */
  columns(): RawEdges {
    return {
      count: this.#count,
      ids: this.#ids,
      source: this.#source,
      target: this.#target,
      type: this.#type,
      weight: this.#weight,
      validity: this.#validity.columns(this.#count),
      orphans: this.#orphans,
    };
  }

  #reserve(count: number): void {
    if (count <= this.#type.length) return;
    const capacity = capacityFor(count);
    this.#ids = new Uint8Array(this.#ids.buffer.transfer(16 * capacity));
    this.#source = new Int32Array(this.#source.buffer.transfer(4 * capacity));
    this.#target = new Int32Array(this.#target.buffer.transfer(4 * capacity));
    this.#type = new Uint8Array(this.#type.buffer.transfer(capacity));
    this.#weight = new Float32Array(this.#weight.buffer.transfer(4 * capacity));
  }
}

/** Takes no memory until a row has a validity. */
class ValidityColumns {
  #from: BigInt64Array<ArrayBuffer> | null = null;
  #until: BigInt64Array<ArrayBuffer> | null = null;

  /** Rows come in the order of their numbers; `null`: open. */
  set(number: number, from: bigint | null, until: bigint | null): void {
    if (this.#from === null && from === null && until === null) return;
    this.#from = held(this.#from, number, SINCE_EVER);
    this.#until = held(this.#until, number, FOR_EVER);
    this.#from[number] = from ?? SINCE_EVER;
    this.#until[number] = until ?? FOR_EVER;
  }

  columns(count: number): Validity | null {
    if (this.#from === null || this.#until === null || count === 0) return null;
    return {
      from: held(this.#from, count - 1, SINCE_EVER).slice(0, count),
      until: held(this.#until, count - 1, FOR_EVER).slice(0, count),
    };
  }
}

/** With room for this number; what is new is `open`. */
function held(column: BigInt64Array<ArrayBuffer> | null, number: number, open: bigint): BigInt64Array<ArrayBuffer> {
  if (column !== null && number < column.length) return column;
  const grown = new BigInt64Array(capacityFor(number + 1));
  if (column !== null) grown.set(column);
  return grown.fill(open, column?.length ?? 0);
}

const CAPACITY_FIRST = 1024;

function capacityFor(count: number): number {
  return Math.max(CAPACITY_FIRST, 2 ** Math.ceil(Math.log2(count)));
}

/** The words of a closed set by their length and first letter, which no two of the sets here share. */
type Words = ReadonlyMap<number, number>;

const wordsOf = (words: readonly string[]): Words =>
  new Map(words.map((word, place) => [wordKey(word.length, word.charCodeAt(0)), place]));
const wordKey = (length: number, first: number): number => length * 256 + first;
const STATUS_WORDS = wordsOf(BELIEF_STATUSES);
const TYPE_WORDS = wordsOf(EDGE_TYPES);

/** Reads the fields of whole tuples one after another. @throws `format/malformed` */
class FieldReader {
  readonly #bytes: Buffer;
  readonly #data: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = view(bytes);
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  tuple(fields: number): void {
    if (this.#data.getInt16(this.#at) !== fields) throw malformed();
    this.#at += 2;
  }

  copy(length: number, to: Uint8Array, at: number): void {
    const from = this.#field(length);
    for (let index = 0; index < length; index += 1) to[at + index] = this.#bytes[from + index]!;
  }

  number(ids: IdNumbers): number {
    return ids.find(this.#data, this.#field(16));
  }

  float32(): number {
    return this.#data.getFloat32(this.#field(4));
  }

  /** Microseconds since 2000, or `null`. */
  time(): bigint | null {
    if (this.#data.getInt32(this.#at) === -1) {
      this.#at += 4;
      return null;
    }
    return this.#data.getBigInt64(this.#field(8));
  }

  /** The place of a word in its set. */
  word(words: Words): number {
    const length = this.#data.getInt32(this.#at);
    const place = words.get(wordKey(length, this.#data.getUint8(this.#field(length))));
    if (place === undefined) throw malformed();
    return place;
  }

  /** Steps over a field of this length and gives where it begins. */
  #field(length: number): number {
    if (this.#data.getInt32(this.#at) !== length) throw malformed();
    const from = this.#at + 4;
    this.#at = from + length;
    return from;
  }
}

function malformed(): ValenceError {
  return new ValenceError('format/malformed', 'a row of the graph is not as it was asked for');
}
