import { createHash } from 'node:crypto';
import type { Random } from '../../src/core/random.ts';

/** The form of the files in test/vectors/format; FORMAT.md, appendix A, says how to read them. */

export type Given = Readonly<Record<string, unknown>>;

export interface Vector {
  readonly id: string;
  readonly op: string;
  readonly spec: string;
  /** `ok` or an error code. */
  readonly expect: string;
  readonly given: Given;
  readonly gives?: unknown;
}

export interface VectorFile {
  readonly about: string;
  readonly vectors: readonly Vector[];
}

/** At `offset` (from the end when negative) so many bytes give way to others, in hexadecimal. */
export type Splice = readonly [offset: number, removed: number, inserted: string];

/** Bytes that are those of the same field of an earlier vector, changed. */
export interface Spliced {
  readonly of: string;
  readonly splice: readonly Splice[];
}

/** The given values with every `Spliced` replaced by the hexadecimal bytes it stands for. */
export function resolveGiven(given: Given, earlier: ReadonlyMap<string, Given>): Given {
  const resolve = ([name, value]: readonly [string, unknown]): readonly [string, unknown] => {
    if (!isSpliced(value)) return [name, value];
    const original = earlier.get(value.of)?.[name];
    if (typeof original !== 'string') throw new Error(`vector ${value.of} has no bytes ${name}`);
    return [name, applySplices(Buffer.from(original, 'hex'), value.splice).toString('hex')];
  };
  return Object.fromEntries(Object.entries(given).map(resolve));
}

export function applySplices(original: Uint8Array, splices: readonly Splice[]): Buffer {
  let bytes = Buffer.from(original);
  for (const [offset, removed, inserted] of splices) {
    const at = offset < 0 ? bytes.length + offset : offset;
    bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(inserted, 'hex'), bytes.subarray(at + removed)]);
  }
  return bytes;
}

function isSpliced(value: unknown): value is Spliced {
  return typeof value === 'object' && value !== null && 'of' in value && 'splice' in value;
}

/** SHA-256 in counter mode over a name: the same bytes in every run. */
export function seededRandom(name: string): Random {
  let counter = 0;
  const block = (): Buffer =>
    createHash('sha256')
      .update(`${name} ${(counter += 1)}`)
      .digest();
  return {
    bytes: (length) => Buffer.concat(Array.from({ length: Math.ceil(length / 32) }, block)).subarray(0, length),
  };
}

/** `length` bytes of a pattern that anyone can make: byte i is the lowest byte of i × i + ⌊i / 251⌋. */
export function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * i + Math.floor(i / 251)) & 0xff);
}
