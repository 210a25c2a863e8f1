import { view } from '../core/bytes.ts';
import { copyTuples } from '../core/copy-stream.ts';
import { ValenceError } from '../core/errors.ts';

/** Rows that the catalog reads from its tables in binary COPY. */

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
  for await (const { bytes, count } of copyTuples(stream)) {
    const tuples = view(bytes);
    const rows: Row[] = [];
    for (let at = 0; rows.length < count;) {
      const { row, end } = splitTuple(tuples, at, fields);
      rows.push(row);
      at = end;
    }
    yield rows;
  }
}

function splitTuple(bytes: Buffer, start: number, fields: number): { row: Row; end: number } {
  const count = bytes.readUInt16BE(start);
  if (count !== fields) throw malformed(`a row has ${count} fields, ${fields} expected`);
  const row: Buffer[] = [];
  let at = start + 2;
  while (row.length < fields) {
    const length = bytes.readInt32BE(at);
    if (length < 0) throw malformed('a field is NULL');
    at += 4 + length;
    row.push(bytes.subarray(at - length, at));
  }
  return { row, end: at };
}

function malformed(reason: string): ValenceError {
  return new ValenceError('format/malformed', `not the binary COPY stream expected: ${reason}`);
}
