import { ValenceError } from '../../core/errors.ts';

/**
 * Content ids of IPFS as far as they are ours: SHA-256 of a raw block, or of a node of UnixFS (codec dag-pb).
 * https://github.com/multiformats/cid
 */
export interface Cid {
  readonly codec: typeof RAW | typeof DAG_PB;
  /** SHA-256 of the block, 32 bytes. */
  readonly digest: Uint8Array;
}

/** Codec of a block that is nothing but bytes. */
export const RAW = 0x55;
/** Codec of a node with links: folders, and files of several blocks. */
export const DAG_PB = 0x70;

const VERSION_1 = 1;
const SHA2_256 = 0x12;
const DIGEST_BYTES = 32;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
/** `b` and 36 bytes of 5 bits each. */
const TEXT_OF_VERSION_1 = /^b[a-z2-7]{58}$/;
const TEXT_OF_VERSION_0 = /^Qm[1-9A-HJ-NP-Za-km-z]{44}$/;

/** The binary form of version 1, as links of dag-pb nodes hold it. */
export function encodeCid({ codec, digest }: Cid): Uint8Array {
  return Uint8Array.of(VERSION_1, codec, SHA2_256, DIGEST_BYTES, ...digest);
}

/** Also of version 0, which is a bare multihash. @throws `format/malformed` for other codecs and hashes */
export function decodeCid(bytes: Uint8Array): Cid {
  const isVersion0 = bytes.length === 2 + DIGEST_BYTES;
  const [version, codec, hash, length] = isVersion0 ? [VERSION_1, DAG_PB, ...bytes] : bytes;
  const digest = bytes.subarray(-DIGEST_BYTES);
  const isOurs = version === VERSION_1 && hash === SHA2_256 && length === DIGEST_BYTES;
  if (isOurs && (isVersion0 || bytes.length === 4 + DIGEST_BYTES) && (codec === RAW || codec === DAG_PB)) {
    return { codec, digest };
  }
  throw new ValenceError('format/malformed', 'a content id is neither of a raw block nor of a UnixFS node by SHA-256');
}

/** Version 1 in base32, which is how IPFS prints it today. */
export function cidText(cid: Cid): string {
  let text = 'b';
  let bits = 0;
  let value = 0;
  for (const byte of encodeCid(cid)) {
    value = (value << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(value >> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + BASE32[(value << (5 - bits)) & 31];
}

/** Both forms that Kubo prints: `bafy…` and `bafk…` in base32, `Qm…` in base58. @throws `format/malformed` */
export function parseCid(text: string): Cid {
  if (TEXT_OF_VERSION_0.test(text)) return decodeCid(fromBase58(text));
  if (TEXT_OF_VERSION_1.test(text)) {
    const cid = decodeCid(fromBase32(text.slice(1)));
    if (cidText(cid) === text) return cid;
  }
  throw new ValenceError('format/malformed', 'not a content id of IPFS in base32 (bafy…) or base58 (Qm…)');
}

export function sameCid(a: Cid, b: Cid): boolean {
  return a.codec === b.codec && Buffer.compare(a.digest, b.digest) === 0;
}

function fromBase32(text: string): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const character of text) {
    value = (value << 5) | BASE32.indexOf(character);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push(value >> bits);
    value &= (1 << bits) - 1;
  }
  return Uint8Array.from(bytes);
}

function fromBase58(text: string): Uint8Array {
  let value = 0n;
  for (const character of text) value = value * 58n + BigInt(BASE58.indexOf(character));
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}
