import { view } from './bytes.ts';
import { ValenceError } from './errors.ts';

/**
 * The streams in which rows travel: Postgres binary COPY (PostgreSQL manual, COPY, "Binary Format"; FORMAT.md §5.1). A
 * header of signature, flags and extension, tuples end to end, a trailer.
 */

/** Of a stream without extension, as Postgres and every writer of ours sends it. */
export const COPY_HEADER: Uint8Array = Buffer.from('PGCOPY\n\xff\r\n\0'.padEnd(19, '\0'), 'latin1');
export const COPY_TRAILER: Uint8Array = Buffer.from([0xff, 0xff]);

/** What the trailer is where the number of a tuple's fields would be. */
export const COPY_END = 0xffff;

const HEADER_BYTES = COPY_HEADER.length;

/** Whole tuples that lie end to end, without header and trailer. */
export interface Tuples {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** The tuples of any number of COPY streams end to end, in pieces of any size. @throws `format/malformed` */
export async function* copyTuples(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Tuples, void, undefined> {
  const splitter = new TupleSplitter();
  for await (const piece of stream) yield* splitter.push(piece);
  splitter.end();
}

class TupleSplitter {
  /** Bytes of an unfinished tuple or header, and how many of them it takes at least to go on. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #neededBytes = HEADER_BYTES;
  #inStream = false;

  *push(piece: Uint8Array): Generator<Tuples, void, undefined> {
    this.#pending.push(view(piece));
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes < this.#neededBytes) return;
    let rest = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    for (;;) {
      if (!this.#inStream && rest.length < HEADER_BYTES) return this.#keep(rest, HEADER_BYTES);
      if (!this.#inStream) rest = afterHeader(rest);
      const { end, count, ended, neededBytes } = scan(rest);
      if (count > 0) yield { bytes: rest.subarray(0, end), count };
      rest = rest.subarray(ended ? end + 2 : end);
      this.#inStream = !ended;
      if (!ended) return this.#keep(rest, neededBytes);
    }
  }

  end(): void {
    if (this.#inStream || this.#pendingBytes > 0) throw malformed('it ends in the middle');
  }

  #keep(rest: Buffer, neededBytes: number): void {
    this.#pending = rest.length > 0 ? [Buffer.from(rest)] : [];
    this.#pendingBytes = rest.length;
    this.#neededBytes = neededBytes;
  }
}

/**
 * The same rows as complete COPY streams, each of about `bytesMax` (one row may be longer): for an engine that takes a
 * stream into memory whole.
 */
export async function* copyPieces(
  stream: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<AsyncIterable<Uint8Array>, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const tuples of copyTuples(stream)) {
    held.push(tuples.bytes);
    heldBytes += tuples.bytes.length;
    if (heldBytes < bytesMax) continue;
    yield copyOf(held);
    held = [];
    heldBytes = 0;
  }
  if (heldBytes > 0) yield copyOf(held);
}

/** One complete COPY stream of these tuples, which may come in pieces of any size. */
export async function* copyOf(
  tuples: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield COPY_HEADER;
  yield* tuples;
  yield COPY_TRAILER;
}

function afterHeader(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, HEADER_BYTES).equals(COPY_HEADER)) throw malformed('its header is not known');
  return bytes.subarray(HEADER_BYTES);
}

interface Scanned {
  /** Where the last whole tuple ends. */
  readonly end: number;
  readonly count: number;
  /** The trailer stands at `end`. */
  readonly ended: boolean;
  /** At least so many bytes from `end` on are needed to go on. */
  readonly neededBytes: number;
}

function scan(bytes: Buffer): Scanned {
  let [end, count] = [0, 0];
  while (bytes.length - end >= 2) {
    const fields = bytes.readUInt16BE(end);
    if (fields === COPY_END) return { end, count, ended: true, neededBytes: HEADER_BYTES };
    let at = end + 2;
    for (let field = 0; field < fields; field += 1) {
      if (bytes.length - at < 4) return { end, count, ended: false, neededBytes: at + 4 - end };
      const length = bytes.readInt32BE(at);
      if (length < -1) throw malformed('a field has a negative length');
      at += 4 + Math.max(length, 0);
    }
    if (at > bytes.length) return { end, count, ended: false, neededBytes: at - end };
    end = at;
    count += 1;
  }
  return { end, count, ended: false, neededBytes: 2 };
}

function malformed(reason: string): ValenceError {
  return new ValenceError('format/malformed', `not a binary COPY stream: ${reason}`);
}
