import { utf8 } from '../../src/core/bytes.ts';
import { uuidBytes, uuidText } from '../../src/core/ids.ts';
import { encodeRepair } from '../../src/format/index/repair-record.ts';
import { encodeStripes } from '../../src/format/index/segment-body.ts';
import { aeadSeal } from '../../src/format/keys/aead.ts';
import { derive, LABELS } from '../../src/format/keys/derive.ts';
import { pad } from '../../src/format/padding.ts';
import { seededRandom } from '../../test/vectors/vector.ts';
import type { Given, Splice } from '../../test/vectors/vector.ts';
import { changed, flipped, hex, VectorCollection } from './collection.ts';
import { sampleContent } from './key-vectors.ts';
import { sampleBody, sized } from './snapshot-vectors.ts';

/** Repair records, FORMAT.md §7.6. */

const AUTH = 'integrity/authentication-failed';
const BAD = 'format/malformed';

const { vaultId, generation, secrets } = sampleContent();
const HEADER = { vaultId: uuidText(vaultId), generation: uuidText(generation), tier: 'main' };
/** Where fields begin: 18 bytes of first line, then as in §7.6. */
const AT = { vault: 18, generation: 34, tierLength: 50, tier: 51, salt: 55, bodyLength: 87, body: 91 } as const;

/** Seals what no repairer of ours would. */
function sealedRepair(padded: Uint8Array, label: keyof typeof LABELS = 'repair'): string {
  const salt = seededRandom('salt').bytes(32);
  const name = utf8(HEADER.tier);
  const ids = [uuidBytes(HEADER.vaultId), uuidBytes(HEADER.generation)];
  const header = Buffer.concat([utf8('valence/v1 repair\n'), ...ids, Buffer.of(name.length), name, salt]);
  const key = derive(secrets.indexKey, LABELS[label], 32, salt);
  return hex(Buffer.concat([header, sized(aeadSeal({ key, nonce: Buffer.alloc(12), aad: header }, padded))]));
}

export async function repairVectors(): Promise<VectorCollection> {
  const file = new VectorCollection('Repair records (FORMAT.md §7.6).');
  const { stripes } = sampleBody();
  const bytes = encodeRepair(HEADER, stripes, secrets.indexKey, seededRandom('repair'));
  await file.accept('record', 'repair', '7.6', { indexKey: hex(secrets.indexKey), bytes: hex(bytes) });
  const again = async (id: string, sealed: string): Promise<void> =>
    file.accept(id, 'repair', '7.6', { indexKey: changed('record'), bytes: sealed });
  await again('two records of a stripe in one', sealedRepair(pad(encodeStripes([...stripes, ...stripes]))));
  await again('no stripes', sealedRepair(pad(encodeStripes([]))));
  const refuse = async (id: string, rule: readonly [string, string], given: Given): Promise<void> =>
    file.refuse(id, 'repair', rule, { indexKey: changed('record'), bytes: changed('record'), ...given });
  const splice = async (id: string, rule: readonly [string, string], ...splices: readonly Splice[]): Promise<void> =>
    refuse(id, rule, { bytes: changed('record', ...splices) });
  await refuse('another index key', ['F-7.6.2', AUTH], { indexKey: changed('record', flipped(secrets.indexKey, 0)) });
  await splice('version 2', ['F-1.3.1', 'format/newer'], [9, 1, '32']);
  await splice('another kind', ['F-1.3.1', BAD], [11, 6, hex(utf8('repain'))]);
  await splice('first line of a segment', ['F-1.3.1', BAD], [11, 6, hex(utf8('index segment'))]);
  await splice('vault id changed', ['F-7.6.2', AUTH], flipped(bytes, AT.vault));
  await splice('generation changed', ['F-7.6.2', AUTH], flipped(bytes, AT.generation));
  await splice('tier changed', ['F-7.6.2', AUTH], [AT.tier, 4, hex(utf8('mail'))]);
  await splice('tier in capitals', ['F-2.1.1', BAD], [AT.tier, 4, hex(utf8('MAIN'))]);
  await splice('no tier', ['F-2.1.1', BAD], [AT.tierLength, 5, '00']);
  await splice('tier with a path', ['F-2.1.1', BAD], [AT.tier, 4, hex(utf8('../a'))]);
  await splice('tier not UTF-8', ['F-4.3.1', BAD], [AT.tier, 1, 'ff']);
  await splice('salt changed', ['F-7.6.2', AUTH], flipped(bytes, AT.salt));
  await splice('body changed', ['F-7.6.2', AUTH], flipped(bytes, AT.body));
  await splice('tag changed', ['F-7.6.2', AUTH], flipped(bytes, -1));
  await splice('body above 4 MiB', ['F-7.6.2', BAD], [AT.bodyLength, 4, '00400001']);
  await splice('truncated', ['F-4.2.1', BAD], [-1, 1, '']);
  await splice('extended', ['F-4.2.1', BAD], [bytes.length, 0, '00']);
  await splice('nothing', ['F-1.3.1', BAD], [0, bytes.length, '']);
  await refuse('sealed as a segment', ['F-3.2.1', AUTH], {
    bytes: sealedRepair(pad(encodeStripes([])), 'indexSegment'),
  });
  await bodyVectors(refuse, encodeStripes(stripes));
  return file;
}

type Refuse = (id: string, rule: readonly [string, string], given: Given) => Promise<void>;

/** Sealed under the right key, and not what §7.3 allows. */
async function bodyVectors(refuse: Refuse, body: Uint8Array): Promise<void> {
  const wrong = async (id: string, rule: string, padded: Uint8Array): Promise<void> =>
    refuse(`body, ${id}`, [rule, BAD], { bytes: sealedRepair(padded) });
  const spliced = (...splices: readonly (readonly [number, number, string])[]): Uint8Array =>
    splices.reduce((bytes: Uint8Array, [at, removed, inserted]) => {
      const added = Buffer.from(inserted, 'hex');
      return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
    }, body);
  const shard = 48;
  const shardBytes = 1 + 16 + 4 + 32 + 32 + 32;
  await wrong('code 2', 'F-7.3.1', pad(spliced([4, 1, '02'])));
  await wrong('k above n', 'F-7.3.1', pad(spliced([5, 1, '04'])));
  await wrong('shard length above 1 MiB', 'F-7.3.1', pad(spliced([7, 4, '00100001'])));
  await wrong('shard index repeated', 'F-7.3.2', pad(spliced([shard + shardBytes, 1, '00'])));
  await wrong('shard index of n', 'F-7.3.2', pad(spliced([shard + shardBytes, 1, '03'])));
  await wrong('chunks shorter than the pack', 'F-7.3.3', pad(spliced([-1 + body.length, 1, '1e'])));
  await wrong('stripes without end', 'F-7.3.4', pad(spliced([0, 4, 'ffffffff'])));
  await wrong('body of a segment', 'F-4.2.1', pad(Buffer.concat([body, Buffer.alloc(8)])));
  await wrong('cut short', 'F-4.2.1', pad(body.subarray(0, -1)));
  await wrong('nothing', 'F-4.2.1', pad(Buffer.alloc(0)));
  await wrong('not padded', 'F-4.6.1', Buffer.concat([sized(body), Buffer.alloc(200)]));
}
