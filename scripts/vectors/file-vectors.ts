import { encodeArmour } from '../../src/format/keys/armour.ts';
import { createHostKey, encodeHostKey } from '../../src/format/keys/host-key.ts';
import { encodeMasterKey } from '../../src/format/keys/master-key.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { encodeVaultFile } from '../../src/format/vault-file.ts';
import { applySplices, seededRandom } from '../../test/vectors/vector.ts';
import type { Given, Splice } from '../../test/vectors/vector.ts';
import { changed, flipped, hex, VectorCollection } from './collection.ts';
import { MASTER_SEED, OWNER, sampleBundle, sampleContent } from './key-vectors.ts';

/** Key files, padding and valence.json, FORMAT.md §2.2, §3.7 to §3.9, §4.5 and §4.6. */

const BAD = 'format/malformed';
const NEWER = 'format/newer';
/** The least that the format allows. */
export const CHEAP = { memoryKib: 8, passes: 1, lanes: 1 } as const;
export const PASSPHRASE = 'correct horse battery staple';

export async function keyFileVectors(): Promise<VectorCollection> {
  const file = new VectorCollection(
    'Armour, master.key, host.key and passphrases (FORMAT.md §3.7 to §3.9). The files are text, as UTF-8 in hexadecimal.',
  );
  await passphraseVectors(file);
  await masterKeyVectors(file);
  await hostKeyVectors(file);
  return file;
}

async function passphraseVectors(file: VectorCollection): Promise<void> {
  for (const typed of [
    PASSPHRASE,
    ' spaces stay ',
    'line feed\n',
    'carriage return\r\n',
    'two\n\n',
    'ﬀ Ａ\u00a0e\u0301',
    'x'.repeat(1024),
  ]) {
    await file.accept(passphraseId(typed), 'passphrase', 'F-3.8.4', { typed });
  }
  for (const typed of ['', '\n', '\r\n', 'x'.repeat(1025), 'é'.repeat(513), '\ud800', 'a\udc00b']) {
    await file.refuse(passphraseId(typed), 'passphrase', ['F-3.8.4', 'key/passphrase'], { typed });
  }
}

async function masterKeyVectors(file: VectorCollection): Promise<void> {
  const bytes = Buffer.from(await encodeMasterKey(MASTER_SEED, PASSPHRASE, seededRandom('master.key'), CHEAP));
  const costly = await encodeMasterKey(MASTER_SEED, PASSPHRASE, seededRandom('costly'), {
    memoryKib: 64,
    passes: 2,
    lanes: 3,
  });
  const text = bytes.toString();
  const valid = { file: changed('master.key'), passphrase: PASSPHRASE };
  await file.accept('master.key', 'master-key', '3.8', { file: hex(bytes), passphrase: PASSPHRASE });
  await file.accept('other cost', 'master-key', '3.8', { file: hex(costly), passphrase: PASSPHRASE });
  const rewritten = (change: string): Given => ({ ...valid, file: hex(Buffer.from(change)) });
  await file.accept(
    'blank lines and CRLF',
    'master-key',
    'F-3.7.1',
    rewritten(`\n${text.replaceAll('\n', ' \t\r\n\n')}`),
  );
  const refuse = async (id: string, rule: readonly [string, string], given: Given): Promise<void> =>
    file.refuse(id, 'master-key', rule, given);
  await refuse('wrong passphrase', ['F-3.8.3', 'key/passphrase'], {
    ...valid,
    passphrase: 'correct horse battery stable',
  });
  await refuse('passphrase with a space more', ['F-3.8.3', 'key/passphrase'], {
    ...valid,
    passphrase: `${PASSPHRASE} `,
  });
  await refuse('no passphrase', ['F-3.8.4', 'key/passphrase'], { ...valid, passphrase: '' });
  await refuse('version 2', ['F-3.7.3', NEWER], rewritten(text.replace('key v1', 'key v2')));
  await refuse('another kind', ['F-3.7.2', BAD], rewritten(text.replace('master', 'host')));
  await refuse('version 0', ['F-3.7.2', BAD], rewritten(text.replace('key v1', 'key v0')));
  await refuse('note changed', ['F-3.7.2', BAD], rewritten(text.replace('Opens', 'opens')));
  await refuse(
    'base64 changed',
    ['F-3.7.2', BAD],
    rewritten(text.replace(/\n([A-Za-z0-9+/]{4})/, (_, four: string) => `\n${four === 'AAAA' ? 'BAAA' : 'AAAA'}`)),
  );
  await refuse(
    'checksum changed',
    ['F-3.7.2', BAD],
    rewritten(text.replace(/checksum (.)/, (_, digit: string) => `checksum ${digit === '0' ? '1' : '0'}`)),
  );
  await refuse('no checksum', ['F-3.7.2', BAD], rewritten(text.replace(/checksum.*\n/, '')));
  await refuse('non-ASCII note', ['F-3.7.2', BAD], rewritten(text.replace('Opens', 'Öpens')));
  await refuse('empty file', ['F-3.7.2', BAD], rewritten(''));
  const payload = base64Of(text);
  const withPayload = (...splices: readonly Splice[]): Given => {
    const notes = ['Changed.'];
    return {
      ...valid,
      file: hex(encodeArmour({ kind: 'master key', notes, payload: applySplices(payload, splices) })),
    };
  };
  const lines = text.split('\n');
  const moved = [lines[0], lines[2], lines[1], ...lines.slice(3, -2)].join('\n');
  await refuse('note after the base64', ['F-3.7.2', BAD], rewritten(`${moved}\n${checksumLine(moved)}\n`));
  await refuse('memory below 8 KiB a lane', ['F-3.8.2', BAD], withPayload([0, 4, '00000007']));
  await refuse('memory above the maximum', ['F-3.8.2', BAD], withPayload([0, 4, '00100001']));
  await refuse('no passes', ['F-3.8.2', BAD], withPayload([4, 1, '00']));
  await refuse('17 passes', ['F-3.8.2', BAD], withPayload([4, 1, '11']));
  await refuse('no lanes', ['F-3.8.2', BAD], withPayload([5, 1, '00']));
  await refuse('17 lanes', ['F-3.8.2', BAD], withPayload([0, 4, '00000100'], [5, 1, '11']));
  await refuse('cost changed', ['F-3.8.3', 'key/passphrase'], withPayload([4, 1, '02']));
  await refuse('salt changed', ['F-3.8.3', 'key/passphrase'], withPayload(flipped(payload, 6)));
  await refuse('nonce changed', ['F-3.8.3', 'key/passphrase'], withPayload(flipped(payload, 22)));
  await refuse('ciphertext changed', ['F-3.8.3', 'key/passphrase'], withPayload(flipped(payload, -1)));
  await refuse('payload truncated', ['F-3.8.2', BAD], withPayload([-1, 1, '']));
  await refuse('payload extended', ['F-3.8.2', BAD], withPayload([payload.length, 0, '00']));
}

function checksumLine(lines: string): string {
  return `checksum ${hex(sha256(Buffer.from(`${lines}\n`)).subarray(0, 8))}`;
}

async function hostKeyVectors(file: VectorCollection): Promise<void> {
  const content = sampleContent();
  const key = createHostKey({
    bundle: sampleBundle(content),
    opened: content,
    owner: OWNER.public,
    recipients: content.recipients,
  });
  const bytes = Buffer.from(encodeHostKey(key));
  await file.accept('host.key', 'host-key', '3.9', { file: hex(bytes) });
  const payload = base64Of(bytes.toString());
  await file.accept('payload', 'host-key-payload', '3.9', { payload: hex(payload) });
  const refuse = async (id: string, ...splices: readonly Splice[]): Promise<void> =>
    file.refuse(`payload, ${id}`, 'host-key-payload', ['F-3.9.1', BAD], { payload: changed('payload', ...splices) });
  const other = seededRandom('other');
  const owner = 4 + key.bundle.length;
  const recipients = owner + 1984 + 1216;
  await refuse('another Ed25519 seed', [-64, 32, hex(other.bytes(32))]);
  await refuse('another ML-DSA seed', [-32, 32, hex(other.bytes(32))]);
  await refuse('bundle changed', flipped(payload, owner - 1));
  await refuse('bundle longer than allowed', [0, 4, '00028001']);
  await refuse('another owner', flipped(payload, owner + 40));
  await refuse('owner not among the recipients', flipped(payload, recipients - 1));
  await refuse('another recipient', flipped(payload, recipients + 1216));
  await refuse('no recipients', [recipients, 1 + 1216, '00']);
  await refuse('a recipient twice', [recipients, 1, `02${hex(key.recipients[0]!)}`]);
  await refuse('truncated', [-1, 1, '']);
  await refuse('extended', [payload.length, 0, '00']);
  await file.refuse('host.key, version 2', 'host-key', ['F-3.7.3', NEWER], {
    file: changed('host.key', [18, 1, '32']),
  });
  await file.refuse('host.key, truncated', 'host-key', ['F-3.7.2', BAD], { file: changed('host.key', [-40, 40, '']) });
}

/** The payload of an armoured file. */
function base64Of(text: string): Buffer {
  const lines = text.split('\n').filter((line) => !/^(valence|#|checksum) /.test(line));
  return Buffer.from(lines.join(''), 'base64');
}

export async function paddingVectors(): Promise<VectorCollection> {
  const file = new VectorCollection('Padmé and padded plaintext (FORMAT.md §4.5, §4.6).');
  const powers = Array.from({ length: 53 }, (_, i) => 2 ** i);
  const lengths = [
    0,
    ...Array.from({ length: 70 }, (_, i) => i + 1),
    100,
    1000,
    1_000_001,
    ...powers.slice(7, 52).flatMap((p) => [p - 1, p, p + 1]),
  ];
  await file.accept('lengths', 'padme', '4.5', { lengths });
  for (const length of [0, 1, 5, 100, 1000]) {
    await file.accept(`pad ${length}`, 'pad', '4.6', { plaintext: hex(seededRandom('pad').bytes(length)) });
  }
  const padded = file.bytes('pad 100', 'plaintext');
  const good = Buffer.concat([Buffer.of(0, 0, 0, 100), padded]);
  const filled = Buffer.concat([good, Buffer.alloc(0)]);
  await file.accept('unpad', 'unpad', '4.6', { padded: hex(filled) });
  await file.accept('unpad with padding', 'unpad', '4.6', { padded: `00000005${'11'.repeat(5)}00` });
  const refuse = async (id: string, text: string): Promise<void> =>
    file.refuse(id, 'unpad', ['F-4.6.1', BAD], { padded: text });
  await refuse('padding not zero', `00000005${'11'.repeat(5)}01`);
  await refuse('padding too short', `00000005${'11'.repeat(5)}`);
  await refuse('padding too long', `00000005${'11'.repeat(5)}0000`);
  await refuse('length one too small', `00000004${'11'.repeat(5)}00`);
  await refuse('length beyond the end', `00000007${'11'.repeat(5)}00`);
  await refuse('length of 4 GiB', `ffffffff${'11'.repeat(5)}00`);
  await refuse('too short for a length', '000000');
  await refuse('nothing', '');
  await refuse('8 zeros around nothing', '00'.repeat(8));
  return file;
}

export async function vaultFileVectors(): Promise<VectorCollection> {
  const file = new VectorCollection('valence.json (FORMAT.md §2.2), as UTF-8 in hexadecimal.');
  const ids = { vaultId: '0197f0a0-1111-7222-8333-444455556666', holder: 'a3bb189e-8bf9-4c1b-9e2f-0123456789ab' };
  const text = Buffer.from(encodeVaultFile(ids)).toString();
  await file.accept('valence.json', 'vault-file', '2.2', { file: hex(Buffer.from(text)) });
  const plain = async (id: string, rule: readonly [string, string], change: string): Promise<void> =>
    file.refuse(id, 'vault-file', rule, { file: hex(Buffer.from(change)) });
  const redigested = async (id: string, rule: readonly [string, string], change: string): Promise<void> => {
    const lines = change.slice(0, change.lastIndexOf('  "digest"'));
    await plain(id, rule, `${lines}  "digest": "${hex(sha256(Buffer.from(lines)))}"\n}\n`);
  };
  await redigested('version 2', ['F-2.2.2', NEWER], text.replace('"version": 1', '"version": 2'));
  await redigested('a required feature', ['F-2.2.2', NEWER], text.replace('[]', '["parity-of-parities"]'));
  await redigested(
    'version 2 with other fields',
    ['F-2.2.2', NEWER],
    '{\n  "format": "valence",\n  "version": 2,\n  "elsewhere": {}\n  ,  "digest"',
  );
  await plain('version changed without the digest', ['F-2.2.1', BAD], text.replace('"version": 1', '"version": 2'));
  await plain('vault id changed', ['F-2.2.1', BAD], text.replace('0197', '0198'));
  await plain('digest changed', ['F-2.2.1', BAD], text.replace(/"digest": "./, '"digest": "g'));
  await plain('truncated', ['F-2.2.1', BAD], text.slice(0, -1));
  await plain('extended', ['F-2.2.1', BAD], `${text}\n`);
  await plain('empty', ['F-2.2.1', BAD], '');
  await redigested('another format', ['F-2.2.3', BAD], text.replace('"valence"', '"balance"'));
  await redigested('version as text', ['F-2.2.3', BAD], text.replace('"version": 1', '"version": "1"'));
  await redigested('no vault id', ['F-2.2.3', BAD], text.replace(/ {2}"vault".*\n/, ''));
  await redigested('holder id is none', ['F-2.2.3', BAD], text.replace('a3bb189e', 'x3bb189e'));
  await redigested('no features', ['F-2.2.3', BAD], text.replace(/ {2}"requiredFeatures".*\n/, ''));
  await redigested(
    'a field more',
    ['F-2.2.3', BAD],
    text.replace('  "requiredFeatures"', '  "extra": 1,\n  "requiredFeatures"'),
  );
  await redigested(
    'fields in another order',
    ['F-2.2.3', BAD],
    text.replace(/( {2}"vault".*\n)( {2}"holder".*\n)/, '$2$1'),
  );
  await redigested('other spaces', ['F-2.2.3', BAD], text.replace('  "vault"', '   "vault"'));
  await file.refuse('not UTF-8', 'vault-file', ['F-4.3.1', BAD], { file: changed('valence.json', [5, 1, 'ff']) });
  return file;
}

function passphraseId(typed: string): string {
  return `passphrase ${JSON.stringify(typed.slice(0, 24))}, ${typed.length} characters`;
}
