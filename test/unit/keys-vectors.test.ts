import {
  argon2Sync,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  sign as nodeSign,
  verify as nodeVerify,
} from 'node:crypto';
import { gcm } from '@noble/ciphers/aes.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { argon2id } from '@noble/hashes/argon2.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { aeadOpen, aeadSeal } from '../../src/format/keys/aead.ts';
import { hpkeKeySchedule } from '../../src/format/keys/hpke.ts';
import { passphraseKey } from '../../src/format/keys/passphrase.ts';
import { xWingDecapsulate, xWingEncapsulate, xWingIdentity } from '../../src/format/keys/x-wing.ts';
import { CHEAP, codeOf, hex, readVectors } from './keys-fixture.ts';

type Fields<K extends string> = Readonly<Record<K, string>>;

describe('X-Wing, draft-connolly-cfrg-xwing-kem-10 appendix C', () => {
  const { vectors } = readVectors<{ vectors: Fields<'seed' | 'eseed' | 'ss' | 'pk' | 'ct'>[] }>('x-wing');

  test.for(vectors)('seed $seed', ({ seed, eseed, ss, pk, ct }) => {
    const identity = xWingIdentity(hex(seed));
    expect(toHex(identity.publicKey)).toBe(pk);
    const { sharedSecret, ciphertext } = xWingEncapsulate(identity.publicKey, hex(eseed));
    expect([toHex(ciphertext), toHex(sharedSecret)]).toEqual([ct, ss]);
    expect(toHex(xWingDecapsulate(hex(seed), hex(ct)))).toBe(ss);
  });
});

describe('HPKE key schedule', () => {
  type Suite = { readonly kem_id: number; readonly kdf_id: number; readonly aead_id: number };
  type Case = Suite &
    Fields<'info' | 'shared_secret' | 'key' | 'base_nonce' | 'aad' | 'pt' | 'ct' | 'enc' | 'skRm' | 'pkRm'>;
  const { rfc9180, xWing } = readVectors<{ rfc9180: Case; xWing: Case & Fields<'ikmE'> }>('hpke');

  function openFirst({ kem_id: kem, kdf_id: kdf, aead_id: aead, ...fields }: Case, sharedSecret: Uint8Array): string {
    const { key, baseNonce } = hpkeKeySchedule({ kem, kdf, aead }, sharedSecret, hex(fields.info));
    expect([toHex(key), toHex(baseNonce)]).toEqual([fields.key, fields.base_nonce]);
    const sealed = hex(fields.ct);
    const decipher = createDecipheriv('chacha20-poly1305', key, baseNonce, { authTagLength: 16 });
    decipher.setAAD(hex(fields.aad), { plaintextLength: sealed.length - 16 });
    decipher.setAuthTag(sealed.subarray(-16));
    return decipher.update(sealed.subarray(0, -16), undefined, 'hex') + decipher.final('hex');
  }

  test('RFC 9180 A.2.1 gives key, nonce and first plaintext', () => {
    expect(openFirst(rfc9180, hex(rfc9180.shared_secret))).toBe(rfc9180.pt);
  });

  test('draft-ietf-hpke-pq X-Wing, from the encapsulation on', () => {
    expect(toHex(xWingIdentity(hex(xWing.skRm)).publicKey)).toBe(xWing.pkRm);
    const sharedSecret = xWingDecapsulate(hex(xWing.skRm), hex(xWing.enc));
    expect(toHex(sharedSecret)).toBe(xWing.shared_secret);
    expect(openFirst(xWing, sharedSecret)).toBe(xWing.pt);
    const encapsulation = xWingEncapsulate(hex(xWing.pkRm), hex(xWing.ikmE));
    expect([toHex(encapsulation.ciphertext), toHex(encapsulation.sharedSecret)]).toEqual([
      xWing.enc,
      xWing.shared_secret,
    ]);
  });
});

describe('ML-KEM-768, Wycheproof', () => {
  interface Vectors {
    readonly decapsulate: readonly (Fields<'seed' | 'ek' | 'c' | 'K'> & { tcId: number })[];
    readonly encapsulate: readonly (Fields<'m' | 'ek' | 'c' | 'K' | 'result'> & { tcId: number })[];
  }
  const { decapsulate, encapsulate } = readVectors<Vectors>('ml-kem-768');

  test.for(decapsulate)('decapsulates $tcId', ({ seed, ek, c, K }) => {
    const keys = ml_kem768.keygen(hex(seed));
    expect(toHex(keys.publicKey)).toBe(ek);
    expect(toHex(ml_kem768.decapsulate(hex(c), keys.secretKey))).toBe(K);
  });

  test.for(encapsulate)('encapsulates $tcId: $result', ({ m, ek, c, K, result }) => {
    if (result === 'invalid') {
      const xWingKey = Buffer.concat([hex(ek), new Uint8Array(32).fill(9)]);
      expect(codeOf(() => xWingEncapsulate(xWingKey, new Uint8Array(64).fill(1)))).toBe('format/malformed');
      return;
    }
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(hex(ek), hex(m));
    expect([toHex(cipherText), toHex(sharedSecret)]).toEqual([c, K]);
  });
});

describe('ML-DSA-65, Wycheproof, noble and node:crypto alike', () => {
  type Invalid = Fields<'comment' | 'publicKey' | 'msg' | 'sig'>;
  interface Vectors {
    readonly sign: readonly (Fields<'seed' | 'publicKey' | 'msg' | 'sig'> & { tcId: number })[];
    readonly invalid: readonly Invalid[];
  }
  const vectors = readVectors<Vectors>('ml-dsa-65');
  const nodeKey = (publicKey: string) =>
    createPublicKey({
      key: Buffer.from(`308207b2300b0609608648016503040312038207a100${publicKey}`, 'hex'),
      format: 'der',
      type: 'spki',
    });

  test.for(vectors.sign)('signs $tcId', ({ seed, publicKey, msg, sig }) => {
    const keys = ml_dsa65.keygen(hex(seed));
    expect(toHex(keys.publicKey)).toBe(publicKey);
    expect(toHex(ml_dsa65.sign(hex(msg), keys.secretKey, { extraEntropy: false }))).toBe(sig);
    expect(ml_dsa65.verify(hex(sig), hex(msg), keys.publicKey)).toBe(true);
    expect(nodeVerify(null, hex(msg), nodeKey(publicKey), hex(sig))).toBe(true);
  });

  test.for(vectors.invalid)('refuses $comment', ({ publicKey, msg, sig }) => {
    expect(nodeVerify(null, hex(msg), nodeKey(publicKey), hex(sig))).toBe(false);
    const nobleAccepts = (): boolean => ml_dsa65.verify(hex(sig), hex(msg), hex(publicKey));
    expect(sig.length === 2 * 3309 && nobleAccepts()).toBe(false);
  });
});

describe('AES-256-GCM, Wycheproof', () => {
  type Case = Fields<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag' | 'result'> & { tcId: number };
  const { vectors } = readVectors<{ vectors: readonly Case[] }>('aes-256-gcm');

  test.for(vectors)('$tcId: $result', ({ key, iv, aad, msg, ct, tag, result }) => {
    const context = { key: hex(key), nonce: hex(iv), aad: hex(aad) };
    if (result === 'invalid') {
      expect(codeOf(() => aeadOpen(context, hex(ct + tag)))).toBe('integrity/authentication-failed');
      return;
    }
    expect(toHex(aeadSeal(context, hex(msg)))).toBe(ct + tag);
    expect(toHex(aeadOpen(context, hex(ct + tag)))).toBe(msg);
    expect(toHex(gcm(context.key, context.nonce, context.aad).encrypt(hex(msg)))).toBe(ct + tag);
  });
});

describe('HKDF-SHA256, RFC 5869', () => {
  type Case = Fields<'ikm' | 'salt' | 'info' | 'okm'> & { readonly size: number };
  const { vectors } = readVectors<{ vectors: readonly Case[] }>('hkdf-sha256');

  test.for(vectors)('$size bytes of $ikm', ({ ikm, salt, info, size, okm }) => {
    expect(toHex(new Uint8Array(hkdfSync('sha256', hex(ikm), hex(salt), hex(info), size)))).toBe(okm);
    expect(toHex(hkdf(sha256, hex(ikm), hex(salt), hex(info), size))).toBe(okm);
  });
});

describe('Argon2id', () => {
  const message = new Uint8Array(32).fill(1);
  const nonce = new Uint8Array(16).fill(2);
  const secret = new Uint8Array(8).fill(3);
  const associatedData = new Uint8Array(12).fill(4);
  const tag = '0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659';

  test('RFC 9106 §5.3, noble and node:crypto alike', () => {
    const cost = { memory: 32, passes: 3, parallelism: 4, tagLength: 32 };
    expect(argon2Sync('argon2id', { message, nonce, secret, associatedData, ...cost }).toString('hex')).toBe(tag);
    const options = { t: 3, m: 32, p: 4, key: secret, personalization: associatedData, dkLen: 32 };
    expect(toHex(argon2id(message, nonce, options))).toBe(tag);
  });

  test.for([CHEAP, { memoryKib: 37, passes: 2, lanes: 4 }])('passphraseKey agrees with noble at %j', async (cost) => {
    const key = await passphraseKey('correct horse', nonce, cost);
    const noble = argon2id('correct horse', nonce, { t: cost.passes, m: cost.memoryKib, p: cost.lanes, dkLen: 32 });
    expect(toHex(key)).toBe(toHex(noble));
  });
});

describe('Ed25519, RFC 8032 §7.1, noble and node:crypto alike', () => {
  const cases = [
    {
      seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      message: '',
      signature:
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    },
    {
      seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      message: '72',
      signature:
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    },
  ];

  test.for(cases)('$publicKey', ({ seed, publicKey, message, signature }) => {
    expect(toHex(ed25519.getPublicKey(hex(seed)))).toBe(publicKey);
    expect(toHex(ed25519.sign(hex(message), hex(seed)))).toBe(signature);
    const key = createPrivateKey({
      key: Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex'),
      format: 'der',
      type: 'pkcs8',
    });
    expect(nodeSign(null, hex(message), key).toString('hex')).toBe(signature);
  });
});

describe('X25519, RFC 7748 §5.2, noble and node:crypto alike', () => {
  const cases = [
    {
      scalar: 'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
      point: 'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
      shared: 'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    },
    {
      scalar: '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
      point: 'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
      shared: '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    },
  ];

  test.for(cases)('$point', ({ scalar, point, shared }) => {
    expect(toHex(x25519.getSharedSecret(hex(scalar), hex(point)))).toBe(shared);
    const privateKey = createPrivateKey({
      key: Buffer.from(`302e020100300506032b656e04220420${scalar}`, 'hex'),
      format: 'der',
      type: 'pkcs8',
    });
    const publicKey = createPublicKey({
      key: Buffer.from(`302a300506032b656e032100${point}`, 'hex'),
      format: 'der',
      type: 'spki',
    });
    expect(diffieHellman({ privateKey, publicKey }).toString('hex')).toBe(shared);
  });
});
