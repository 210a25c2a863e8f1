import { toHex } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';

/** Values in the text of a query, for COPY, which takes no parameters. Connections have `standard_conforming_strings` on. */

export function textLiteral(text: string): string {
  invariant(!text.includes('\0'), 'text in a database has no zero character');
  return `'${text.replaceAll("'", "''")}'`;
}

export function uuidLiteral(id: string): string {
  invariant(isUuid(id), 'a UUID is expected');
  return `'${id}'::uuid`;
}

export function bytesLiteral(bytes: Uint8Array): string {
  return `'\\x${toHex(bytes)}'::bytea`;
}
