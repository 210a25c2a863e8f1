import { createCipheriv } from 'node:crypto';
import { domainTag } from '../../src/format/keys/derive.ts';
import { runOperation } from '../../test/vectors/operations.ts';
import { pattern, seededRandom } from '../../test/vectors/vector.ts';
import type { Given } from '../../test/vectors/vector.ts';
import { changed, flipped, hex, VectorCollection } from './collection.ts';

/** Sealed chunks, stripes, masks and commitments, FORMAT.md §6. */

const AUTH = 'integrity/authentication-failed';
const BAD = 'format/malformed';

/** Seals any payload, as none of our writers does: the bytes do not hang on a compressor's version. */
export function sealPayload(kind: number, payload: Uint8Array, key: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, Buffer.alloc(12));
  cipher.setAAD(Buffer.concat([domainTag('chunk'), Buffer.of(kind)]));
  return Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
}

/** `payload` of a sealed chunk, FORMAT.md §6.1. */
export function payloadOf(method: number, length: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(5, method);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, data]);
}

/**
 * One Zstandard frame (RFC 8878 §3.1) of blocks that repeat one byte where at least 64 bytes are equal, and of raw blocks
 * elsewhere: compression that any release of the library reads and none would write otherwise.
 */
export function plainFrame(bytes: Uint8Array): Buffer {
  const head = Buffer.from('28b52ffda000000000', 'hex');
  head.writeUInt32LE(bytes.length, 5);
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length || blocks.length === 0;) {
    const { length, repeats } = nextRun(bytes, at);
    const last = at + length >= bytes.length ? 1 : 0;
    const word = Buffer.alloc(4);
    word.writeUInt32LE(last | ((repeats ? 1 : 0) << 1) | (length << 3));
    blocks.push(word.subarray(0, 3), Buffer.from(bytes.subarray(at, at + (repeats ? 1 : length))));
    at += length;
  }
  return Buffer.concat([head, ...blocks]);
}

const BLOCK_BYTES_MAX = 128 * 1024;

function nextRun(bytes: Uint8Array, at: number): { length: number; repeats: boolean } {
  const run = runAt(bytes, at);
  if (run >= 64) return { length: Math.min(run, BLOCK_BYTES_MAX), repeats: true };
  let end = at + run;
  while (end < bytes.length && end - at < BLOCK_BYTES_MAX) {
    const next = runAt(bytes, end);
    if (next >= 64) break;
    end += next;
  }
  return { length: Math.min(end - at, BLOCK_BYTES_MAX), repeats: false };
}

function runAt(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < bytes.length && bytes[end] === bytes[at]) end += 1;
  return end - at;
}

/** What zstd 1.5 at level 3 makes of `COMPRESSED_TEXT`, for readers that bring their own decoder. */
const COMPRESSED_TEXT =
  'Beliefs are statements; edges between beliefs support, contradict, supersede or derive. '.repeat(12);
const COMPRESSED_HEX =
  '28b52ffd6020036d0200d2840f1590b5e908ed6b4d48f55b9b4bb8eb2eb4569dee5e211516a0db7aaadb78933cc8ca6552a7' +
  '244fad1540d3f483dc1437ec0e9869c05912fb9562313a260203008a6fa1029cf63e658a0c';

export async function sealingVectors(): Promise<VectorCollection> {
  const file = new VectorCollection('Sealed chunks (FORMAT.md §6.1). chunk need not be one of §5.4 here.');
  const random = seededRandom('sealing');
  const [key, chunk] = [random.bytes(32), Buffer.from('0101000100000000', 'hex')];
  await file.accept('seal as it is', 'seal-chunk-as-it-is', '6.1', { kind: 1, key: hex(key), chunk: hex(chunk) });
  await file.accept('seal a piece', 'seal-chunk-as-it-is', '6.1', { kind: 3, key: hex(key), chunk: hex(pattern(300)) });
  const sealed = sealPayload(1, payloadOf(0, chunk.length, chunk), key);
  await file.accept('stored', 'open-chunk', '6.1', { kind: 1, key: hex(key), sealed: hex(sealed) });
  const open = async (id: string, kind: number, payload: Buffer): Promise<void> =>
    file.accept(id, 'open-chunk', '6.1', { kind, key: hex(key), sealed: hex(sealPayload(kind, payload, key)) });
  await open('empty chunk', 3, payloadOf(0, 0, Buffer.alloc(0)));
  await open(
    'Zstandard, raw and repeating blocks',
    2,
    payloadOf(1, 1300, plainFrame(Buffer.concat([pattern(300), Buffer.alloc(1000)]))),
  );
  await open(
    'Zstandard, as a compressor writes it',
    1,
    payloadOf(1, COMPRESSED_TEXT.length, Buffer.from(COMPRESSED_HEX, 'hex')),
  );
  const refuse = async (id: string, rule: readonly [string, string], given: Given): Promise<void> =>
    file.refuse(id, 'open-chunk', rule, { kind: 1, key: changed('stored'), sealed: changed('stored'), ...given });
  await refuse('another key', ['F-6.1.2', AUTH], { key: changed('stored', flipped(key, 0)) });
  await refuse('another kind', ['F-6.1.2', AUTH], { kind: 3 });
  await refuse('ciphertext changed', ['F-6.1.2', AUTH], { sealed: changed('stored', flipped(sealed, 6)) });
  await refuse('method changed', ['F-6.1.2', AUTH], { sealed: changed('stored', flipped(sealed, 0)) });
  await refuse('tag changed', ['F-6.1.2', AUTH], { sealed: changed('stored', flipped(sealed, -1)) });
  await refuse('truncated', ['F-6.1.2', AUTH], { sealed: changed('stored', [-1, 1, '']) });
  await refuse('extended', ['F-6.1.2', AUTH], { sealed: changed('stored', [sealed.length, 0, '00']) });
  await refuse('20 bytes', ['F-6.1.2', BAD], { sealed: changed('stored', [20, 100, '']) });
  await refuse('nothing', ['F-6.1.2', BAD], { sealed: '' });
  const refusePayload = async (id: string, payload: Buffer): Promise<void> =>
    refuse(id, ['F-6.1.3', BAD], { sealed: hex(sealPayload(1, payload, key)) });
  const frame = plainFrame(Buffer.alloc(1000));
  await refusePayload('method 2', payloadOf(2, 8, chunk));
  await refusePayload('stored, length too small', payloadOf(0, 7, chunk));
  await refusePayload('stored, length too large', payloadOf(0, 9, chunk));
  await refusePayload('length above the maximum', payloadOf(0, 1_048_513, chunk));
  await refusePayload('compressed, length above the maximum', payloadOf(1, 0xffff_ffff, frame));
  await refusePayload('gives more than it says', payloadOf(1, 999, frame));
  await refusePayload('gives less than it says', payloadOf(1, 1001, frame));
  await refusePayload('bomb', payloadOf(1, 8, plainFrame(Buffer.alloc(4_000_000))));
  await refusePayload('not Zstandard', payloadOf(1, 8, chunk));
  await refusePayload('frame cut short', payloadOf(1, 1000, frame.subarray(0, -1)));
  return file;
}

export async function stripeVectors(): Promise<VectorCollection> {
  const file = new VectorCollection(
    'Stripes, masks and commitments (FORMAT.md §6.3 to §6.5). commit-pattern: byte i is the lowest byte of i × i + ⌊i / 251⌋.',
  );
  for (const [k, n] of [
    [1, 1],
    [1, 3],
    [3, 5],
    [5, 9],
    [7, 15],
    [10, 15],
  ] as const)
    await file.accept(`matrix ${k}/${n}`, 'matrix', '6.3', { k, n });
  for (const [k, n] of [
    [1, 1],
    [1, 3],
    [3, 5],
    [5, 9],
  ] as const) {
    await file.accept(`stripe ${k}/${n}`, 'encode-stripe', '6.3', { k, n, pack: hex(pattern(100)) });
    await file.accept(`stripe ${k}/${n} of one byte`, 'encode-stripe', '6.3', { k, n, pack: '5a' });
  }
  await decodeVectors(file);
  await maskVectors(file);
  for (const length of [1, 4095, 4096, 4097, 8192, 12_289, 65_536, 65_537, 200_000]) {
    await file.accept(`commitment to ${length} bytes`, 'commit-pattern', '6.5', { length });
  }
  const group = pattern(5000);
  const { root, groups } = (await runOperation('commit-pattern', { length: 5000 })) as {
    root: string;
    groups: readonly string[];
  };
  await file.accept('group', 'audit-group', 'F-6.5.1', { group: hex(group), top: groups[0] });
  const refuse = async (id: string, given: Given): Promise<void> =>
    file.refuse(`group, ${id}`, 'audit-group', ['F-6.5.1', AUTH], {
      group: changed('group'),
      top: changed('group'),
      ...given,
    });
  await refuse('byte changed', { group: changed('group', flipped(group, 4999)) });
  await refuse('leaves swapped', { group: hex(Buffer.concat([group.subarray(4096), group.subarray(0, 4096)])) });
  await refuse('leaf missing', { group: changed('group', [4096, 904, '']) });
  await refuse('leaf added', { group: changed('group', [5000, 0, '00'.repeat(4096)]) });
  await refuse('held against the root', { top: root });
  return file;
}

async function decodeVectors(file: VectorCollection): Promise<void> {
  const encoded = (await runOperation('encode-stripe', { k: 3, n: 5, pack: hex(pattern(100)) })) as {
    shards: string[];
    packDigest: string;
    shardLength: number;
  };
  const geometry = { k: 3, n: 5, shardLength: encoded.shardLength, packLength: 100, packDigest: encoded.packDigest };
  const some = (...there: readonly number[]): (string | null)[] =>
    encoded.shards.map((shard, i) => (there.includes(i) ? shard : null));
  for (const there of [
    [0, 1, 2],
    [0, 2, 4],
    [2, 3, 4],
    [0, 1, 2, 3, 4],
  ]) {
    await file.accept(`decode from ${there.join(', ')}`, 'decode-stripe', '6.3', {
      ...geometry,
      shards: some(...there),
    });
  }
  const refuse = async (
    id: string,
    rule: readonly [string, string],
    shards: readonly (string | null)[],
    more: Given = {},
  ): Promise<void> => file.refuse(`decode, ${id}`, 'decode-stripe', rule, { ...geometry, shards, ...more });
  await refuse('two shards', ['F-6.3.1', 'integrity/too-few-shards'], some(0, 4));
  await refuse('no shards', ['F-6.3.1', 'integrity/too-few-shards'], some());
  const [a, b, c, d] = encoded.shards;
  await refuse('data shards swapped', ['F-6.3.2', AUTH], [b!, a!, c!, null, null]);
  await refuse('parity in place of data', ['F-6.3.2', AUTH], [a!, b!, d!, null, null]);
  await refuse('parity shards swapped', ['F-6.3.2', AUTH], [a!, null, null, encoded.shards[4]!, d!]);
  await refuse('shard changed', ['F-6.3.2', AUTH], [`${a!.slice(0, -2)}ff`, b!, c!, null, null]);
  await refuse('another digest', ['F-6.3.2', AUTH], some(0, 1, 2), { packDigest: '00'.repeat(32) });
  await refuse('another profile', ['F-6.3.2', AUTH], some(0, 3, 4).slice(0, 4), { n: 4, k: 2 });
}

async function maskVectors(file: VectorCollection): Promise<void> {
  const random = seededRandom('mask');
  const given = {
    maskKey: hex(random.bytes(32)),
    stripeId: hex(random.bytes(32)),
    holder: hex(random.bytes(16)),
    index: 2,
    epoch: 0,
    shard: hex(pattern(40)),
  };
  await file.accept('mask', 'mask', '6.4', given);
  await file.accept('mask of another index', 'mask', '6.4', { ...given, index: 255 });
  await file.accept('mask of another epoch', 'mask', '6.4', { ...given, epoch: 0x0102_0304 });
  await file.accept('mask of another holder', 'mask', '6.4', { ...given, holder: '00'.repeat(16) });
  const { stored } = (await runOperation('mask', given)) as { stored: string };
  await file.accept('mask taken off', 'mask', '6.4', { ...given, shard: stored });
  await file.accept('name of a shard', 'name', '6.4', { bytes: stored });
}
