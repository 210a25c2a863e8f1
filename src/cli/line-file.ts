import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { link, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { toHex } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import { isSystemError } from '../core/file-system.ts';
import { syncFolder, TEMPORARY_PREFIX, translated } from '../core/files.ts';
import { systemRandom } from '../core/random.ts';

/** Lines are gathered to about this much before they are written, so that a million lines are not a million writes. */
const WRITE_BYTES = 256 * 1024;

export interface LineFileOptions {
  readonly signal: AbortSignal;
  /** Refuse a regular file that is there, instead of replacing it. */
  readonly exclusive?: boolean | undefined;
}

/**
 * Writes lines to a file that is there whole or not at all; what is not a regular file (a pipe, /dev/stdout) is written to
 * directly. Resolves to the number of lines. @throws `backend/full`, `backend/unavailable`; `usage/invalid` if `exclusive`
 */
export async function writeLines(
  path: string,
  lines: AsyncIterable<string>,
  { signal, exclusive = false }: LineFileOptions,
): Promise<number> {
  if (exclusive) await refuseFile(path);
  return translated('write', path, async () => {
    const target = await realpath(path).catch(() => path);
    const existing = await stat(target).catch(() => null);
    if (existing !== null && !existing.isFile()) return pour(createWriteStream(target), lines, signal);
    const temporary = join(dirname(target), TEMPORARY_PREFIX + toHex(systemRandom.bytes(12)));
    try {
      const written = await pour(createWriteStream(temporary, { flags: 'wx', flush: true }), lines, signal);
      await (exclusive ? publish(temporary, target) : rename(temporary, target));
      await syncFolder(dirname(target));
      return written;
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

/**
 * That lines can go to this name: no regular file has it, no folder, and there is a folder for it.
 * @throws `usage/invalid`
 */
export async function requireNewFile(path: string): Promise<void> {
  await refuseFile(path);
  const existing = await stat(path).catch(() => null);
  if (existing?.isDirectory() === true) {
    throw new ValenceError('usage/invalid', `${path} is a folder`, { hint: 'name a file in it' });
  }
  const folder = dirname(path);
  const parent = await stat(folder).catch(() => null);
  if (parent?.isDirectory() === true) return;
  throw new ValenceError('usage/invalid', `there is no folder ${folder}`, { hint: 'make it first' });
}

/** @throws `usage/invalid` where a regular file has that name */
async function refuseFile(path: string): Promise<void> {
  const existing = await stat(path).catch(() => null);
  if (existing?.isFile() === true) throw isThere(path);
}

function isThere(path: string): ValenceError {
  return new ValenceError('usage/invalid', `${path} is there already`, { hint: 'name a file that is not' });
}

/** Nobody can have taken the name meanwhile; where there are no hard links, that is only looked at once more. */
async function publish(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) throw isThere(target);
    if (!isSystemError(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
    await refuseFile(target);
    await rename(temporary, target);
  }
}

async function pour(stream: Writable, lines: AsyncIterable<string>, signal: AbortSignal): Promise<number> {
  const done = finished(stream);
  // Heard when it is awaited below; until then a failure must not count as unhandled.
  done.catch(() => {});
  try {
    const written = await gather(lines, async (text) => {
      if (!stream.write(text)) await Promise.race([once(stream, 'drain', { signal }), done]);
    });
    stream.end();
    await done;
    return written;
  } finally {
    stream.destroy();
  }
}

async function gather(lines: AsyncIterable<string>, write: (text: string) => Promise<void>): Promise<number> {
  let written = 0;
  let held = '';
  for await (const line of lines) {
    held += `${line}\n`;
    written += 1;
    if (held.length < WRITE_BYTES) continue;
    await write(held);
    held = '';
  }
  if (held !== '') await write(held);
  return written;
}
