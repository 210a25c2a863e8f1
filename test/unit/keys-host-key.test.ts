import { describe, expect, test } from 'vitest';
import { toHex, view } from '../../src/core/bytes.ts';
import { decodeArmour, encodeArmour } from '../../src/format/keys/armour.ts';
import { encodeBundle } from '../../src/format/keys/bundle.ts';
import { createHostKey, encodeHostKey, parseHostKey } from '../../src/format/keys/host-key.ts';
import type { HostKey } from '../../src/format/keys/host-key.ts';
import { EVERY_BIT, codeOf, owner, sampleBundle, sampleHostKey, withBitFlipped } from './keys-fixture.ts';

const alice = owner('alice');
const spare = owner('spare');
const mallory = owner('mallory');
const key = sampleHostKey(alice, [spare]);
const file = encodeHostKey(key);

describe('host.key', () => {
  test('round trip', () => {
    const parsed = parseHostKey(file);
    expect(toHex(encodeHostKey(parsed))).toBe(toHex(file));
    for (const field of ['vaultId', 'generation', 'writerId', 'bundle'] as const) {
      expect(toHex(parsed[field]), `field ${field}`).toBe(toHex(key[field]));
    }
    expect(toHex(parsed.secrets.maskKey)).toBe(toHex(key.secrets.maskKey));
    expect(parsed.recipients.map(toHex)).toEqual(key.recipients.map(toHex));
  });

  test('says in its first lines what it is', () => {
    const [title, note] = view(file).toString('latin1').split('\n');
    expect(title).toBe('valence host key v1');
    expect(note).toMatch(/^# SECRET/);
  });

  test('the recipients stand in the order of the bundle', () => {
    expect(toHex(encodeHostKey(sampleHostKey(alice, [spare])))).toBe(toHex(file));
  });

  test.for<[string, Partial<HostKey>]>([
    ['another owner', { owner: mallory.public }],
    ['another verifying key', { owner: { ...alice.public, verifyingKey: mallory.public.verifyingKey } }],
    ['an owner who is no recipient', { owner: { ...alice.public, recipient: mallory.public.recipient } }],
    ['a recipient too many', { recipients: [...key.recipients, mallory.public.recipient] }],
    ['no recipient', { recipients: [] }],
    ['recipients out of order', { recipients: key.recipients.toReversed() }],
    ['another signing key', { signingKey: mallory.signingKey }],
    ['another bundle', { bundle: encodeBundle(sampleBundle(mallory)) }],
  ])('%s: malformed', ([, change]) => {
    expect(codeOf(() => parseHostKey(encodeHostKey({ ...key, ...change })))).toBe('format/malformed');
  });

  test('a later version is newer, a master key is malformed', () => {
    const retitled = (title: string) =>
      Buffer.from(view(file).toString('latin1').replace('valence host key v1', title));
    expect(codeOf(() => parseHostKey(retitled('valence host key v7')))).toBe('format/newer');
    expect(codeOf(() => parseHostKey(retitled('valence master key v1')))).toBe('format/malformed');
  });

  test('a payload that ends early or late is malformed', () => {
    const payload = decodeArmour(file, 'host key');
    for (const changed of [
      payload.subarray(0, -1),
      payload.subarray(0, 3),
      Buffer.concat([payload, Uint8Array.of(0)]),
    ]) {
      const rewritten = encodeArmour({ kind: 'host key', notes: [], payload: changed });
      expect(codeOf(() => parseHostKey(rewritten))).toBe('format/malformed');
    }
  });

  test('every flipped bit is damage', { timeout: 120_000 }, () => {
    const small = encodeHostKey(sampleHostKey(alice));
    const missed: number[] = [];
    for (let bit = 0; bit < small.length * 8; bit += EVERY_BIT ? 1 : 9) {
      const code = codeOf(() => parseHostKey(withBitFlipped(small, bit)));
      if (code !== 'format/malformed' && code !== 'format/newer') missed.push(bit);
    }
    expect(missed).toEqual([]);
  });

  test('truncation at every length is damage, but for the last newline', { timeout: 60_000 }, () => {
    const missed: number[] = [];
    for (let length = 0; length < file.length - 1; length += 1) {
      if (codeOf(() => parseHostKey(file.subarray(0, length))) !== 'format/malformed') missed.push(length);
    }
    expect(missed).toEqual([]);
  });

  test('parts that do not belong together are a programming error', () => {
    const parts = {
      bundle: sampleBundle(alice),
      opened: key,
      owner: alice.public,
      recipients: [mallory.public.recipient],
    };
    expect(codeOf(() => createHostKey(parts))).toBe('internal/invariant');
  });
});
