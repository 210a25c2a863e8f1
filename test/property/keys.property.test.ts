import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { decodeArmour, encodeArmour } from '../../src/format/keys/armour.ts';
import { openEnvelope, parseEnvelope, sealEnvelope } from '../../src/format/keys/envelope.ts';
import { parseBundle } from '../../src/format/keys/bundle.ts';
import { parseHostKey } from '../../src/format/keys/host-key.ts';
import { parseMasterKey } from '../../src/format/keys/master-key.ts';
import { normalizePassphrase } from '../../src/format/keys/passphrase.ts';
import { padmeLength } from '../../src/format/padme.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { codeOf, owner } from '../unit/keys-fixture.ts';

const seed = 20_251_121;
const few = { seed, numRuns: process.env['SLOW'] === '1' ? 200 : 20 };
const many = { seed, numRuns: process.env['SLOW'] === '1' ? 10_000 : 1_000 };
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

describe('keys', () => {
  test('Padmé never shrinks, wastes at most 12 %, is monotonic and idempotent', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 52 - 1 }), (length) => {
        const padded = padmeLength(length);
        expect(padded).toBeGreaterThanOrEqual(length);
        expect(padded).toBeLessThanOrEqual(length * 1.12);
        expect(padmeLength(padded)).toBe(padded);
        expect(padmeLength(length + 1)).toBeGreaterThanOrEqual(padded);
      }),
      many,
    );
  });

  test('armour gives back what it was given', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 500 }),
        fc.array(fc.constantFrom('one', 'two words')),
        (payload, notes) => {
          expect(toHex(decodeArmour(encodeArmour({ kind: 'test', notes, payload }), 'test'))).toBe(toHex(payload));
        },
      ),
      many,
    );
  });

  test('any recipient opens any plaintext under its own context', () => {
    const people = ['alice', 'bob', 'carol'].map((name) => owner(name).xWing);
    fc.assert(
      fc.property(
        bytes(300),
        bytes(50),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 0, max: 2 }),
        (plaintext, aad, count, who) => {
          const recipients = people.slice(0, count);
          const context = { purpose: 'test', aad, maxBytes: 300 };
          const sealed = sealEnvelope(
            recipients.map((each) => each.publicKey),
            plaintext,
            context,
            seededRandom('property'),
          );
          expect(toHex(openEnvelope(recipients[who % count]!, sealed, context))).toBe(toHex(plaintext));
        },
      ),
      few,
    );
  });

  test('no parser crashes on arbitrary bytes', () => {
    const parsers = [
      (input: Uint8Array) => parseEnvelope(input, 1000),
      parseBundle,
      parseHostKey,
      parseMasterKey,
      (input: Uint8Array) => decodeArmour(input, 'test'),
    ];
    fc.assert(
      fc.property(bytes(2000), (input) => {
        for (const parse of parsers) expect(codeOf(() => parse(input))).toBe('format/malformed');
      }),
      many,
    );
  });

  test('passphrases that a person cannot tell apart give the same bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (typed) => {
        fc.pre(!typed.endsWith('\n'));
        const forms = [typed, typed.normalize('NFC'), typed.normalize('NFD'), `${typed}\n`];
        expect(new Set(forms.map((form) => toHex(normalizePassphrase(form)))).size).toBe(1);
      }),
      many,
    );
  });
});
