import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import type { webcrypto } from 'node:crypto';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { describe, expect, test } from 'vitest';
import { ByteWriter, toHex, utf8 } from '../../src/core/bytes.ts';
import { aeadSeal } from '../../src/format/keys/aead.ts';
import { HPKE_SUITE, hpkeKeySchedule, hpkeOpen, hpkeSeal } from '../../src/format/keys/hpke.ts';
import { xWingDecapsulate, xWingIdentity } from '../../src/format/keys/x-wing.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { codeOf, withBitFlipped } from './keys-fixture.ts';

const random = seededRandom('hpke');
const identity = xWingIdentity(random.bytes(32));
const context = { info: utf8('info'), aad: utf8('aad') };
const plaintext = utf8('a body key of thirty-two bytes..');

/** A copy whose buffer is an `ArrayBuffer` of its own, as WebCrypto wants it. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}

describe('hpkeSeal and hpkeOpen', () => {
  const sealed = hpkeSeal(identity.publicKey, plaintext, context, random);

  test('open what was sealed, with enc of 1120 bytes and 16 bytes of tag', () => {
    expect(sealed.enc).toHaveLength(1120);
    expect(sealed.ciphertext).toHaveLength(plaintext.length + 16);
    expect(toHex(hpkeOpen(identity.seed, sealed, context))).toBe(toHex(plaintext));
  });

  test.for([
    ['info', { ...context, info: utf8('other') }],
    ['aad', { ...context, aad: utf8('other') }],
  ] as const)('another %s does not open', ([, other]) => {
    expect(codeOf(() => hpkeOpen(identity.seed, sealed, other))).toBe('integrity/authentication-failed');
  });

  test('another seed does not open', () => {
    expect(codeOf(() => hpkeOpen(random.bytes(32), sealed, context))).toBe('integrity/authentication-failed');
  });

  test('a changed, short or low-order encapsulation does not open', () => {
    const lowOrder = Uint8Array.from(sealed.enc).fill(0, 1088);
    for (const enc of [
      withBitFlipped(sealed.enc, 77),
      withBitFlipped(sealed.enc, 8900),
      sealed.enc.subarray(1),
      lowOrder,
    ]) {
      expect(codeOf(() => hpkeOpen(identity.seed, { ...sealed, enc }, context))).toBe(
        'integrity/authentication-failed',
      );
    }
  });

  test('a short ciphertext does not open', () => {
    const short = { ...sealed, ciphertext: sealed.ciphertext.subarray(0, 15) };
    expect(codeOf(() => hpkeOpen(identity.seed, short, context))).toBe('integrity/authentication-failed');
  });

  test('a public key of another length is malformed', () => {
    const seal = () => hpkeSeal(identity.publicKey.subarray(1), plaintext, context, random);
    expect(codeOf(seal)).toBe('format/malformed');
  });

  test('seeds are left as they were', () => {
    const seed = new Uint8Array(32).fill(7);
    xWingIdentity(seed);
    xWingDecapsulate(seed, sealed.enc);
    expect(seed.every((byte) => byte === 7)).toBe(true);
  });
});

describe('the key schedule, against @hpke/core', () => {
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

  test('@hpke/core opens what our schedule seals under DHKEM(X25519)', async () => {
    // The library's types speak of the browser's CryptoKeyPair, which is not in this project's lib.
    const recipient = (await suite.kem.deriveKeyPair(own(random.bytes(32)).buffer)) as webcrypto.CryptoKeyPair;
    const ephemeral = random.bytes(32);
    const publicKey = new Uint8Array(await suite.kem.serializePublicKey(recipient.publicKey));
    const { enc, sharedSecret } = await dhkemEncapsulate(ephemeral, publicKey);
    const { key, baseNonce } = hpkeKeySchedule({ kem: 0x0020, kdf: 0x0001, aead: 0x0002 }, sharedSecret, context.info);
    const ciphertext = aeadSeal({ key, nonce: baseNonce, aad: context.aad }, plaintext);
    const opened = await suite.open(
      { recipientKey: recipient.privateKey, enc: own(enc).buffer, info: own(context.info).buffer },
      own(ciphertext).buffer,
      own(context.aad).buffer,
    );
    expect(toHex(new Uint8Array(opened))).toBe(toHex(plaintext));
  });

  test('the suite is the one of FORMAT.md', () => {
    expect(HPKE_SUITE).toEqual({ kem: 0x647a, kdf: 0x0001, aead: 0x0002 });
  });

  /** Encap of RFC 9180 §4.1 with a given ephemeral key; the library's own HKDF does the labels. */
  async function dhkemEncapsulate(ephemeral: Uint8Array, publicKey: Uint8Array) {
    const privateKey = createPrivateKey({
      key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), ephemeral]),
      format: 'der',
      type: 'pkcs8',
    });
    const spki = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), publicKey]);
    const secret = diffieHellman({
      privateKey,
      publicKey: createPublicKey({ key: spki, format: 'der', type: 'spki' }),
    });
    const enc = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
    const kdf = new HkdfSha256();
    kdf.init(own(new ByteWriter(5).bytes(utf8('KEM')).u16(0x0020).finish()));
    const eaePrk = own(kdf.buildLabeledIkm(own(utf8('eae_prk')), own(secret)));
    const kemContext = own(kdf.buildLabeledInfo(own(utf8('shared_secret')), own(Buffer.concat([enc, publicKey])), 32));
    const shared = await kdf.extractAndExpand(new ArrayBuffer(0), eaePrk.buffer, kemContext.buffer, 32);
    return { enc, sharedSecret: new Uint8Array(shared) };
  }
});
