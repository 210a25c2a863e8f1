import { ByteReader, ByteWriter } from '../core/bytes.ts';
import { padmeLength } from './padme.ts';

/** Plaintext with its size blurred: length u32 ‖ plaintext ‖ zeros, Padmé(4 + length) bytes in all. FORMAT.md §4.6. */

export function pad(plaintext: Uint8Array): Uint8Array {
  const padded = Buffer.alloc(padmeLength(4 + plaintext.length));
  padded.set(new ByteWriter(4).u32(plaintext.length).finish());
  padded.set(plaintext, 4);
  return padded;
}

/** Refuses any other padding than `pad` makes. @throws `format/malformed` naming `what` */
export function unpad(padded: Uint8Array, what: string): Uint8Array {
  const reader = new ByteReader(padded, what);
  const plaintext = reader.sized(padded.length);
  const filler = reader.bytes(reader.remaining);
  if (padded.length !== padmeLength(4 + plaintext.length) || filler.some((byte) => byte !== 0))
    reader.fail('wrong padding');
  return plaintext;
}
