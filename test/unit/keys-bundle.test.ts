import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ByteWriter, toHex, utf8 } from '../../src/core/bytes.ts';
import { createBundle, encodeBundle, openBundle, parseBundle, verifyBundle } from '../../src/format/keys/bundle.ts';
import { sealEnvelope } from '../../src/format/keys/envelope.ts';
import { recipientFingerprint } from '../../src/format/keys/recipient.ts';
import { createSigningKey, sign } from '../../src/format/keys/signature.ts';
import type { SigningKey } from '../../src/format/keys/signature.ts';
import { writeWriterSecrets } from '../../src/format/keys/writer-secrets.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { EVERY_BIT, bundleContent, codeOf, owner, sampleBundle, withBitFlipped } from './keys-fixture.ts';

const alice = owner('alice');
const spare = owner('spare');
const mallory = owner('mallory');
const bundle = sampleBundle(alice);
const bytes = encodeBundle(bundle);
const content = bundleContent([]);
const hexOf = (value: unknown) =>
  JSON.stringify(value, (_, each: unknown) => (Buffer.isBuffer(each) ? toHex(each) : each));

/** Verified and opened, as a reader does. */
const read = (stored: Uint8Array, by = alice) => openBundle(parseBundle(stored), by);

describe('bundle', () => {
  test('round trip', () => {
    const parsed = parseBundle(bytes);
    expect(toHex(encodeBundle(parsed))).toBe(toHex(bytes));
    expect(toHex(parsed.header.vaultId)).toBe(toHex(content.vaultId));
    expect(parsed.header.createdAt).toBe(content.createdAt);
    expect(parsed.header.recipients.map(toHex)).toEqual([toHex(recipientFingerprint(alice.public.recipient))]);
    const { secrets, signingKey } = read(bytes);
    expect(toHex(secrets.contentIdKey)).toBe(toHex(content.secrets.contentIdKey));
    expect(toHex(secrets.boundaryKey)).toBe(toHex(content.secrets.boundaryKey));
    expect(toHex(secrets.indexKey)).toBe(toHex(content.secrets.indexKey));
    expect(toHex(secrets.maskKey)).toBe(toHex(content.secrets.maskKey));
    expect(toHex(signingKey.ed25519)).toBe(toHex(content.signingKey.ed25519));
    expect(toHex(signingKey.mlDsa65)).toBe(toHex(content.signingKey.mlDsa65));
  });

  test('anyone verifies it with the owner’s public key', () => {
    expect(codeOf(() => verifyBundle(parseBundle(bytes), alice.public.verifyingKey))).toBe('none');
    const byOther = () => verifyBundle(parseBundle(bytes), mallory.public.verifyingKey);
    expect(codeOf(byOther)).toBe('integrity/authentication-failed');
  });

  test('another master is told so', () => {
    expect(codeOf(() => read(bytes, mallory))).toBe('key/wrong-key');
  });

  test('a bundle sealed to the owner by somebody else is refused', () => {
    const forged = createBundle(bundleContent([alice.public.recipient]), mallory.signingKey, seededRandom('forged'));
    expect(codeOf(() => openBundle(forged, alice))).toBe('integrity/authentication-failed');
  });

  test('a second writer shares the secrets and has its own signing key', () => {
    const { secrets } = read(bytes);
    const random = seededRandom('second');
    const joined = {
      ...bundleContent([alice.public.recipient]),
      secrets,
      writerId: random.bytes(16),
      signingKey: createSigningKey(random),
    };
    const second = read(encodeBundle(createBundle(joined, alice.signingKey, random)));
    expect(hexOf(second.secrets)).toBe(hexOf(secrets));
    expect(toHex(second.signingKey.ed25519)).not.toBe(toHex(content.signingKey.ed25519));
  });

  describe('signed by the owner, yet wrong inside', () => {
    const { headerBytes, sealed } = bundle;
    const signed = (header: Uint8Array, part: Uint8Array) => {
      const message = Buffer.concat([header, createHash('sha256').update(part).digest()]);
      return new ByteWriter()
        .bytes(header)
        .sized(part)
        .bytes(sign(alice.signingKey, 'bundle', message))
        .finish();
    };
    const sealBody = (body: Uint8Array) => {
      const context = { purpose: 'bundle', aad: headerBytes, maxBytes: 64 * 1024 };
      return signed(headerBytes, sealEnvelope([alice.public.recipient], body, context, seededRandom('body')));
    };
    const bodyOf = (signingKey: SigningKey, additions: Uint8Array) => {
      const writer = new ByteWriter();
      writeWriterSecrets(writer, { ...content, signingKey });
      return writer.sized(additions).finish();
    };

    test('the same parts give a bundle that opens', () => {
      expect(codeOf(() => read(signed(headerBytes, sealed)))).toBe('none');
    });

    test('the sealed part of another bundle does not open', () => {
      const later = { ...bundleContent([alice.public.recipient]), createdAt: content.createdAt + 1 };
      const other = createBundle(later, alice.signingKey, seededRandom('other'));
      expect(codeOf(() => read(signed(other.headerBytes, sealed)))).toBe('integrity/authentication-failed');
    });

    test('a signing key that the header does not name is refused', () => {
      const body = bodyOf(createSigningKey(seededRandom('stranger')), new Uint8Array());
      expect(codeOf(() => read(sealBody(body)))).toBe('integrity/authentication-failed');
    });

    test('additions of later releases are ignored', () => {
      const { secrets } = read(sealBody(bodyOf(content.signingKey, utf8('an older generation'))));
      expect(toHex(secrets.maskKey)).toBe(toHex(content.secrets.maskKey));
    });

    test('a body cut short or with bytes after its end is malformed', () => {
      const body = bodyOf(content.signingKey, new Uint8Array());
      expect(codeOf(() => read(sealBody(body.subarray(1))))).toBe('format/malformed');
      expect(codeOf(() => read(sealBody(Buffer.concat([body, Uint8Array.of(0)]))))).toBe('format/malformed');
    });
  });

  test('two recipients in the header and one in the envelope are malformed', () => {
    const two = sampleBundle(alice, [spare]);
    expect(codeOf(() => parseBundle(encodeBundle({ ...two, sealed: bundle.sealed })))).toBe('format/malformed');
  });

  test('versions and other files are told apart', () => {
    const retitled = (title: string) => Buffer.concat([utf8(title), bytes.subarray(18)]);
    expect(codeOf(() => parseBundle(retitled('valence/v2 bundle\n')))).toBe('format/newer');
    expect(codeOf(() => parseBundle(retitled('valence/v1 parcel\n')))).toBe('format/malformed');
    expect(codeOf(() => parseBundle(new Uint8Array(8000)))).toBe('format/malformed');
    expect(codeOf(() => parseBundle(Buffer.concat([bytes, Uint8Array.of(0)])))).toBe('format/malformed');
  });

  test('truncation at every length is malformed', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(
        codeOf(() => parseBundle(bytes.subarray(0, length))),
        `length ${length}`,
      ).toBe('format/malformed');
    }
  });

  test('every flipped bit is noticed', { timeout: 120_000 }, () => {
    const postQuantum = (bytes.length - 3309) * 8;
    const expected = ['format/malformed', 'format/newer', 'key/wrong-key', 'integrity/authentication-failed'];
    const noticed = (bit: number) => expected.includes(String(codeOf(() => read(withBitFlipped(bytes, bit)))));
    const missed: number[] = [];
    for (let bit = 0; bit < postQuantum; bit += 1) if (!noticed(bit)) missed.push(bit);
    for (let bit = postQuantum; bit < bytes.length * 8; bit += EVERY_BIT ? 1 : 9) if (!noticed(bit)) missed.push(bit);
    expect(missed).toEqual([]);
  });
});
