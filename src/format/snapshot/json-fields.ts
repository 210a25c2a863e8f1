import { fromHex, fromUtf8, utf8 } from '../../core/bytes.ts';
import { ValenceError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';

/** Reads the JSON parts of a manifest field by field, so that a wrong type is an error and never an `undefined` later. */

export type Json = Readonly<Record<string, unknown>>;

/** UTF-8 JSON without spaces, fields in the order given. */
export function encodeJson(value: Json): Uint8Array {
  return utf8(JSON.stringify(value));
}

/** Unknown fields are allowed (FORMAT.md §8.1): what a reader must understand is named in `requiredFeatures`. */
export class JsonFields {
  readonly #value: Json;
  readonly #what: string;

  constructor(value: unknown, what: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw malformed(what, 'an object is expected');
    this.#value = value as Json;
    this.#what = what;
  }

  static parse(bytes: Uint8Array, what: string): JsonFields {
    try {
      return new JsonFields(JSON.parse(fromUtf8(bytes)), what);
    } catch (cause) {
      if (cause instanceof ValenceError) throw cause;
      throw malformed(what, 'it is not JSON', cause);
    }
  }

  text(name: string): string {
    const value = this.#value[name];
    return typeof value === 'string' ? value : this.#fail(name);
  }

  uuid(name: string): string {
    const value = this.text(name);
    return isUuid(value) ? value : this.#fail(name);
  }

  /** An integer from 0 to 2^53 − 1. */
  count(name: string): number {
    const value = this.#value[name];
    return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : this.#fail(name);
  }

  flag(name: string): boolean {
    const value = this.#value[name];
    return typeof value === 'boolean' ? value : this.#fail(name);
  }

  /** 32 bytes as lower-case hexadecimal. */
  digest(name: string): Uint8Array {
    return fromHex(this.text(name), 32);
  }

  digestOrNull(name: string): Uint8Array | null {
    return this.#value[name] === null ? null : this.digest(name);
  }

  uuidOrNull(name: string): string | null {
    return this.#value[name] === null ? null : this.uuid(name);
  }

  texts(name: string): string[] {
    return this.#list(name).map((item) => (typeof item === 'string' ? item : this.#fail(name)));
  }

  objects(name: string): JsonFields[] {
    return this.#list(name).map((item) => new JsonFields(item, `${this.#what}, ${name}`));
  }

  object(name: string): JsonFields {
    return new JsonFields(this.#value[name], `${this.#what}, ${name}`);
  }

  /** An object whose values are counts. */
  counts(name: string): Record<string, number> {
    const fields = this.object(name);
    return Object.fromEntries(Object.keys(fields.#value).map((key) => [key, fields.count(key)]));
  }

  #list(name: string): readonly unknown[] {
    const value = this.#value[name];
    return Array.isArray(value) ? (value as readonly unknown[]) : this.#fail(name);
  }

  #fail(name: string): never {
    throw malformed(this.#what, `field "${name}" is missing or of a wrong type`);
  }
}

function malformed(what: string, reason: string, cause?: unknown): ValenceError {
  return new ValenceError('format/malformed', `malformed ${what}: ${reason}`, { cause });
}
