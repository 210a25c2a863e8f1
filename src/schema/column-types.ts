/** How columns read in JavaScript, the same on both engines (the table is in tables.ts). */

export type ColumnParser = (text: string) => unknown;

const DATE = 1082;
const TIMESTAMP = 1114;
const TIMESTAMPTZ = 1184;

/** By the OID of the type; what is not here keeps the driver's own reading. */
export const COLUMN_PARSERS: ReadonlyMap<number, ColumnParser> = new Map<number, ColumnParser>([
  [20, parseInt8],
  [700, Number],
  [701, Number],
  [DATE, asIs],
  [TIMESTAMP, asIs],
  [TIMESTAMPTZ, isoTimestamp],
]);

const DASH = 45;
const BLANK = 32;

/** Postgres' output under `timezone = UTC`, `datestyle = ISO`, as ISO 8601; unchanged for years of other than four digits. */
export function isoTimestamp(text: string): string {
  // Beliefs are read by the ten thousand with two or more of them each; a regular expression takes half of the time.
  const fourDigits = text.charCodeAt(4) === DASH && text.charCodeAt(10) === BLANK && text.endsWith('+00');
  return fourDigits ? `${text.slice(0, 10)}T${text.slice(11, -3)}Z` : text;
}

function parseInt8(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

function asIs(text: string): string {
  return text;
}
