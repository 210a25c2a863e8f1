import { ValenceError } from '../../core/errors.ts';
import type { Handle, Session } from './session.ts';

/** Bodies in pieces, many on their way at once: a server a tenth of a second away would else give 300 KiB a second. */

/**
 * OpenSSH takes packets of 256 KiB, and larger pieces than these are not faster. For a server that takes 34,000 bytes, as
 * the protocol has it, ssh2 cuts each into four, one after the other.
 */
const PIECE_BYTES = 120 * 1024;
/** Some 2 MiB: as much as the server of OpenSSH lets be on its way unasked. */
const PIECES_AT_ONCE = 16;

/** Writes the whole body from the start of the file. An abort stops it between pieces. */
export async function writeBody(
  session: Session,
  handle: Handle,
  body: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  await inPieces(body.length, signal, (start, end) => session.write(handle, bytes.subarray(start, end), start));
}

/** `length` bytes from `position`. An abort stops it between pieces. */
export async function readBody(
  session: Session,
  handle: Handle,
  range: { readonly offset: number; readonly length: number },
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { offset, length } = range;
  const target = Buffer.allocUnsafeSlow(length);
  await inPieces(length, signal, async (start, end) => {
    for (let done = start; done < end;) {
      const count = await session.read(handle, target.subarray(done, end), offset + done);
      if (count === 0) throw new ValenceError('backend/unavailable', 'file became shorter while it was read');
      done += count;
    }
  });
  return target;
}

async function inPieces(
  length: number,
  signal: AbortSignal | undefined,
  move: (start: number, end: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < length) {
      const start = next;
      const end = Math.min(length, start + PIECE_BYTES);
      next = end;
      try {
        signal?.throwIfAborted();
        await move(start, end);
      } catch (error) {
        next = length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(PIECES_AT_ONCE, Math.ceil(length / PIECE_BYTES)) }, work));
}
