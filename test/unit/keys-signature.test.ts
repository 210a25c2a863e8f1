import { ed25519 } from '@noble/curves/ed25519.js';
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import { SIGNATURE_BYTES, createSigningKey, sign, verify, verifyingKeyOf } from '../../src/format/keys/signature.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { codeOf, withBitFlipped } from './keys-fixture.ts';

const random = seededRandom('signature');
const key = createSigningKey(random);
const publicKey = verifyingKeyOf(key);
const message = utf8('what was said');
const signature = sign(key, 'test', message, random);

describe('verifyingKeyOf', () => {
  test('agrees with noble', () => {
    expect(toHex(publicKey.ed25519)).toBe(toHex(ed25519.getPublicKey(key.ed25519)));
    expect(toHex(publicKey.mlDsa65)).toBe(toHex(ml_dsa65.keygen(key.mlDsa65).publicKey));
  });
});

describe('sign and verify', () => {
  test('a signature of 3373 bytes verifies, in noble too, over the tagged message', () => {
    expect(signature).toHaveLength(SIGNATURE_BYTES);
    expect(verify(publicKey, 'test', message, signature)).toBe(true);
    const tagged = utf8('valence/v1 test\0what was said');
    expect(ed25519.verify(signature.subarray(0, 64), tagged, publicKey.ed25519)).toBe(true);
    expect(ml_dsa65.verify(signature.subarray(64), tagged, publicKey.mlDsa65)).toBe(true);
  });

  test('another domain, message or key does not verify', () => {
    const other = verifyingKeyOf(createSigningKey(random));
    expect(verify(publicKey, 'tes', message, signature)).toBe(false);
    expect(verify(publicKey, 'test', utf8('what was said!'), signature)).toBe(false);
    expect(verify(other, 'test', message, signature)).toBe(false);
  });

  test('both halves must hold, each under its own key', () => {
    const other = verifyingKeyOf(createSigningKey(random));
    expect(verify({ ...publicKey, ed25519: other.ed25519 }, 'test', message, signature)).toBe(false);
    expect(verify({ ...publicKey, mlDsa65: other.mlDsa65 }, 'test', message, signature)).toBe(false);
  });

  test('any other length is refused', () => {
    for (const length of [0, 1, 63, 64, 65, 3372]) {
      expect(verify(publicKey, 'test', message, signature.subarray(0, length))).toBe(false);
    }
    expect(verify(publicKey, 'test', message, Buffer.concat([signature, Uint8Array.of(0)]))).toBe(false);
  });

  test('every changed byte of a signature is noticed', () => {
    for (let byte = 0; byte < SIGNATURE_BYTES; byte += 1) {
      const changed = withBitFlipped(signature, byte * 8 + (byte % 8));
      expect(verify(publicKey, 'test', message, changed), `byte ${byte}`).toBe(false);
    }
  });

  test('hedged with the randomness given; deterministic without', () => {
    const again = (name: string) => toHex(sign(key, 'test', message, seededRandom(name)));
    expect(again('a')).toBe(again('a'));
    expect(again('a')).not.toBe(again('b'));
    expect(toHex(sign(key, 'test', message))).toBe(toHex(sign(key, 'test', message)));
    expect(verify(publicKey, 'test', message, sign(key, 'test', message))).toBe(true);
  });

  test('seeds are left as they were', () => {
    const seeds = { ed25519: new Uint8Array(32).fill(1), mlDsa65: new Uint8Array(32).fill(2) };
    sign(seeds, 'test', message, random);
    expect([toHex(seeds.ed25519), toHex(seeds.mlDsa65)]).toEqual(['01'.repeat(32), '02'.repeat(32)]);
  });

  test('a domain that could run into the message is a programming error', () => {
    expect(codeOf(() => sign(key, 'a\0b', message))).toBe('internal/invariant');
    expect(codeOf(() => sign(key, '', message))).toBe('internal/invariant');
  });
});
