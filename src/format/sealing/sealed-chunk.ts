import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { view } from '../../core/bytes.ts';
import { invariant, ValenceError } from '../../core/errors.ts';
import { CHUNK_BYTES_MAX } from '../../core/limits.ts';
import type { Random } from '../../core/random.ts';
import { sha256 } from '../shard/name.ts';
import type { Reference } from '../tree/chunk.ts';
import type { ChunkKind } from '../tree/content-id.ts';

/** A chunk as it is stored: compressed, then AES-256-GCM under a fresh key that only its parent keeps. FORMAT.md §6.1. */

const AAD = Buffer.from('valence/v1 chunk\0', 'latin1');
/** The key is used for one message, so the nonce can be constant. */
const NONCE = Buffer.alloc(12);
const TAG_BYTES = 16;
/** The least that node:zlib takes. */
const CHUNK_SIZE_MIN = 64;
const HEADER_BYTES = 5;
const RAW = 0;
const ZSTD = 1;
/** At these sizes level 1 packs as well as level 3 and costs a fifth less. */
const ZSTD_LEVEL = 1;
/** What zstd may add to bytes that do not shrink. */
const ZSTD_SLACK_BYTES = 512;

export interface SealedChunk extends Reference {
  readonly sealed: Uint8Array;
}

/** What compression does to a chunk: `try` it, or store it as it is because its like did not shrink. */
export type Compression = 'try' | 'none';

/**
 * Seals one chunk under a fresh random key, and opens it again before giving it out: a compressor's or cipher's fault is
 * caught while the original is still at hand.
 */
export function sealChunk(
  kind: ChunkKind,
  plaintext: Uint8Array,
  random: Random,
  compression: Compression = 'try',
): SealedChunk {
  invariant(plaintext.length <= CHUNK_BYTES_MAX, `a chunk of ${plaintext.length} bytes is too long`);
  const key = random.bytes(32);
  const compressed = compression === 'try' ? compress(plaintext) : plaintext;
  const shrunk = compressed.length < plaintext.length;
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = shrunk ? ZSTD : RAW;
  header.writeUInt32BE(plaintext.length, 1);
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), NONCE).setAAD(aad(kind));
  const sealed = Buffer.concat([
    cipher.update(header),
    cipher.update(shrunk ? compressed : plaintext),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  const chunk = { name: sha256(sealed), key, sealed };
  invariant(view(plaintext).equals(openChunk(kind, sealed, key)), 'a sealed chunk does not open to what was sealed');
  return chunk;
}

/**
 * Opens a sealed chunk. The caller has checked its name.
 * @throws `integrity/authentication-failed`, or `format/malformed` when what was sealed is not a chunk
 */
export function openChunk(kind: ChunkKind, sealed: Uint8Array, key: Uint8Array): Uint8Array {
  if (sealed.length < HEADER_BYTES + TAG_BYTES)
    throw new ValenceError('format/malformed', 'a sealed chunk is cut short');
  const payload = decrypt(kind, sealed, key);
  const length = payload.readUInt32BE(1);
  if (length > CHUNK_BYTES_MAX)
    throw new ValenceError('format/malformed', `a chunk of ${length} bytes is longer than any may be`);
  const plaintext = decompress(payload[0]!, payload.subarray(HEADER_BYTES), length);
  if (plaintext.length !== length)
    throw new ValenceError('format/malformed', 'a chunk does not have the length it states');
  return plaintext;
}

/** One output buffer of the right size, and a window no larger than the chunk: neither is made and thrown away. */
function compress(plaintext: Uint8Array): Uint8Array {
  const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL };
  return zstdCompressSync(plaintext, {
    params,
    pledgedSrcSize: plaintext.length,
    chunkSize: plaintext.length + ZSTD_SLACK_BYTES,
  });
}

function decrypt(kind: ChunkKind, sealed: Uint8Array, key: Uint8Array): Buffer {
  const bytes = view(sealed);
  const split = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), NONCE)
    .setAAD(aad(kind))
    .setAuthTag(bytes.subarray(split));
  const payload = decipher.update(bytes.subarray(0, split));
  try {
    decipher.final();
  } catch (cause) {
    throw new ValenceError('integrity/authentication-failed', 'a chunk does not open with the key its parent keeps', {
      cause,
    });
  }
  return payload;
}

function decompress(method: number, body: Buffer, length: number): Uint8Array {
  if (method === RAW) return body;
  if (method !== ZSTD) throw new ValenceError('format/malformed', `unknown compression method ${method}`);
  try {
    return zstdDecompressSync(body, {
      maxOutputLength: Math.max(length, 1),
      chunkSize: Math.max(length, CHUNK_SIZE_MIN),
    });
  } catch (cause) {
    throw new ValenceError('format/malformed', 'a chunk does not decompress', { cause });
  }
}

const AADS = new Map<ChunkKind, Buffer>();

function aad(kind: ChunkKind): Buffer {
  const known = AADS.get(kind);
  if (known !== undefined) return known;
  const bytes = Buffer.concat([AAD, Buffer.from([kind])]);
  AADS.set(kind, bytes);
  return bytes;
}
