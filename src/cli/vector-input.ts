import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { ValenceError } from '../core/errors.ts';
import { translated } from '../core/files.ts';
import type { CliIo } from './io.ts';

/** 16,000 numbers, the longest vector there is, of 25 characters each take a tenth of this. */
const VECTOR_BYTES_MAX = 4 * 1024 * 1024;

/** The JSON array of numbers in a file, or with `-` on standard input. @throws `usage/invalid`, `backend/unavailable` */
export async function readVector(io: CliIo, file: string): Promise<readonly number[]> {
  const where = file === '-' ? 'standard input' : file;
  const text =
    file === '-'
      ? await readAll(io.stdin, where)
      : await translated('read', file, () => readAll(createReadStream(file), where));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw noVector(where, 'is not JSON');
  }
  if (!Array.isArray(value) || value.length === 0) throw noVector(where, 'is not an array of numbers');
  const wrong = value.findIndex((item) => typeof item !== 'number');
  if (wrong >= 0) throw noVector(where, `has something else than a number at place ${wrong + 1}`);
  return value as readonly number[];
}

async function readAll(stream: Readable, where: string): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of stream) {
    const bytes = Buffer.from(piece as Uint8Array | string);
    length += bytes.length;
    if (length > VECTOR_BYTES_MAX) throw noVector(where, 'is too large');
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function noVector(where: string, what: string): ValenceError {
  return new ValenceError('usage/invalid', `the vector (${where}) ${what}`, {
    hint: 'give a JSON array of numbers, such as [0.1, -0.25, 3]',
  });
}
