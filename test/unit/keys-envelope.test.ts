import { describe, expect, test } from 'vitest';
import { ByteWriter, toHex, utf8 } from '../../src/core/bytes.ts';
import { openEnvelope, parseEnvelope, sealEnvelope } from '../../src/format/keys/envelope.ts';
import type { EnvelopeContext } from '../../src/format/keys/envelope.ts';
import { hpkeSeal } from '../../src/format/keys/hpke.ts';
import { padmeLength } from '../../src/format/padme.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { codeOf, owner, withBitFlipped } from './keys-fixture.ts';

const [alice, bob, carol, mallory] = ['alice', 'bob', 'carol', 'mallory'].map((name) => owner(name).xWing);
const keys = [alice!.publicKey, bob!.publicKey, carol!.publicKey];
const context: EnvelopeContext = { purpose: 'test', aad: utf8('header'), maxBytes: 1000 };
const plaintext = utf8('only for three');
const seal = (recipients: readonly Uint8Array[]) => sealEnvelope(recipients, plaintext, context, seededRandom('seal'));

describe('envelope', () => {
  const sealed = seal(keys);

  test('every recipient opens it, nobody else', () => {
    for (const identity of [alice!, bob!, carol!]) {
      expect(toHex(openEnvelope(identity, sealed, context))).toBe(toHex(plaintext));
    }
    expect(codeOf(() => openEnvelope(mallory!, sealed, context))).toBe('key/wrong-key');
  });

  test('its bytes do not depend on the order of the recipients', () => {
    expect(toHex(seal(keys.toReversed()))).toBe(toHex(sealed));
  });

  test.for([
    ['purpose', { ...context, purpose: 'text' }],
    ['additional data', { ...context, aad: utf8('Header') }],
  ] as const)('another %s does not open', ([, other]) => {
    expect(codeOf(() => openEnvelope(alice!, sealed, other))).toBe('integrity/authentication-failed');
  });

  test('a change anywhere is noticed by every recipient, also in the part of another', () => {
    for (let byte = 0; byte < sealed.length; byte += 7) {
      const changed = withBitFlipped(sealed, byte * 8 + (byte % 8));
      const code = codeOf(() => openEnvelope(bob!, changed, context));
      expect(['integrity/authentication-failed', 'format/malformed', 'key/wrong-key'], `byte ${byte}`).toContain(code);
    }
  });

  test('one recipient cannot be taken out', () => {
    const { fingerprints } = parseEnvelope(sealed, 1000);
    const wrapBytes = 16 + 1120 + 48;
    const without = Buffer.concat([Uint8Array.of(2), sealed.subarray(1 + wrapBytes)]);
    const last = [alice!, bob!, carol!].find(
      (each) => codeOf(() => openEnvelope(each, without, context)) !== 'key/wrong-key',
    );
    expect(fingerprints).toHaveLength(3);
    expect(codeOf(() => openEnvelope(last!, without, context))).toBe('integrity/authentication-failed');
  });

  test('recipients out of order or twice are malformed', () => {
    const wrapBytes = 16 + 1120 + 48;
    const [first, second, rest] = [
      sealed.subarray(1, 1 + wrapBytes),
      sealed.subarray(1 + wrapBytes, 1 + 2 * wrapBytes),
      sealed.subarray(1 + 2 * wrapBytes),
    ];
    const swapped = Buffer.concat([sealed.subarray(0, 1), second, first, rest]);
    const twice = Buffer.concat([sealed.subarray(0, 1), first, first, rest]);
    expect([swapped, twice].map((each) => codeOf(() => parseEnvelope(each, 1000)))).toEqual([
      'format/malformed',
      'format/malformed',
    ]);
  });

  test('a body key other than the one committed to is refused, also when its maker meant it', () => {
    const { fingerprints } = parseEnvelope(seal([keys[0]!]), 1000);
    const commitment = new Uint8Array(32);
    const info = utf8('valence/v1 envelope key\0test');
    const aad = Buffer.concat([Uint8Array.of(1), fingerprints[0]!, commitment, context.aad]);
    const { enc, ciphertext } = hpkeSeal(keys[0]!, new Uint8Array(32), { info, aad }, seededRandom('wrap'));
    const head = new ByteWriter().u8(1).bytes(fingerprints[0]!).bytes(enc).bytes(ciphertext).bytes(commitment);
    const forged = head.u32(20).bytes(new Uint8Array(20)).finish();
    const opening = () => openEnvelope(alice!, forged, context);
    expect(opening).toThrow(/commits to/);
    expect(codeOf(opening)).toBe('integrity/authentication-failed');
  });

  test('sizes tell only the padded length', () => {
    const size = (length: number) =>
      sealEnvelope([keys[0]!], new Uint8Array(length), context, seededRandom('s')).length;
    expect(size(870)).toBe(size(890));
    expect(size(900)).toBe(size(890) + 32);
    expect(size(0)).toBe(1 + 1184 + 32 + 4 + 4 + 16);
  });

  test('more than the reader allows is malformed', () => {
    expect(codeOf(() => openEnvelope(alice!, sealed, { ...context, maxBytes: 4 }))).toBe('format/malformed');
  });

  test('no recipient, seventeen, the same twice, or too much plaintext is a programming error', () => {
    const many = Array.from({ length: 17 }, () => keys[0]!);
    for (const recipients of [[], many, [keys[0]!, keys[0]!]])
      expect(codeOf(() => seal(recipients))).toBe('internal/invariant');
    const large = () => sealEnvelope(keys, new Uint8Array(1001), context, seededRandom('s'));
    expect(codeOf(large)).toBe('internal/invariant');
  });

  test('a recipient that is no key is malformed', () => {
    expect(codeOf(() => seal([new Uint8Array(1216).fill(255)]))).toBe('format/malformed');
  });

  test('truncation at every length is malformed', () => {
    for (let length = 0; length < sealed.length; length += 1) {
      expect(
        codeOf(() => parseEnvelope(sealed.subarray(0, length), 1000)),
        `length ${length}`,
      ).toBe('format/malformed');
    }
  });
});

describe('padmeLength', () => {
  test.for([
    [0, 0],
    [1, 1],
    [2, 2],
    [7, 7],
    [8, 8],
    [9, 10],
    [15, 16],
    [100, 104],
    [1000, 1024],
    [1_000_001, 1_015_808],
    [2 ** 49 - 1, 2 ** 49],
  ])('%i → %i', ([length, padded]) => {
    expect(padmeLength(length!)).toBe(padded);
  });

  test.for([[-1], [1.5], [Number.NaN], [2 ** 53]])('%d is a programming error', ([length]) => {
    expect(codeOf(() => padmeLength(length!))).toBe('internal/invariant');
  });
});
