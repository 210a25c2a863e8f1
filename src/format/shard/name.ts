import { hash } from 'node:crypto';
import { toHex } from '../../core/bytes.ts';

/** SHA-256, the one digest of the format. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}

/** Where the shard with this digest lies on a backend. FORMAT.md §2.3. */
export function shardObjectName(digest: Uint8Array): string {
  const hex = toHex(digest);
  return `shards/${hex.slice(0, 2)}/${hex}`;
}
