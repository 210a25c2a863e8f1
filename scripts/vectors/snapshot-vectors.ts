import { utf8 } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import { encodeSegment } from '../../src/format/index/segment.ts';
import { encodeSegmentBody } from '../../src/format/index/segment-body.ts';
import type { SegmentBody } from '../../src/format/index/segment-body.ts';
import { aeadSeal } from '../../src/format/keys/aead.ts';
import { derive, LABELS } from '../../src/format/keys/derive.ts';
import { sealEnvelope } from '../../src/format/keys/envelope.ts';
import { sign, verifyingKeyOf } from '../../src/format/keys/signature.ts';
import { pad } from '../../src/format/padding.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { encodeManifestBody } from '../../src/format/snapshot/body.ts';
import type { ManifestBody } from '../../src/format/snapshot/body.ts';
import { encodeManifestHeader } from '../../src/format/snapshot/header.ts';
import type { ManifestHeader } from '../../src/format/snapshot/header.ts';
import { encodeManifest } from '../../src/format/snapshot/manifest.ts';
import { encodeSummary } from '../../src/format/snapshot/summary.ts';
import type { SnapshotSummary } from '../../src/format/snapshot/summary.ts';
import { pattern, seededRandom } from '../../test/vectors/vector.ts';
import type { Given, Splice } from '../../test/vectors/vector.ts';
import { changed, flipped, hex, VectorCollection } from './collection.ts';
import { keyText, MASTER_SEED, MOMENT, OWNER, sampleContent } from './key-vectors.ts';

/** Index segments and manifests, FORMAT.md §7 and §8. */

const AUTH = 'integrity/authentication-failed';
const BAD = 'format/malformed';

const WRITER = sampleContent();
const VERIFYING_KEY = keyText(verifyingKeyOf(WRITER.signingKey));
const INDEX_KEY = WRITER.secrets.indexKey;
const IDS = {
  vaultId: uuidText(WRITER.vaultId),
  generation: uuidText(WRITER.generation),
  writerId: uuidText(WRITER.writerId),
};

export function sampleBody(): SegmentBody {
  const random = seededRandom('segment body');
  const chunks = [
    { name: random.bytes(32), length: 100 },
    { name: random.bytes(32), length: 31 },
  ];
  const shards = [0, 2].map((index) => ({
    index,
    holder: random.bytes(16),
    epoch: index,
    name: random.bytes(32),
    root: random.bytes(32),
    groups: [random.bytes(32)],
  }));
  const geometry = { code: 1, k: 2, n: 3, shardLength: 68, packLength: 131, packDigest: random.bytes(32) };
  const inline = [{ bytes: pattern(30), chunks: [{ name: random.bytes(32), length: 30 }] }];
  return { stripes: [{ geometry, shards, chunks }], inline, dropped: [random.bytes(32)] };
}

/** Signs and seals what no writer of ours would. */
function signedSegment(padded: Uint8Array, tier = 'main'): string {
  const salt = seededRandom('salt').bytes(32);
  const name = utf8(tier);
  const ids = [WRITER.vaultId, WRITER.generation, WRITER.writerId];
  const header = Buffer.concat([utf8('valence/v1 index segment\n'), ...ids, Buffer.of(name.length), name, salt]);
  const key = derive(INDEX_KEY, LABELS.indexSegment, 32, salt);
  const sealed = aeadSeal({ key, nonce: Buffer.alloc(12), aad: header }, padded);
  const signature = sign(
    WRITER.signingKey,
    'index segment',
    Buffer.concat([header, sha256(sealed)]),
    seededRandom('signature'),
  );
  return hex(Buffer.concat([header, sized(sealed), signature]));
}

export function sized(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export async function segmentVectors(): Promise<VectorCollection> {
  const file = new VectorCollection('Index segments (FORMAT.md §7).');
  const keys = { indexKey: INDEX_KEY, signingKey: WRITER.signingKey };
  const bytes = encodeSegment({ ...IDS, tier: 'main' }, sampleBody(), keys, seededRandom('segment'));
  await file.accept('segment', 'segment', '7.2', {
    indexKey: hex(INDEX_KEY),
    verifyingKey: VERIFYING_KEY,
    bytes: hex(bytes),
  });
  const refuse = async (id: string, rule: readonly [string, string], given: Given): Promise<void> =>
    file.refuse(id, 'segment', rule, {
      indexKey: changed('segment'),
      verifyingKey: changed('segment'),
      bytes: changed('segment'),
      ...given,
    });
  const splice = async (id: string, rule: readonly [string, string], ...splices: readonly Splice[]): Promise<void> =>
    refuse(id, rule, { bytes: changed('segment', ...splices) });
  const other = verifyingKeyOf({ ed25519: Buffer.alloc(32, 1), mlDsa65: Buffer.alloc(32, 2) });
  await refuse('another index key', ['F-7.2.3', AUTH], { indexKey: changed('segment', flipped(INDEX_KEY, 0)) });
  await refuse('another writer', ['F-7.2.3', AUTH], { verifyingKey: keyText(other) });
  await splice('version 2', ['F-1.3.1', 'format/newer'], [9, 1, '32']);
  await splice('another kind', ['F-1.3.1', BAD], [11, 5, hex(utf8('indes'))]);
  await splice('vault id changed', ['F-7.2.3', AUTH], flipped(bytes, 25));
  await splice('generation changed', ['F-7.2.3', AUTH], flipped(bytes, 41));
  await splice('writer id changed', ['F-7.2.3', AUTH], flipped(bytes, 57));
  await splice('tier changed', ['F-7.2.3', AUTH], [74, 4, hex(utf8('mail'))]);
  await splice('tier in capitals', ['F-2.1.1', BAD], [74, 4, hex(utf8('MAIN'))]);
  await splice('no tier', ['F-2.1.1', BAD], [73, 5, '00']);
  await splice('tier with a path', ['F-2.1.1', BAD], [74, 4, hex(utf8('../a'))]);
  await splice('tier of 33 characters', ['F-2.1.1', BAD], [73, 5, `21${'61'.repeat(33)}`]);
  await splice('tier not UTF-8', ['F-4.3.1', BAD], [74, 1, 'ff']);
  await splice('salt changed', ['F-7.2.3', AUTH], flipped(bytes, 78));
  await splice('body changed', ['F-7.2.3', AUTH], flipped(bytes, 120));
  await splice('body above 4 MiB', ['F-7.2.2', BAD], [110, 4, '00400001']);
  await splice('body one shorter', ['F-4.2.1', BAD], [110, 4, hex(Buffer.from([0, 0, ...shorter(bytes)]))]);
  await splice('signature changed', ['F-7.2.3', AUTH], flipped(bytes, -1));
  await splice('truncated', ['F-4.2.1', BAD], [-1, 1, '']);
  await splice('extended', ['F-4.2.1', BAD], [bytes.length, 0, '00']);
  const body = encodeSegmentBody(sampleBody());
  await file.accept('segment without stripes', 'segment', '7.2', {
    indexKey: changed('segment'),
    verifyingKey: changed('segment'),
    bytes: signedSegment(pad(Buffer.alloc(12)), 'a-tier-with-32-characters-000000'),
  });
  await refuse('padding not zero', ['F-4.6.1', BAD], {
    bytes: signedSegment(Buffer.from('0000000c0000000000000000000000000001', 'hex')),
  });
  await refuse('not padded', ['F-4.6.1', BAD], {
    bytes: signedSegment(Buffer.concat([sized(body), Buffer.alloc(200)])),
  });
  await refuse('signed, body malformed', ['F-4.2.1', BAD], { bytes: signedSegment(pad(body.subarray(0, -1))) });
  await bodyVectors(file, body);
  return file;
}

/** The low half of the length of a sealed body, less one. */
function shorter(bytes: Uint8Array): number[] {
  const length = Buffer.from(bytes).readUInt32BE(110) - 1;
  return [length >> 8, length & 0xff];
}

async function bodyVectors(file: VectorCollection, body: Uint8Array): Promise<void> {
  await file.accept('body', 'segment-body', '7.3', { body: hex(body) });
  await file.accept('empty body', 'segment-body', '7.3', { body: '00'.repeat(12) });
  const refuse = async (id: string, spec: string, ...splices: readonly Splice[]): Promise<void> =>
    file.refuse(`body, ${id}`, 'segment-body', [spec, BAD], { body: changed('body', ...splices) });
  const shard = 48;
  const shardBytes = 1 + 16 + 4 + 32 + 32 + 32;
  const chunks = shard + 2 * shardBytes;
  await refuse('code 2', 'F-7.3.1', [4, 1, '02']);
  await refuse('k = 0', 'F-7.3.1', [5, 1, '00']);
  await refuse('k above n', 'F-7.3.1', [5, 1, '04']);
  await refuse('shard length 0', 'F-7.3.1', [7, 4, '00000000']);
  await refuse('shard length above 1 MiB', 'F-7.3.1', [7, 4, '00100001']);
  await refuse('length of pack 0', 'F-7.3.1', [11, 4, '00000000']);
  await refuse('length of pack above k shards', 'F-7.3.1', [11, 4, '00000089']);
  await refuse('shard index repeated', 'F-7.3.2', [shard + shardBytes, 1, '00']);
  await refuse('shard index descends', 'F-7.3.2', [shard, 1, '02'], [shard + shardBytes, 1, '01']);
  await refuse('shard index of n', 'F-7.3.2', [shard + shardBytes, 1, '03']);
  await refuse('a shard more counted', 'F-7.3.2', [shard - 1, 1, '03']);
  await refuse('chunks shorter than the pack', 'F-7.3.3', [chunks + 4 + 32 + 3, 1, '63']);
  await refuse('chunks longer than the pack', 'F-7.3.3', [chunks + 4 + 32 + 3, 1, '65']);
  await refuse('chunk above 1 MiB', 'F-7.3.3', [chunks + 4 + 32, 4, '00100001']);
  await refuse('no chunks', 'F-7.3.3', [chunks, 4 + 72, '00000000']);
  await refuse('stripes without end', 'F-7.3.4', [0, 4, 'ffffffff']);
  await refuse('chunks without end', 'F-7.3.4', [chunks, 4, 'ffffffff']);
  await refuse('one stripe more counted', 'F-4.2.1', [0, 4, '00000002']);
  const inline = chunks + 4 + 72;
  await refuse('pack above 65,536 bytes', 'F-7.3.3', [inline + 4, 4, '00010001']);
  await refuse('pack without chunks', 'F-7.3.3', [inline + 8 + 30, 4 + 36, '00000000']);
  await refuse('dropped without end', 'F-7.3.4', [-36, 4, 'ffffffff']);
  await refuse('dropped name cut short', 'F-4.2.1', [-1, 1, '']);
  await refuse('extended', 'F-4.2.1', [body.length, 0, '00']);
  await refuse('nothing', 'F-4.2.1', [0, body.length, '']);
}

function sampleManifest(): { header: ManifestHeader; summary: SnapshotSummary; body: ManifestBody } {
  const random = seededRandom('manifest parts');
  const contentRoot = random.bytes(32);
  const header = {
    ...IDS,
    tier: 'main',
    sequence: 7,
    previous: random.bytes(32),
    createdAt: MOMENT,
    salt: random.bytes(32),
    index: [random.bytes(32), random.bytes(32)],
  };
  const summary = {
    contentRoot,
    counts: { beliefs: 2, belief_edges: 0 },
    logicalBytes: 1234,
    newBytes: 700,
    storedBytes: 2100,
    survives: 2,
    degraded: false,
    schemaVersion: 1,
    engine: 'PostgreSQL 17.11, pgvector 0.8.0',
    profile: { k: 3, n: 5 },
    holders: [{ id: uuidText(random.bytes(16)), name: 'disk', type: 'directory', domain: 'house' }],
    heads: [{ tier: 'weekly', sequence: 2, digest: random.bytes(32) }],
  };
  const tree = (code: number, modelId: Uint8Array): ManifestBody['trees'][number] => ({
    summary: {
      code,
      rowVersion: 1,
      level: code === 1 ? 2 : 0,
      modelId,
      contentId: random.bytes(32),
      rows: 2,
      bytes: 617,
    },
    root: { name: random.bytes(32), key: random.bytes(32) },
  });
  const trees = [tree(1, Buffer.alloc(16)), tree(8, random.bytes(16))];
  return { header, summary, body: { contentRoot, schemaVersion: 1, trees, configuration: 'version: 1\n' } };
}

/** Signs any header, summary and body as a manifest. */
function signedManifest(header: Uint8Array, paddedSummary: Uint8Array, body: Uint8Array): string {
  const { salt } = sampleManifest().header;
  const key = derive(INDEX_KEY, LABELS.snapshotSummary, 32, salt);
  const summary = aeadSeal({ key, nonce: Buffer.alloc(12), aad: header }, paddedSummary);
  const context = { purpose: 'snapshot', aad: header, maxBytes: 4 * 1024 * 1024 };
  const envelope = sealEnvelope([OWNER.public.recipient], body, context, seededRandom('manifest'));
  const message = Buffer.concat([sized(header), sha256(summary), sha256(envelope)]);
  const signature = sign(WRITER.signingKey, 'snapshot', message, seededRandom('signature'));
  return hex(Buffer.concat([utf8('valence/v1 snapshot\n'), sized(header), sized(summary), sized(envelope), signature]));
}

export async function manifestVectors(): Promise<VectorCollection> {
  const file = new VectorCollection('Manifests (FORMAT.md §8).');
  const parts = sampleManifest();
  const keys = { indexKey: INDEX_KEY, signingKey: WRITER.signingKey, recipients: [OWNER.public.recipient] };
  const bytes = encodeManifest(parts, keys, seededRandom('manifest'));
  const [header, summary, body] = [
    encodeManifestHeader(parts.header),
    encodeSummary(parts.summary),
    encodeManifestBody(parts.body),
  ];
  await file.accept('manifest', 'manifest', '8.1', {
    indexKey: hex(INDEX_KEY),
    verifyingKey: VERIFYING_KEY,
    masterSeed: hex(MASTER_SEED),
    bytes: hex(bytes),
  });
  const valid = { indexKey: changed('manifest'), verifyingKey: changed('manifest'), masterSeed: changed('manifest') };
  const refuse = async (id: string, rule: readonly [string, string], given: Given): Promise<void> =>
    file.refuse(id, 'manifest', rule, { ...valid, bytes: changed('manifest'), ...given });
  const splice = async (id: string, rule: readonly [string, string], ...splices: readonly Splice[]): Promise<void> =>
    refuse(id, rule, { bytes: changed('manifest', ...splices) });
  const other = verifyingKeyOf({ ed25519: Buffer.alloc(32, 1), mlDsa65: Buffer.alloc(32, 2) });
  const summaryAt = 20 + 4 + header.length;
  const envelopeAt = summaryAt + 4 + Buffer.from(bytes).readUInt32BE(summaryAt);
  await refuse('another index key', ['F-8.1.4', AUTH], { indexKey: changed('manifest', flipped(INDEX_KEY, 0)) });
  await refuse('another owner', ['F-8.1.4', 'key/wrong-key'], {
    masterSeed: changed('manifest', flipped(MASTER_SEED, 0)),
  });
  await refuse('another writer', ['F-8.1.2', AUTH], { verifyingKey: keyText(other) });
  await splice('version 2', ['F-1.3.1', 'format/newer'], [9, 1, '32']);
  await splice('another kind', ['F-1.3.1', BAD], [11, 8, hex(utf8('snapshut'))]);
  await splice(
    'sequence changed',
    ['F-8.1.2', AUTH],
    [20 + 4 + Buffer.from(header).indexOf('"sequence":7') + 11, 1, hex(utf8('8'))],
  );
  await splice(
    'previous changed',
    ['F-8.1.2', AUTH],
    [20 + 4 + Buffer.from(header).indexOf('"previous":"') + 12, 2, '3030'],
  );
  await splice('header above 4 MiB', ['F-8.1.1', BAD], [20, 4, '00400001']);
  await splice('header not JSON', ['F-4.4.2', BAD], [24, 1, '5b']);
  await splice('header not UTF-8', ['F-4.3.1', BAD], [26, 1, 'ff']);
  await splice('summary changed', ['F-8.1.2', AUTH], flipped(bytes, summaryAt + 10));
  await splice('summary above 4 MiB', ['F-8.1.1', BAD], [summaryAt, 4, '00400001']);
  await splice('envelope changed', ['F-8.1.2', AUTH], flipped(bytes, envelopeAt + 30));
  await splice('envelope above 4 MiB', ['F-8.1.1', BAD], [envelopeAt, 4, '00400001']);
  await splice('signature changed', ['F-8.1.2', AUTH], flipped(bytes, -1));
  await splice('truncated', ['F-4.2.1', BAD], [-1, 1, '']);
  await splice('extended', ['F-4.2.1', BAD], [bytes.length, 0, '00']);
  const changedHeader = Buffer.from(
    Buffer.from(header).toString().replace('"requiredFeatures":[]', '"requiredFeatures":["fast"]'),
  );
  await refuse('a required feature', ['F-8.1.5', 'format/newer'], {
    bytes: signedManifest(changedHeader, pad(summary), body),
  });
  await refuse('summary padding not zero', ['F-4.6.1', BAD], {
    bytes: signedManifest(header, badPadding(summary), body),
  });
  await refuse('summary not JSON', ['F-4.4.2', BAD], { bytes: signedManifest(header, pad(utf8('{')), body) });
  await refuse('body not JSON', ['F-4.4.2', BAD], { bytes: signedManifest(header, pad(summary), utf8('[]')) });
  const withMore = Buffer.from(Buffer.from(header).toString().replace('{', '{ "new field" : [1, {}],'));
  await file.accept('an unknown field', 'manifest', 'F-4.4.2', {
    ...valid,
    bytes: signedManifest(withMore, pad(summary), body),
  });
  await jsonVectors(file, [header, summary, body]);
  return file;
}

function badPadding(plaintext: Uint8Array): Uint8Array {
  const padded = Buffer.from(pad(Buffer.concat([plaintext, Buffer.from(' ')])));
  padded[padded.length - 1]! ^= 1;
  return padded;
}

type Replacement = readonly [id: string, rule: string, find: string | RegExp, replace: string, code?: string];

async function jsonVectors(
  file: VectorCollection,
  [header, summary, body]: readonly [Uint8Array, Uint8Array, Uint8Array],
): Promise<void> {
  const part = async (op: string, bytes: Uint8Array, replacements: readonly Replacement[]): Promise<void> => {
    const json = Buffer.from(bytes).toString();
    await file.accept(op, op, '8', { json });
    for (const [id, spec, find, replace, code] of replacements) {
      const changedJson = json.replace(find, replace);
      if (changedJson === json) throw new Error(`nothing to replace for ${id}`);
      await file.refuse(`${op}, ${id}`, op, [spec, code ?? BAD], { json: changedJson });
    }
  };
  await part('manifest-header', header, [
    ['sequence 0', 'F-8.2.2', '"sequence":7', '"sequence":0'],
    ['sequence as text', 'F-4.4.2', '"sequence":7', '"sequence":"7"'],
    ['sequence with a fraction', 'F-4.4.2', '"sequence":7', '"sequence":7.5'],
    ['sequence negative', 'F-4.4.2', '"sequence":7', '"sequence":-7'],
    ['sequence above 2^53 - 1', 'F-4.1.1', '"sequence":7', '"sequence":9007199254740992'],
    ['tier with a path', 'F-8.2.2', '"tier":"main"', '"tier":"../main"'],
    ['no tier', 'F-4.4.2', '"tier":"main",', ''],
    ['previous missing', 'F-4.4.2', /"previous":"[0-9a-f]*",/, ''],
    ['previous too short', 'F-4.4.2', /"previous":"../, '"previous":"'],
    ['salt in capitals', 'F-4.4.2', /"salt":"../, '"salt":"AB'],
    ['index not digests', 'F-4.4.2', /"index":\["../, '"index":["'],
    ['index not an array', 'F-4.4.2', /"index":\[.*?\]/, '"index":{}'],
    ['vault no id', 'F-4.4.2', /"vault":"./, '"vault":"'],
    ['no required features', 'F-4.4.2', ',"requiredFeatures":[]', ''],
    ['a required feature', 'F-8.1.5', '"requiredFeatures":[]', '"requiredFeatures":["x"]', 'format/newer'],
    ['an array', 'F-4.4.2', /^.*$/, '[]'],
    ['null', 'F-4.4.2', /^.*$/, 'null'],
    ['two objects', 'F-4.4.2', /$/, '{}'],
  ]);
  await part('manifest-summary', summary, [
    ['count negative', 'F-4.4.2', '"beliefs":2', '"beliefs":-2'],
    ['degraded as a number', 'F-4.4.2', '"degraded":false', '"degraded":0'],
    ['no profile', 'F-4.4.2', /"profile":\{.*?\}/, '"profile":null'],
    ['holder without a name', 'F-4.4.2', '"name":"disk",', ''],
    ['head without a digest', 'F-4.4.2', /("sequence":2),"digest":"[0-9a-f]*"/, '$1'],
    ['content root too short', 'F-4.4.2', /"contentRoot":"../, '"contentRoot":"'],
  ]);
  await part('manifest-body', body, [
    ['level 64', 'F-4.4.2', '"level":2', '"level":64'],
    ['code above 255', 'F-4.4.2', '"code":1', '"code":256'],
    ['row version above 255', 'F-4.4.2', '"rowVersion":1', '"rowVersion":256'],
    ['model no id', 'F-4.4.2', '"model":null', '"model":""'],
    ['model missing', 'F-4.4.2', '"model":null,', ''],
    ['no key', 'F-4.4.2', /,"key":"[0-9a-f]*"/, ''],
    ['key too long', 'F-4.4.2', /"key":"/, '"key":"00'],
    ['trees not objects', 'F-4.4.2', /"trees":\[.*?\]/, '"trees":[1]'],
    ['no configuration', 'F-4.4.2', /"configuration":".*?"/, '"configuration":null'],
    ['rows above 2^53 - 1', 'F-4.1.1', '"rows":2', '"rows":1e300'],
  ]);
}
