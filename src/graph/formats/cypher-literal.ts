/** A number with a decimal point or an exponent, so that it is a float whatever its value. */
export interface Float {
  readonly float: number;
}

export type CypherValue = string | number | Float | readonly string[] | null;

export function float(value: number): Float {
  return { float: value };
}

/** `{name: literal, …}`; what is `null` stands in it as such, so that an old value goes. Names must need no quoting. */
export function cypherMap(properties: Readonly<Record<string, CypherValue>>): string {
  return `{${Object.entries(properties)
    .map(([name, value]) => `${name}: ${literal(value)}`)
    .join(', ')}}`;
}

function literal(value: CypherValue): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return stringLiteral(value);
  if (typeof value === 'number') return String(value);
  if ('float' in value) return Number.isInteger(value.float) ? value.float.toFixed(1) : String(value.float);
  return `[${value.map(stringLiteral).join(', ')}]`;
}

/**
 * A string literal that nothing in the text can end. Neo4j replaces `\uXXXX` before it looks for quotes, so no quote is written
 * that way; a backslash is two, which it passes over as a pair. `$` is escaped for those who put the statement between AGE's `$$`.
 */
function stringLiteral(text: string): string {
  return `'${text.toWellFormed().replace(UNSAFE, (character) => ESCAPES[character] ?? unicodeEscape(character))}'`;
}

// Besides quote and backslash: `$`, control characters, and what ends a line for some.
// eslint-disable-next-line no-control-regex -- control characters are among what is escaped
const UNSAFE = /['\\$\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

const ESCAPES: Readonly<Record<string, string>> = { "'": "\\'", '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
