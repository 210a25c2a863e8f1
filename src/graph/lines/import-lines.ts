import { view } from '../../core/bytes.ts';

/** Longest line of an import: a belief of 16 MiB whose every character is escaped as two. */
export const LINE_BYTES_MAX: number = 32 * 1024 * 1024;

const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export type ImportLine =
  | { readonly number: number; readonly text: string }
  | { readonly number: number; readonly text: null; readonly problem: string };

/**
 * Cuts UTF-8 into lines, counted from 1. Blank lines are counted and left out, a byte order mark at the start is dropped. A
 * line that is too long or not UTF-8 comes with its problem instead of its text. Holds at most one line in memory.
 */
export async function* importLines(
  stream: AsyncIterable<Uint8Array>,
  lineBytesMax: number = LINE_BYTES_MAX,
): AsyncGenerator<ImportLine, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let number = 0;
  let held: Buffer[] = [];
  let heldBytes = 0;

  function hold(bytes: Buffer): void {
    heldBytes += bytes.length;
    if (heldBytes > lineBytesMax + BYTE_ORDER_MARK.length) held = [];
    else held.push(bytes);
  }

  function finish(): ImportLine | null {
    number += 1;
    let bytes = held.length === 1 ? held[0]! : Buffer.concat(held);
    const tooLong = heldBytes > bytes.length;
    held = [];
    heldBytes = 0;
    if (number === 1 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK)) bytes = bytes.subarray(3);
    if (tooLong || bytes.length > lineBytesMax)
      return { number, text: null, problem: `longer than ${lineBytesMax} bytes` };
    try {
      const text = decoder.decode(bytes);
      return text.trim() === '' ? null : { number, text };
    } catch {
      return { number, text: null, problem: 'not valid UTF-8' };
    }
  }

  for await (const piece of stream) {
    let rest = view(piece);
    for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED)) {
      hold(rest.subarray(0, end));
      const line = finish();
      if (line !== null) yield line;
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) hold(rest);
  }
  if (heldBytes > 0) {
    const line = finish();
    if (line !== null) yield line;
  }
}
