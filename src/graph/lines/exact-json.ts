/**
 * JSON in which no digit is lost: `jsonb` keeps numbers as written (1.0, 12345678901234567890), JavaScript's numbers do not.
 */

// Part of ECMAScript since Node 22 (JSON.parse source text access), not yet of TypeScript's library.
interface SourceJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}
const sourceJson = JSON as unknown as SourceJson;

/** Finds every text with a number that JavaScript might print otherwise; may find others. */
const PERHAPS_INEXACT = /[0-9.][eE][+-]?[0-9]|[0-9]{16}|\.[0-9]*0(?![0-9])|\.[0-9]{6}|-0/;

/** Whether parsing this text as usual might change a number. */
export function mayLoseDigits(text: string): boolean {
  return PERHAPS_INEXACT.test(text);
}

/** Parses, keeping each number that would print otherwise as raw JSON, which only `JSON.stringify` can read. */
export function parseExactly(text: string): unknown {
  return sourceJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? sourceJson.rawJSON(source) : value,
  );
}
