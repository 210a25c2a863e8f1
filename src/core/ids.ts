import { createHash } from 'node:crypto';
import { toHex, utf8, view } from './bytes.ts';
import type { Clock } from './clock.ts';
import { ValenceError } from './errors.ts';
import type { Random } from './random.ts';

const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The namespace of every UUIDv5 that Valence derives (docs/import-format.md). */
export const VALENCE_NAMESPACE = '7b1d3c1e-6f0a-5c3e-9a52-0f6d2f6e7a11';

export function isUuid(text: string): boolean {
  return UUID_PATTERN.test(text);
}

/** The 16 bytes of a UUID. @throws `format/malformed` */
export function uuidBytes(text: string): Uint8Array {
  if (!isUuid(text)) throw new ValenceError('format/malformed', `not a UUID: ${text.slice(0, 64)}`);
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}

export function uuidText(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** RFC 9562 §5.7: 48 bits of milliseconds, then random bits. */
export function uuidV7(clock: Clock, random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes.writeUIntBE(clock.now(), 0, 6);
  return stampVersion(bytes, 7);
}

/** RFC 9562 §5.5: the first 16 bytes of SHA-1(namespace ‖ name), stamped. */
export function uuidV5(name: string, namespace: string = VALENCE_NAMESPACE): string {
  const hash = createHash('sha1').update(uuidBytes(namespace)).update(utf8(name)).digest();
  return stampVersion(hash.subarray(0, 16), 5);
}

function stampVersion(bytes: Buffer, version: number): string {
  const stamped = view(bytes);
  stamped[6] = (stamped[6]! & 0x0f) | (version << 4);
  stamped[8] = (stamped[8]! & 0x3f) | 0x80;
  return uuidText(stamped);
}
