import { ValenceError } from '../core/errors.ts';
import { isInteractive } from './io.ts';
import type { CliIo } from './io.ts';
import { askSecret } from './prompt.ts';

/** A private key is a few KiB. */
const SECRET_BYTES_MAX = 64 * 1024;

/**
 * A secret from standard input, to its end and without the last line feed; asked for where a person sits there.
 * @throws `usage/invalid` where there is none, `cancelled` at the prompt
 */
export async function readSecret(io: CliIo, key: string): Promise<string> {
  const secret = isInteractive(io) ? await askSecret(io, `Secret for ${key}`) : await readAll(io, key);
  const trimmed = secret.replace(/\r?\n$/, '');
  if (trimmed !== '') return trimmed;
  throw new ValenceError('usage/invalid', `there is no secret for --${key} on standard input`, {
    hint: `pipe it in, or name it with --${key} env:NAME or file:PATH`,
  });
}

async function readAll(io: CliIo, key: string): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of io.stdin) {
    const bytes = Buffer.from(piece as Uint8Array | string);
    length += bytes.length;
    if (length > SECRET_BYTES_MAX) {
      throw new ValenceError('usage/invalid', `what comes on standard input is too large for --${key}`, {
        hint: 'pipe in the secret alone',
      });
    }
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString('utf8');
}
