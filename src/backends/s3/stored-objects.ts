import type { CallOptions, GetOptions, ObjectInfo } from '../backend.ts';

/** What is being put, with its digest in the two ways it is needed. */
export interface PutBody {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly sha256: Buffer;
}

/** What the store has under the name of a body. */
export type Held = 'equal' | 'other' | 'absent';

/** Everything but `put`, once for a bucket as it is and once for one whose versions count. Names are checked already. */
export interface StoredObjects {
  get(name: string, options: GetOptions): Promise<Uint8Array>;
  stat(name: string, options: CallOptions): Promise<ObjectInfo | null>;
  list(prefix: string, options: CallOptions): AsyncIterable<ObjectInfo>;
  delete(name: string, options: CallOptions): Promise<void>;
  /** `checksums`: the store keeps SHA-256 checksums, so that nothing need be read. */
  holds(body: PutBody, checksums: boolean, options: CallOptions): Promise<Held>;
  readonly lock?: (name: string, until: number, options: CallOptions) => Promise<void>;
}

/**
 * Whether a name says which bytes it is for: it ends in their SHA-256, or in the first 16 hexadecimal digits of it after a
 * hyphen (FORMAT.md §2). For keys that may not read what they wrote.
 */
export function isNamedFor(name: string, sha256: Buffer): boolean {
  const hex = sha256.toString('hex');
  return name.endsWith(hex) || name.endsWith(`-${hex.slice(0, 16)}`);
}
