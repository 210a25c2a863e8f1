import { utf8 } from '../../src/core/bytes.ts';
import { uuidBytes } from '../../src/core/ids.ts';

/** Rows as PostgreSQL's binary COPY writes them, made by hand from FORMAT.md §5.1 and not by the program's encoder. */

/** One value of a row: its bytes, or null for SQL NULL. */
export type Value = Uint8Array | null;

export function uuid(id: string): Value {
  return uuidBytes(id);
}

export function text(value: string): Value {
  return utf8(value);
}

export function int4(value: number): Value {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function real(value: number): Value {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return bytes;
}

/** `iso` with an optional fraction of exactly six digits, in UTC. */
export function timestamptz(iso: string): Value {
  const [seconds, fraction] = iso.replace('Z', '').split('.');
  const bytes = Buffer.alloc(8);
  const sinceEpoch = BigInt(Date.parse(`${seconds}Z`) - Date.UTC(2000, 0, 1)) * 1000n;
  bytes.writeBigInt64BE(sinceEpoch + BigInt(fraction ?? '0'));
  return bytes;
}

/** `json` in the form in which PostgreSQL prints a jsonb. */
export function jsonb(json: string): Value {
  return Buffer.concat([Buffer.of(1), utf8(json)]);
}

export function textArray(...items: readonly string[]): Value {
  const words = items.length === 0 ? [0, 0, 25] : [1, 0, 25, items.length, 1];
  return Buffer.concat([...words.map((word) => int4(word)!), ...items.flatMap((item) => field(utf8(item)))]);
}

export function vector(...components: readonly number[]): Value {
  const head = Buffer.alloc(4);
  head.writeInt16BE(components.length);
  return Buffer.concat([head, ...components.map((component) => real(component)!)]);
}

export function tuple(...values: readonly Value[]): Uint8Array {
  const count = Buffer.alloc(2);
  count.writeInt16BE(values.length);
  return Buffer.concat([count, ...values.flatMap(field)]);
}

/** A whole COPY stream. */
export function copyStream(tuples: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  return Buffer.concat([header, ...tuples, Buffer.of(0xff, 0xff)]);
}

function field(value: Value): Uint8Array[] {
  return value === null ? [int4(-1)!] : [int4(value.length)!, value];
}
