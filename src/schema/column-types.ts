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

const UTC_TIMESTAMP = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)\+00$/;

/** Postgres' output under `timezone = UTC`, `datestyle = ISO`, as ISO 8601; unchanged for years of other than four digits. */
export function isoTimestamp(text: string): string {
  return text.replace(UTC_TIMESTAMP, '$1T$2Z');
}

function parseInt8(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

function asIs(text: string): string {
  return text;
}
