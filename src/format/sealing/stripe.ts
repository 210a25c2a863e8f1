import { createCipheriv } from 'node:crypto';
import { ByteWriter, view } from '../../core/bytes.ts';
import { invariant, ValenceError } from '../../core/errors.ts';
import { SHARD_BYTES_MAX } from '../../core/limits.ts';
import { erasureCodec } from '../erasure/codec.ts';
import { derive, LABELS } from '../keys/derive.ts';
import { padmeLength } from '../padme.ts';
import { commitShard } from '../shard/merkle.ts';
import type { ShardCommitment } from '../shard/merkle.ts';
import { sha256 } from '../shard/name.ts';

/** A pack as n shards, any k of which give it back, each masked for its holder. FORMAT.md §6.3 and §6.4. */

/** The only erasure code so far: systematic Reed-Solomon over GF(2^8). */
export const CODE_REED_SOLOMON = 1;

/** Of AES, and so of the counter that a mask is made with. */
const BLOCK_BYTES = 16;

/** Any `k` of `n` shards rebuild a stripe; plain copies are k = 1. */
export interface Profile {
  readonly k: number;
  readonly n: number;
}

/** What must be known of a stripe to decode it; its id is a digest of this. */
export interface StripeGeometry extends Profile {
  readonly code: number;
  /** Bytes of each shard. */
  readonly shardLength: number;
  /** Bytes of the pack before padding. */
  readonly packLength: number;
  /** SHA-256 of the pack with its padding. */
  readonly packDigest: Uint8Array;
}

/** What makes one mask: never the same for two holders, two shards or two epochs. */
export interface MaskContext {
  readonly stripeId: Uint8Array;
  readonly index: number;
  /** 16 bytes. */
  readonly holder: Uint8Array;
  /** Raised whenever a shard is placed anew. */
  readonly epoch: number;
}

/** A shard as a holder keeps it. */
export interface StoredShard extends ShardCommitment {
  readonly bytes: Uint8Array;
  readonly name: Uint8Array;
}

/** Largest pack of a profile. */
export function packCapacity(profile: Profile): number {
  return profile.k * SHARD_BYTES_MAX;
}

export function stripeId(geometry: StripeGeometry): Uint8Array {
  const { code, k, n, shardLength, packDigest } = geometry;
  return sha256(new ByteWriter(40).u8(code).u8(k).u8(n).u32(shardLength).bytes(packDigest).finish());
}

/** Memory of a coder that makes one stripe after another: touching fresh pages costs more than the arithmetic. */
export class StripeScratch {
  #padded: Buffer = Buffer.alloc(0);
  #parity: Buffer = Buffer.alloc(0);

  /** The pack with zeros after it. Valid until the next call. */
  pad(pack: Uint8Array, length: number): Buffer {
    if (this.#padded.length < length) this.#padded = Buffer.allocUnsafeSlow(length);
    const padded = this.#padded.subarray(0, length);
    padded.set(pack);
    padded.fill(0, pack.length);
    return padded;
  }

  /** Room for parity shards. Valid until the next call. */
  parity(length: number): Buffer {
    if (this.#parity.length < length) this.#parity = Buffer.allocUnsafeSlow(length);
    return this.#parity.subarray(0, length);
  }
}

/** Pads a pack with zeros and codes it. The shards are not masked yet, and lie in the scratch memory. */
export function encodeStripe(
  pack: Uint8Array,
  profile: Profile,
  scratch: StripeScratch = new StripeScratch(),
): { geometry: StripeGeometry; shards: Uint8Array[] } {
  invariant(
    pack.length > 0 && pack.length <= packCapacity(profile),
    `a pack of ${pack.length} bytes does not fit ${profile.k} shards`,
  );
  const { k, n } = profile;
  const shardLength = padmeLength(Math.ceil(pack.length / k));
  const padded = scratch.pad(pack, shardLength * k);
  const packDigest = sha256(padded);
  const geometry = { code: CODE_REED_SOLOMON, ...profile, shardLength, packLength: pack.length, packDigest };
  return { geometry, shards: erasureCodec(k, n).encode(padded, scratch.parity((n - k) * shardLength)) };
}

/**
 * The pack from any k unmasked shards (null where missing).
 * @throws `integrity/too-few-shards`, or `integrity/authentication-failed` when the shards do not belong together
 */
export function decodeStripe(geometry: StripeGeometry, shards: readonly (Uint8Array | null)[]): Uint8Array {
  const padded = erasureCodec(geometry.k, geometry.n).reconstruct(shards);
  if (Buffer.compare(sha256(padded), geometry.packDigest) !== 0) {
    throw new ValenceError(
      'integrity/authentication-failed',
      'the shards of a stripe decode to other bytes than were stored',
    );
  }
  return padded.subarray(0, geometry.packLength);
}

/** Masks a shard, or takes the mask off again. Gives new bytes. */
export function maskShard(maskKey: Uint8Array, context: MaskContext, bytes: Uint8Array): Uint8Array {
  return createCipheriv('aes-256-ctr', keyOfMask(maskKey, context), Buffer.alloc(BLOCK_BYTES)).update(view(bytes));
}

/** As `maskShard`, of the bytes of a shard from `offset` on: CTR is entered at their block. Gives new bytes. */
export function maskShardRange(
  maskKey: Uint8Array,
  context: MaskContext,
  offset: number,
  bytes: Uint8Array,
): Uint8Array {
  const counter = Buffer.alloc(BLOCK_BYTES);
  counter.writeUInt32BE(Math.floor(offset / BLOCK_BYTES), BLOCK_BYTES - 4);
  const cipher = createCipheriv('aes-256-ctr', keyOfMask(maskKey, context), counter);
  cipher.update(Buffer.alloc(offset % BLOCK_BYTES));
  return cipher.update(view(bytes));
}

function keyOfMask(maskKey: Uint8Array, context: MaskContext): Uint8Array {
  const info = new ByteWriter(64)
    .bytes(context.stripeId)
    .u8(context.index)
    .bytes(context.holder)
    .u32(context.epoch)
    .finish();
  return derive(maskKey, LABELS.shardMask, 32, info);
}

/** The shard as `context.holder` is to keep it, with its name and commitment. */
export function storeShard(maskKey: Uint8Array, context: MaskContext, shard: Uint8Array): StoredShard {
  const bytes = maskShard(maskKey, context, shard);
  return { bytes, name: sha256(bytes), ...commitShard(bytes) };
}
