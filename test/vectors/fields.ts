import { utf8 } from '../../src/core/bytes.ts';
import type { VerifyingKey } from '../../src/format/keys/signature.ts';
import type { Given } from './vector.ts';

/** Takes what a vector gives and returns, or resolves to, what it should give. */
export type Operation = (given: Fields) => unknown;

/** Reads what a vector gives, and says which field is wrong when one is. */
export class Fields {
  readonly #given: Given;

  constructor(given: unknown) {
    if (typeof given !== 'object' || given === null) throw new Error('a vector gives no object');
    this.#given = given as Given;
  }

  bytes(name: string): Uint8Array {
    const value = this.text(name);
    if (!/^([0-9a-f]{2})*$/.test(value)) throw new Error(`${name} is not hexadecimal`);
    return Buffer.from(value, 'hex');
  }

  text(name: string): string {
    const value = this.#given[name];
    if (typeof value !== 'string') throw new Error(`${name} is not text`);
    return value;
  }

  utf8(name: string): Uint8Array {
    return utf8(this.text(name));
  }

  number(name: string): number {
    const value = this.#given[name];
    if (typeof value !== 'number') throw new Error(`${name} is not a number`);
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.#given[name];
    if (!Array.isArray(value)) throw new Error(`${name} is not a list`);
    return value as readonly unknown[];
  }

  numbers(name: string): readonly number[] {
    return this.list(name).map(Number);
  }

  /** Null where the list says null. */
  bytesOrNulls(name: string): readonly (Uint8Array | null)[] {
    return this.list(name).map((value) => (typeof value === 'string' ? Buffer.from(value, 'hex') : null));
  }

  objects(name: string): readonly Fields[] {
    return this.list(name).map((value) => new Fields(value));
  }

  /** 32 bytes for Ed25519, then 1952 for ML-DSA-65. */
  verifyingKey(): VerifyingKey {
    const bytes = this.bytes('verifyingKey');
    return { ed25519: bytes.subarray(0, 32), mlDsa65: bytes.subarray(32) };
  }
}
