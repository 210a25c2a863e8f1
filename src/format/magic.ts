import type { ByteReader } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';

/** The first line of every object of ours names format, version and kind in one string. FORMAT.md §1.3. */

const ANY_VERSION = /^valence\/v([0-9]+)[ \n]/;

/** Reads `valence/v1 <kind>\n`. @throws `format/newer` for another version, `format/malformed` for anything else */
export function expectMagic(reader: ByteReader, kind: string): void {
  const expected = magic(kind);
  const found = Buffer.from(reader.bytes(Math.min(expected.length, reader.remaining)));
  if (found.equals(expected)) return;
  const version = ANY_VERSION.exec(found.toString('latin1'))?.[1];
  if (version !== undefined && version !== '1') throw newerFormat(kind, Number(version));
  reader.fail('it does not begin as one');
}

export function magic(kind: string): Buffer {
  return Buffer.from(`valence/v1 ${kind}\n`, 'latin1');
}

export function newerFormat(what: string, version: number): ValenceError {
  return new ValenceError(
    'format/newer',
    `this ${what} is of format version ${version}, newer than this program knows`,
    {
      hint: 'upgrade valence and try again',
      context: { version },
    },
  );
}
