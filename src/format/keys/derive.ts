import { hkdfSync } from 'node:crypto';
import { utf8 } from '../../core/bytes.ts';

/** The salt of every HKDF and the first part of every info and domain tag (FORMAT.md §3.2). */
export const PROTOCOL = 'valence/v1';

/**
 * Every HKDF label of the format, one purpose each. None is a prefix of another, so that label ‖ context cannot be read
 * in two ways; a label once released is never reused.
 */
export const LABELS = {
  /** Master seed → 32-byte seed of the owner's X-Wing key. No context. */
  ownerXWing: 'owner x-wing',
  /** Master seed → 32-byte Ed25519 seed of the owner. No context. */
  ownerEd25519: 'owner ed25519',
  /** Master seed → 32-byte ML-DSA-65 seed of the owner. No context. */
  ownerMlDsa65: 'owner ml-dsa-65',
  /** Mask key → AES-256-CTR key of one stored shard. Context: stripe id ‖ index u8 ‖ holder id ‖ epoch u32. */
  shardMask: 'shard mask',
  /** Index key → AES-256-GCM key of one index segment's body. Context: its 32-byte salt. */
  indexSegment: 'index segment',
  /** Index key → AES-256-GCM key of one repair record's body. Context: its 32-byte salt. */
  repair: 'repair',
  /** Index key → AES-256-GCM key of one snapshot's summary. Context: its 32-byte salt. */
  snapshotSummary: 'snapshot summary',
} as const;

/** One of `LABELS`. */
export type Label = (typeof LABELS)[keyof typeof LABELS];

/**
 * HKDF-SHA256 (RFC 5869) of `secret` with salt = "valence/v1" and info = "valence/v1 " + label ‖ context. `length` is
 * in bytes, at most 8160.
 */
export function derive(secret: Uint8Array, label: Label, length: number, context?: Uint8Array): Uint8Array {
  const info = Buffer.concat([utf8(`${PROTOCOL} ${label}`), context ?? new Uint8Array()]);
  return new Uint8Array(hkdfSync('sha256', secret, utf8(PROTOCOL), info, length));
}

/** The tag that separates one use of a hash, signature or AAD from all others: "valence/v1 " + purpose ‖ 0x00. */
export function domainTag(purpose: string): Uint8Array {
  return utf8(`${PROTOCOL} ${purpose}\0`);
}
