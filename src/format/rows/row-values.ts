import { ByteReader, fromUtf8 } from '../../core/bytes.ts';
import { ValenceError } from '../../core/errors.ts';
import { uuidText } from '../../core/ids.ts';
import type { TreeLayout } from '../tables.ts';
import { columnType } from './column-types.ts';
import type { ColumnType } from './column-types.ts';
import { timestampText } from './timestamp-text.ts';

/** What the fields of a row say, as values of JavaScript. FORMAT.md §5.1. */

/**
 * A value by the type of its column: `uuid` text in lower case; `text` a string; `int4` a number; `real` the number with the
 * fewest digits that is this float32; `timestamptz` as `timestampText` writes it; `jsonb` what the given parser makes of its
 * text; `text[]` strings; `vector` a Float32Array; SQL NULL `null`.
 */
export type ColumnValue = unknown;

/** Reads the text of a `jsonb`; `JSON.parse` loses digits that a number of JavaScript cannot hold. */
export type JsonParser = (text: string) => unknown;

const TEXT_OID = 25;
const JSONB_VERSION = 1;
/** Nine decimal digits tell any two numbers of single precision apart (IEEE 754-2019 §5.12.2). */
const REAL_DIGITS_MAX = 9;

/**
 * The columns of one row by name, in the order of the layout; `fields` are the bytes of each, null for SQL NULL.
 * @throws `format/malformed`
 */
export function rowValues(
  layout: TreeLayout,
  fields: readonly (Uint8Array | null)[],
  parseJson: JsonParser = JSON.parse,
): Record<string, ColumnValue> {
  if (fields.length !== layout.columns.length) {
    throw malformed(layout, `${fields.length} fields instead of ${layout.columns.length}`);
  }
  return Object.fromEntries(
    layout.columns.map((column, i) => [column, columnValue(layout, column, fields[i]!, parseJson)]),
  );
}

/** One column of a row. @throws `format/malformed` */
export function columnValue(
  layout: TreeLayout,
  column: string,
  field: Uint8Array | null,
  parseJson: JsonParser = JSON.parse,
): ColumnValue {
  if (field === null) return null;
  const reader = new ByteReader(field, `${column} of ${layout.name}`);
  const value = READERS[columnType(layout, column)](reader, parseJson);
  reader.end();
  return value;
}

/** The number with the fewest decimal digits that is `value` in single precision. `value` itself if it is of another. */
export function shortestReal(value: number): number {
  for (let digits = 1; digits <= REAL_DIGITS_MAX; digits += 1) {
    const candidate = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(candidate), value)) return candidate;
  }
  return value;
}

const READERS: Readonly<Record<ColumnType, (reader: ByteReader, parseJson: JsonParser) => ColumnValue>> = {
  uuid: (reader) => uuidText(reader.bytes(16)),
  text: (reader) => fromUtf8(reader.bytes(reader.remaining)),
  int4: (reader) => reader.u32() | 0,
  real: (reader) => shortestReal(readReal(reader)),
  timestamptz: (reader) => timestampText(BigInt.asIntN(64, (BigInt(reader.u32()) << 32n) | BigInt(reader.u32()))),
  jsonb: readJson,
  'text[]': readTextArray,
  vector: readVector,
};

function readReal(reader: ByteReader): number {
  const bytes = reader.bytes(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0);
}

function readJson(reader: ByteReader, parseJson: JsonParser): unknown {
  if (reader.u8() !== JSONB_VERSION) reader.fail('unknown version of jsonb');
  const text = fromUtf8(reader.bytes(reader.remaining));
  try {
    return parseJson(text);
  } catch {
    return reader.fail('not JSON');
  }
}

function readTextArray(reader: ByteReader): string[] {
  const dimensions = reader.u32();
  if (dimensions > 1 || reader.u32() !== 0 || reader.u32() !== TEXT_OID) reader.fail('not a list of texts');
  if (dimensions === 0) return [];
  const count = reader.u32();
  if (reader.u32() !== 1) reader.fail('a list that does not begin at 1');
  const items: string[] = [];
  for (let i = 0; i < count; i += 1) items.push(fromUtf8(reader.sized(reader.remaining)));
  return items;
}

function readVector(reader: ByteReader): Float32Array {
  const dimensions = reader.u16();
  if (reader.u16() !== 0) reader.fail('not a vector');
  return Float32Array.from({ length: dimensions }, () => readReal(reader));
}

function malformed(layout: TreeLayout, reason: string): ValenceError {
  return new ValenceError('format/malformed', `malformed row of ${layout.name}: ${reason}`);
}
