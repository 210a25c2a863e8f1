import { describe, expect, it } from 'vitest';
import { fromUtf8, toHex, utf8 } from '../../src/core/bytes.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { encodeVaultFile, parseVaultFile } from '../../src/format/vault-file.ts';
import { codeOf, withBitFlipped } from './keys-fixture.ts';

const FILE = { vaultId: '00000000-0000-4000-8000-00000000000a', holder: '00000000-0000-4000-8000-00000000000b' };
const encoded = encodeVaultFile(FILE);

/** These lines with a digest that is right for them. */
const digested = (lines: string): Uint8Array => utf8(`${lines}  "digest": "${toHex(sha256(utf8(lines)))}"\n}\n`);
const lines = fromUtf8(encoded).slice(0, fromUtf8(encoded).indexOf('  "digest"'));
const parse = (bytes: Uint8Array): unknown => codeOf(() => parseVaultFile(bytes));

describe('valence.json', () => {
  it('is this text, and comes back', () => {
    expect(lines).toBe(
      '{\n  "format": "valence",\n  "version": 1,\n  "vault": "00000000-0000-4000-8000-00000000000a",\n' +
        '  "holder": "00000000-0000-4000-8000-00000000000b",\n  "requiredFeatures": [],\n',
    );
    expect(parseVaultFile(encoded)).toEqual(FILE);
    expect(parse(digested(lines))).toBe('none');
  });

  it('with any bit changed is damaged, and never taken for a newer one', () => {
    for (let bit = 0; bit < encoded.length * 8; bit += 1)
      expect(parse(withBitFlipped(encoded, bit)), `bit ${bit}`).toBe('format/malformed');
  });

  it('cut short or followed by anything is damaged', () => {
    for (let length = 0; length < encoded.length; length += 1)
      expect(parse(encoded.subarray(0, length))).toBe('format/malformed');
    expect(parse(Buffer.concat([encoded, utf8('\n')]))).toBe('format/malformed');
    expect(parse(Buffer.concat([encoded, encoded]))).toBe('format/malformed');
    expect(parse(Buffer.concat([encoded, Buffer.alloc(100_000, ' ')]))).toBe('format/malformed');
  });

  it.for([
    ['version 2', lines.replace('1,', '2,'), 'format/newer'],
    ['version 2 with other fields', '{\n  "format": "valence",\n  "version": 2,\n', 'format/newer'],
    ['a required feature', lines.replace('[]', '["holograms"]'), 'format/newer'],
    ['another format', lines.replace('"valence"', '"tar"'), 'format/malformed'],
    ['a version in words', lines.replace('1,', '"1",'), 'format/malformed'],
    ['no required features', lines.replace('  "requiredFeatures": [],\n', ''), 'format/malformed'],
    ['features that are no list', lines.replace('[]', '{}'), 'format/malformed'],
    ['no vault', lines.replace(/ {2}"vault".*\n/, ''), 'format/malformed'],
    ['a vault that is no id', lines.replace(FILE.vaultId, 'vault'), 'format/malformed'],
    ['an unknown field', lines.replace('  "vault"', '  "colour": "green",\n  "vault"'), 'format/malformed'],
    ['other spaces', lines.replace(': 1', ':1'), 'format/malformed'],
    ['no JSON', '{\n', 'format/malformed'],
    ['nothing at all', '', 'format/malformed'],
  ] as const)('with a right digest and %s', ([, text, code]) => {
    expect(parse(digested(text))).toBe(code);
  });
});
