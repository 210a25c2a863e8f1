import { view } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';

/** Postgres' binary COPY between the catalog and its tables (PostgreSQL manual, COPY, "Binary Format"). */

const HEADER: Buffer = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const TRAILER: Buffer = Buffer.from([0xff, 0xff]);
const TRAILER_COUNT = 0xffff;

/** One complete stream of these tuples. */
export async function* copyOf(tuples: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield HEADER;
  yield tuples;
  yield TRAILER;
}

/** The fields of a row without their lengths; views of the stream's memory. */
export type Row = readonly Buffer[];

/**
 * The rows of one COPY stream, those that came together at a time. Every row has this many fields, none of them NULL.
 * @throws `format/malformed`
 */
export async function* copyRows(
  stream: AsyncIterable<Uint8Array>,
  fields: number,
): AsyncGenerator<readonly Row[], void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let state: 'header' | 'rows' | 'ended' = 'header';
  for await (const piece of stream) {
    if (state === 'ended') throw malformed('it goes on after its end');
    rest = rest.length === 0 ? view(piece) : Buffer.concat([rest, piece]);
    if (state === 'header') {
      if (rest.length < HEADER.length) continue;
      if (!rest.subarray(0, HEADER.length).equals(HEADER)) throw malformed('its header is not known');
      rest = rest.subarray(HEADER.length);
      state = 'rows';
    }
    const { rows, end, ended } = splitRows(rest, fields);
    if (rows.length > 0) yield rows;
    rest = rest.subarray(end);
    if (ended) state = 'ended';
  }
  if (state !== 'ended' || rest.length > 0) throw malformed('it does not end where it should');
}

interface SplitRows {
  readonly rows: readonly Row[];
  /** Where the last whole row, or the trailer, ends. */
  readonly end: number;
  readonly ended: boolean;
}

function splitRows(bytes: Buffer, fields: number): SplitRows {
  const rows: Row[] = [];
  let end = 0;
  while (bytes.length - end >= 2) {
    const count = bytes.readUInt16BE(end);
    if (count === TRAILER_COUNT) return { rows, end: end + 2, ended: true };
    if (count !== fields) throw malformed(`a row has ${count} fields, ${fields} expected`);
    const split = splitFields(bytes, end + 2, fields);
    if (split === null) break;
    rows.push(split.row);
    end = split.end;
  }
  return { rows, end, ended: false };
}

function splitFields(bytes: Buffer, start: number, fields: number): { row: Row; end: number } | null {
  const row: Buffer[] = [];
  let at = start;
  while (row.length < fields) {
    if (bytes.length - at < 4) return null;
    const length = bytes.readInt32BE(at);
    if (length < 0) throw malformed('a field is NULL');
    at += 4 + length;
    if (at > bytes.length) return null;
    row.push(bytes.subarray(at - length, at));
  }
  return { row, end: at };
}

function malformed(reason: string): ValenceError {
  return new ValenceError('format/malformed', `not the binary COPY stream expected: ${reason}`);
}
