import { isUuid } from '../../core/ids.ts';
import { nearest } from '../../core/nearest.ts';
import { parseTimestamp } from '../records/timestamp.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

// An odd number of backslashes before u0000 or a lone surrogate, as JSON.stringify writes them; jsonb takes neither.
const UNSTORABLE_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

export interface RealRange {
  readonly min: number;
  readonly max: number;
}

export const UNIT_RANGE: RealRange = { min: 0, max: 1 };
const REAL_MAX = 3.4028234663852886e38;

/**
 * Reads the fields of one JSON object with the types and bounds of our tables. A field that is absent or `null` gives `null`; a
 * wrong one gives `null` too and adds a reason to `problems`.
 */
export class FieldReader {
  readonly problems: string[];
  readonly #fields: JsonObject;
  readonly #exact: () => JsonObject;
  readonly #prefix: string;

  /** `exact` gives the same object parsed by `parseExactly`; it is asked only for fields that go into jsonb columns. */
  constructor(fields: JsonObject, exact: () => JsonObject, problems: string[] = [], prefix = '') {
    this.#fields = fields;
    this.#exact = exact;
    this.problems = problems;
    this.#prefix = prefix;
  }

  has(name: string): boolean {
    return (this.#fields[name] ?? null) !== null;
  }

  refuse(name: string, reason: string): null {
    this.problems.push(`${this.#prefix}${name} ${reason}`);
    return null;
  }

  /** Adds a problem for each field that is not among `known`, naming the nearest. */
  only(known: readonly string[]): void {
    for (const name of Object.keys(this.#fields)) {
      if (known.includes(name)) continue;
      const guess = nearest(name, known);
      const shown = JSON.stringify(name.slice(0, 64));
      this.problems.push(`unknown field ${this.#prefix}${shown}${guess === null ? '' : `; did you mean "${guess}"?`}`);
    }
  }

  required<T>(name: string, value: T | null): T | null {
    return value === null && !this.has(name) ? this.refuse(name, 'is missing') : value;
  }

  /** Lower case. */
  uuid(name: string): string | null {
    const value = this.#value(name);
    if (value === null) return null;
    if (typeof value !== 'string' || !isUuid(value)) return this.refuse(name, 'is not a UUID');
    return value.toLowerCase();
  }

  text(name: string, bytesMax: number): string | null {
    const value = this.#value(name);
    if (value === null) return null;
    if (typeof value !== 'string') return this.refuse(name, 'is not a text');
    return this.#storable(name, value, bytesMax);
  }

  /** Like `text`, but not empty. */
  filledText(name: string, bytesMax: number): string | null {
    return this.#value(name) === '' ? this.refuse(name, 'is empty') : this.text(name, bytesMax);
  }

  /** A list of texts, none of them empty. */
  texts(name: string, bytesMax: number): readonly string[] | null {
    const value = this.#value(name);
    if (value === null) return null;
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
      return this.refuse(name, 'is not a list of texts');
    }
    if (value.includes('')) return this.refuse(name, 'has an empty text');
    return value.every((item) => this.#storable(name, item, bytesMax) !== null) ? value : null;
  }

  oneOf(name: string, choices: readonly string[]): string | null {
    const value = this.#value(name);
    if (value === null) return null;
    if (typeof value === 'string' && choices.includes(value)) return value;
    const guess = typeof value === 'string' ? nearest(value, choices) : null;
    return this.refuse(name, `is none of ${choices.join(', ')}${guess === null ? '' : `; did you mean "${guess}"?`}`);
  }

  real(name: string, range: RealRange): number | null {
    const value = this.#value(name);
    if (value === null) return null;
    if (typeof value !== 'number' || !(value >= range.min && value <= range.max)) {
      return this.refuse(name, `is not a number from ${range.min} to ${range.max}`);
    }
    return value;
  }

  integer(name: string, min: number, max: number): number | null {
    const value = this.#value(name);
    if (value === null) return null;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      return this.refuse(name, `is not a whole number from ${min} to ${max}`);
    }
    return value;
  }

  /** Microseconds since 2000. */
  timestamp(name: string): bigint | null {
    const value = this.#value(name);
    if (value === null) return null;
    const micros = typeof value === 'string' ? parseTimestamp(value) : null;
    return micros ?? this.refuse(name, 'is not an ISO 8601 time with an offset, such as 2026-01-31T12:00:00Z');
  }

  /** JSON text of an object, its numbers as they were written. */
  jsonText(name: string): string | null {
    if (this.#value(name) === null) return null;
    const value = this.object(name);
    if (value === null) return null;
    if (someNumber(value, (number) => !Number.isFinite(number)))
      return this.refuse(name, 'has a number too large to be read');
    const text = JSON.stringify(someNumber(value, () => true) ? this.#exact()[name] : value);
    return UNSTORABLE_ESCAPE.test(text)
      ? this.refuse(name, 'has a character that cannot be stored: NUL or half of a pair')
      : text;
  }

  object(name: string): JsonObject | null {
    const value = this.#value(name);
    if (value === null) return null;
    return isJsonObject(value) ? value : this.refuse(name, 'is not an object');
  }

  /** A reader for each member: of a list, or of the one object that stands for a list of one. */
  members(name: string): readonly FieldReader[] {
    const value = this.#value(name);
    if (value === null) return [];
    if (isJsonObject(value)) return [this.#child(value, name, () => this.#exact()[name] as JsonObject)];
    if (!Array.isArray(value) || !value.every(isJsonObject)) {
      this.refuse(name, 'is not an object or a list of objects');
      return [];
    }
    return value.map((item, index) =>
      this.#child(item, `${name}[${index}]`, () => (this.#exact()[name] as readonly JsonObject[])[index]!),
    );
  }

  vector(name: string, value: unknown = this.#value(name)): readonly number[] | null {
    if (value === null) return null;
    if (!Array.isArray(value) || value.length === 0) return this.refuse(name, 'is not a list of numbers');
    const fits = value.every((item) => typeof item === 'number' && Math.abs(item) <= REAL_MAX);
    return fits ? (value as number[]) : this.refuse(name, 'has a member that is not a number of single precision');
  }

  #value(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? null) : null;
  }

  #child(fields: JsonObject, name: string, exact: () => JsonObject): FieldReader {
    return new FieldReader(fields, exact, this.problems, `${this.#prefix}${name}.`);
  }

  #storable(name: string, text: string, bytesMax: number): string | null {
    if (text.includes('\0') || !text.isWellFormed())
      return this.refuse(name, 'has a character that cannot be stored: NUL or half of a pair');
    if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax)
      return this.refuse(name, `is longer than ${bytesMax} bytes`);
    return text;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function someNumber(value: unknown, test: (number: number) => boolean): boolean {
  if (typeof value === 'number') return test(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((member) => someNumber(member, test));
}
