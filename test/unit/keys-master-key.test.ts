import { beforeAll, describe, expect, test } from 'vitest';
import { toHex, utf8, view } from '../../src/core/bytes.ts';
import { decodeArmour, encodeArmour } from '../../src/format/keys/armour.ts';
import { encodeMasterKey, openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { DEFAULT_ARGON2_COST, normalizePassphrase } from '../../src/format/keys/passphrase.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { CHEAP, asyncCodeOf, codeOf, withBitFlipped } from './keys-fixture.ts';

const seed = new Uint8Array(32).fill(9);
const passphrase = 'correct horse battery staple';
let file: Uint8Array;

beforeAll(async () => {
  file = await encodeMasterKey(seed, passphrase, seededRandom('master'), CHEAP);
});

const text = () => view(file).toString('latin1');
const parseText = (changed: string) => codeOf(() => parseMasterKey(utf8(changed)));

describe('master.key', () => {
  test('looks the same for ever', () => {
    expect(text()).toMatchInlineSnapshot(`
      "valence master key v1
      # Opens every snapshot, together with its passphrase. Keep it away from the host.
      AAAACAEB4B0foLAGSwiWH1503JIS82ylVRkKITmQ7O9QiYJLVTGGBPNn+Kfp+NtW
      5snyKG9DDlHMamSD2ESDyoteEK3dQ5Q3+exYTOBe7eouXw==
      checksum 74803421ddeec279
      "
    `);
  });

  test('opens with its passphrase', async () => {
    expect(toHex(await openMasterKey(parseMasterKey(file), passphrase))).toBe(toHex(seed));
  });

  test('carries its cost', async () => {
    expect(parseMasterKey(file).cost).toEqual(CHEAP);
    const usual = await encodeMasterKey(seed, passphrase, seededRandom('usual'));
    expect(parseMasterKey(usual).cost).toEqual(DEFAULT_ARGON2_COST);
  });

  test('a wrong passphrase is told from damage', async () => {
    expect(await asyncCodeOf(() => openMasterKey(parseMasterKey(file), 'Correct horse battery staple'))).toBe(
      'key/passphrase',
    );
    expect(await asyncCodeOf(() => openMasterKey(parseMasterKey(file), ''))).toBe('key/passphrase');
  });

  test('no error tells the passphrase', async () => {
    const error: unknown = await openMasterKey(parseMasterKey(file), 'hunter2').catch((caught: unknown) => caught);
    expect(JSON.stringify([String(error), error])).not.toContain('hunter2');
  });

  test('every flipped bit is damage', () => {
    for (let bit = 0; bit < file.length * 8; bit += 1) {
      const code = codeOf(() => parseMasterKey(withBitFlipped(file, bit)));
      expect(['format/malformed', 'format/newer'], `bit ${bit}`).toContain(code);
    }
  });

  test('truncation at every length is damage, but for the last newline', () => {
    for (let length = 0; length < file.length - 1; length += 1) {
      expect(
        codeOf(() => parseMasterKey(file.subarray(0, length))),
        `length ${length}`,
      ).toBe('format/malformed');
    }
    expect(codeOf(() => parseMasterKey(file.subarray(0, -1)))).toBe('none');
  });

  test('retyping may change line ends, blank lines and white space around lines', () => {
    expect(parseText(text().replaceAll('\n', ' \r\n\r\n\t'))).toBe('none');
  });

  test.for([
    ['a later version', (all: string) => all.replace(' v1\n', ' v2\n'), 'format/newer'],
    ['version 0', (all: string) => all.replace(' v1\n', ' v0\n'), 'format/malformed'],
    ['another kind of file', (all: string) => all.replace('master', 'host'), 'format/malformed'],
    ['a changed note', (all: string) => all.replace('Opens', 'opens'), 'format/malformed'],
    ['no checksum', (all: string) => all.replace(/checksum.*\n/, ''), 'format/malformed'],
    ['more after the end', (all: string) => `${all}more\n`, 'format/malformed'],
    ['two copies', (all: string) => all + all, 'format/malformed'],
    ['256 KiB of line ends', (all: string) => all + '\n'.repeat(256 * 1024), 'format/malformed'],
  ] as const)('%s: refused', ([, change, code]) => {
    expect(parseText(change(text()))).toBe(code);
  });

  test.for([
    ['too much memory', 0, [0x00, 0x10, 0x00, 0x01]],
    ['too little memory for its lanes', 0, [0, 0, 0, 7]],
    ['no pass', 4, [0]],
    ['too many passes', 4, [17]],
    ['no lane', 5, [0]],
    ['too many lanes', 5, [17]],
  ] as const)('%s: refused before any work', ([, offset, bytes]) => {
    const payload = Uint8Array.from(decodeArmour(file, 'master key'));
    payload.set(bytes, offset);
    const changed = encodeArmour({ kind: 'master key', notes: [], payload });
    expect(codeOf(() => parseMasterKey(changed))).toBe('format/malformed');
  });

  test('the cost and salt are bound to the ciphertext', async () => {
    const sealed = parseMasterKey(file);
    const other = { ...sealed, cost: { ...sealed.cost, passes: 2 } };
    expect(await asyncCodeOf(() => openMasterKey(other, passphrase))).toBe('key/passphrase');
  });

  test.for([[-1], [1]])('a payload %i byte longer is refused', ([change]) => {
    const payload = Buffer.concat([decodeArmour(file, 'master key'), new Uint8Array(1)]);
    const changed = encodeArmour({
      kind: 'master key',
      notes: [],
      payload: payload.subarray(0, payload.length - 1 + change!),
    });
    expect(codeOf(() => parseMasterKey(changed))).toBe('format/malformed');
  });
});

describe('normalizePassphrase', () => {
  test.for([
    ['one newline goes', 'pass\n', 'pass'],
    ['one CRLF goes', 'pass\r\n', 'pass'],
    ['only one', 'pass\n\n', 'pass\n'],
    ['other white space stays', ' pass ', ' pass '],
    ['decomposed letters compose', 'pa\u0308ss', 'p\u00e4ss'],
    ['full-width letters are the same', '\uff50ass\u3000', 'pass '],
  ] as const)('%s', ([, typed, meant]) => {
    expect(toHex(normalizePassphrase(typed))).toBe(toHex(utf8(meant)));
  });

  test.for([
    ['empty', ''],
    ['a newline', '\n'],
    ['half a surrogate pair', 'a\ud800'],
    ['too long', 'x'.repeat(1025)],
  ] as const)('%s is refused', ([, typed]) => {
    expect(codeOf(() => normalizePassphrase(typed))).toBe('key/passphrase');
  });
});
