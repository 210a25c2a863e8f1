/** Part of the reader in stranger.ts: byte strings, keys, signatures and envelopes. Numbers in comments are sections of FORMAT.md. */
import {
  argon2Sync,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  verify as verifyEd25519,
} from 'node:crypto';
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem768_x25519 } from '@noble/post-quantum/hybrid.js';

export const text = (value: string): Buffer => Buffer.from(value, 'utf8');
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest();
export const u8 = (value: number): Buffer => Buffer.of(value);

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export const sized = (bytes: Uint8Array): Buffer => Buffer.concat([u32(bytes.length), bytes]);
export const tag = (purpose: string): Buffer => text(`valence/v1 ${purpose}\0`); // 3.1

export function need(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

export class Reader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes);
  }

  take(length: number): Buffer {
    need(this.at + length <= this.bytes.length, 'cut short');
    return this.bytes.subarray(this.at, (this.at += length));
  }

  u8 = (): number => this.take(1).readUInt8();
  u32 = (): number => this.take(4).readUInt32BE();
  i32 = (): number => this.take(4).readInt32BE();
  u64 = (): number => Number(this.take(8).readBigUInt64BE());
  sized = (): Buffer => this.take(this.u32());

  line(kind: string): void {
    need(this.take(12 + kind.length).equals(text(`valence/v1 ${kind}\n`)), `not a ${kind}`); // 1.3
  }

  end(): void {
    need(this.at === this.bytes.length, 'bytes after the end');
  }
}

// 3.2
export function derive(secret: Uint8Array, label: string, context: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.from(
    hkdfSync('sha256', secret, text('valence/v1'), Buffer.concat([text(`valence/v1 ${label}`), context]), 32),
  );
}

export interface Gcm {
  readonly key: Uint8Array;
  readonly nonce?: Uint8Array;
  readonly aad: Uint8Array;
}

export function gcmOpen({ key, nonce = Buffer.alloc(12), aad }: Gcm, sealed: Uint8Array): Buffer {
  const cipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(aad).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
}

// 4.5
export function padme(length: number): number {
  if (length < 2) return length;
  const e = length.toString(2).length - 1;
  const unit = 2 ** (e - e.toString(2).length);
  return Math.ceil(length / unit) * unit;
}

// 4.6
export function unpad(padded: Buffer): Buffer {
  const reader = new Reader(padded);
  const plaintext = reader.sized();
  const rest = padded.subarray(reader.at);
  need(padme(4 + plaintext.length) === padded.length && rest.every((byte) => byte === 0), 'wrong padding');
  return plaintext;
}

// 3.7, 3.8
export function masterSeed(file: string, passphrase: string): Buffer {
  const lines = file
    .split('\n')
    .map((line) => line.replace(/^[ \t\r]+|[ \t\r]+$/g, ''))
    .filter((line) => line !== '');
  need(lines[0] === 'valence master key v1', 'not a master key');
  const sum = lines.pop();
  need(sum === `checksum ${hex(sha256(text(`${lines.join('\n')}\n`)).subarray(0, 8))}`, 'wrong checksum');
  const reader = new Reader(
    Buffer.from(
      lines
        .slice(1)
        .filter((line) => !line.startsWith('#'))
        .join(''),
      'base64',
    ),
  );
  const head = reader.bytes.subarray(0, 22);
  const [memory, passes, parallelism, nonce] = [reader.u32(), reader.u8(), reader.u8(), reader.take(16)];
  const message = text(passphrase.replace(/\r?\n$/, '').normalize('NFKC'));
  const key = argon2Sync('argon2id', { message, nonce, memory, passes, parallelism, tagLength: 32 });
  return gcmOpen({ key, nonce: reader.take(12), aad: Buffer.concat([tag('master key'), head]) }, reader.take(48));
}

export interface VerifyingKey {
  readonly ed25519: Uint8Array;
  readonly mlDsa65: Uint8Array;
}

// 3.4
export function checkSignature(key: VerifyingKey, domain: string, message: Uint8Array, signature: Uint8Array): void {
  const tagged = Buffer.concat([tag(domain), message]);
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.ed25519]);
  const ed25519 = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const classical = verifyEd25519(null, tagged, ed25519, signature.subarray(0, 64));
  need(
    signature.length === 3373 && classical && ml_dsa65.verify(signature.subarray(64), tagged, key.mlDsa65),
    'wrong signature',
  );
}

export interface Owner {
  readonly xWingSeed: Buffer;
  readonly fingerprint: Buffer;
  readonly verifyingKey: VerifyingKey;
}

export function ownerOf(seed: Uint8Array): Owner {
  const xWingSeed = derive(seed, 'owner x-wing');
  const { publicKey } = ml_kem768_x25519.keygen(xWingSeed);
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), derive(seed, 'owner ed25519')]);
  const ed25519 = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
    .export({ format: 'der', type: 'spki' })
    .subarray(-32);
  const mlDsa65 = ml_dsa65.keygen(derive(seed, 'owner ml-dsa-65')).publicKey;
  return {
    xWingSeed,
    fingerprint: sha256(tag('recipient'), publicKey).subarray(0, 16),
    verifyingKey: { ed25519, mlDsa65 },
  };
}

// RFC 9180, base mode, one message
export function hpkeOpen(
  seed: Uint8Array,
  enc: Uint8Array,
  info: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Buffer {
  const suite = Buffer.concat([text('HPKE'), Buffer.from('647a00010002', 'hex')]);
  const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer =>
    createHmac('sha256', key).update(Buffer.concat(parts)).digest();
  const none = Buffer.alloc(0);
  const extract = (salt: Uint8Array, label: string, ikm: Uint8Array): Buffer =>
    hmac(salt, text('HPKE-v1'), suite, text(label), ikm);
  const context = Buffer.concat([u8(0), extract(none, 'psk_id_hash', none), extract(none, 'info_hash', info)]);
  const secret = extract(Buffer.from(ml_kem768_x25519.decapsulate(enc, seed)), 'secret', none);
  const expand = (label: string, length: number): Buffer =>
    hmac(secret, Buffer.of(0, length), text('HPKE-v1'), suite, text(label), context, u8(1)).subarray(0, length);
  return gcmOpen({ key: expand('key', 32), nonce: expand('base_nonce', 12), aad }, sealed);
}

// 3.6
export function openEnvelope(owner: Owner, purpose: string, aad: Uint8Array, bytes: Uint8Array): Buffer {
  const reader = new Reader(bytes);
  const count = reader.u8();
  const recipients = Array.from({ length: count }, () => ({
    fingerprint: reader.take(16),
    enc: reader.take(1120),
    wrap: reader.take(48),
  }));
  const commitment = reader.take(32);
  const bodyLength = reader.u32();
  const head = reader.bytes.subarray(0, reader.at);
  const body = reader.take(bodyLength);
  reader.end();
  const own = recipients.find(({ fingerprint }) => fingerprint.equals(owner.fingerprint));
  need(own !== undefined, 'not for this key');
  const wrapAad = Buffer.concat([u8(count), ...recipients.map(({ fingerprint }) => fingerprint), commitment, aad]);
  const key = hpkeOpen(
    owner.xWingSeed,
    own.enc,
    Buffer.concat([tag('envelope key'), text(purpose)]),
    wrapAad,
    own.wrap,
  );
  need(sha256(tag('envelope commitment'), key).equals(commitment), 'wrong commitment');
  return unpad(
    gcmOpen({ key, aad: Buffer.concat([tag('envelope body'), sized(text(purpose)), sized(aad), head]) }, body),
  );
}
