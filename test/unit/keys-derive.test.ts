import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import { LABELS, derive, domainTag } from '../../src/format/keys/derive.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import { recipientFingerprint } from '../../src/format/keys/recipient.ts';
import { codeOf } from './keys-fixture.ts';

const seed = new Uint8Array(32).fill(5);

describe('derive', () => {
  test('is HKDF-SHA256 with the salt and info of FORMAT.md', () => {
    const info = utf8('valence/v1 owner x-wingcontext');
    const expected = hkdf(sha256, seed, utf8('valence/v1'), info, 48);
    expect(toHex(derive(seed, LABELS.ownerXWing, 48, utf8('context')))).toBe(toHex(expected));
  });

  test('no label is a prefix of another', () => {
    const labels = Object.values(LABELS);
    const prefixes = labels.filter((a) => labels.some((b) => a !== b && b.startsWith(a)));
    expect(prefixes).toEqual([]);
    expect(new Set(labels).size).toBe(labels.length);
  });

  test('a domain tag ends in a zero byte', () => {
    expect(toHex(domainTag('x'))).toBe(toHex(utf8('valence/v1 x\0')));
  });
});

describe('ownerIdentity', () => {
  test('is the same for ever', () => {
    const { xWing, signingKey, public: shown } = ownerIdentity(seed);
    expect({
      xWing: toHex(xWing.seed),
      ed25519: toHex(signingKey.ed25519),
      mlDsa65: toHex(signingKey.mlDsa65),
      fingerprint: toHex(recipientFingerprint(shown.recipient)),
      verifying: toHex(shown.verifyingKey.ed25519),
    }).toMatchInlineSnapshot(`
      {
        "ed25519": "3b01c38d1aed8d8292930bdbaf7dfd26aeb2ac0dc6a974e55144806d80cd9a05",
        "fingerprint": "d426c1a32b49c802255f0505603b81ec",
        "mlDsa65": "09d1bf6ea7c84c287b5ab2de66410a33cf7c017c6f9628735d435c36e9ec637e",
        "verifying": "60883af5deced6048aa2c755c711f51e0a73805170700703920bf7890ac8aa05",
        "xWing": "ed122ba9189f14ed534365dd622bfb95e9fa63594df66aefeaf25616020afcd9",
      }
    `);
  });

  test('wants 32 bytes', () => {
    expect(codeOf(() => ownerIdentity(seed.subarray(1)))).toBe('internal/invariant');
  });
});
