/**
 * A reader written from FORMAT.md alone, with none of the program's code, to show that the text is enough: it gives back
 * the rows of the newest snapshot of a tier from a few places, a master key file and its passphrase. Numbers in comments are
 * sections of FORMAT.md.
 */
import { zstdDecompressSync } from 'node:zlib';
import {
  checkSignature,
  derive,
  gcmOpen,
  hex,
  masterSeed,
  need,
  openEnvelope,
  ownerOf,
  Reader,
  sha256,
  sized,
  tag,
  text,
  u32,
  u64,
  u8,
  unpad,
} from './stranger-keys.ts';
import type { Owner, VerifyingKey } from './stranger-keys.ts';
import { readValue, TREES } from './stranger-rows.ts';
import { find, joined, readIndex, readRepair, readStripe } from './stranger-stripes.ts';
import type { ChunkPlace, Objects, Pack, Place } from './stranger-stripes.ts';

export interface RestoredTree {
  readonly tree: string;
  readonly model: string | null;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

interface Bundle {
  readonly ids: string;
  readonly writer: VerifyingKey;
  readonly contentIdKey: Buffer;
  readonly boundaryKey: Buffer;
  readonly indexKey: Buffer;
  readonly maskKey: Buffer;
}

// 3.5
function openBundle(owner: Owner, bytes: Uint8Array): Bundle {
  const reader = new Reader(bytes);
  reader.line('bundle');
  const ids = hex(reader.take(48));
  reader.u64();
  const writer = { ed25519: reader.take(32), mlDsa65: reader.take(1952) };
  reader.take(16 * reader.u8());
  const header = reader.bytes.subarray(0, reader.at);
  const envelope = reader.sized();
  checkSignature(owner.verifyingKey, 'bundle', Buffer.concat([header, sha256(envelope)]), reader.take(3373));
  reader.end();
  const inside = new Reader(openEnvelope(owner, 'bundle', header, envelope));
  const next = (): Buffer => inside.take(32);
  return { ids, writer, contentIdKey: next(), boundaryKey: next(), indexKey: next(), maskKey: next() };
}

interface ManifestHeader {
  readonly vault: string;
  readonly generation: string;
  readonly writer: string;
  readonly tier: string;
  readonly sequence: number;
  readonly salt: string;
  readonly index: readonly string[];
  readonly requiredFeatures: readonly string[];
}

interface BodyTree {
  readonly code: number;
  readonly rowVersion: number;
  readonly level: number;
  readonly model: string | null;
  readonly contentId: string;
  readonly rows: number;
  readonly bytes: number;
  readonly name: string;
  readonly key: string;
}

interface ManifestBody {
  readonly contentRoot: string;
  readonly schemaVersion: number;
  readonly trees: readonly BodyTree[];
}

/** What a chunk is read with: where chunks lie, and the keys. */
interface Vault {
  readonly places: readonly Place[];
  readonly bundle: Bundle;
  readonly chunks: ReadonlyMap<string, readonly ChunkPlace[]>;
  /** By the id of a stripe. */
  readonly packs: Map<string, Buffer>;
}

interface Child {
  readonly label: Buffer;
  readonly contentId: string;
  readonly name: string;
  readonly key: Buffer;
}

interface Chunk {
  readonly content: Reader;
  readonly references: readonly { readonly name: string; readonly key: Buffer }[];
}

// 7.6: from the first place that gives it
function sealedChunk(vault: Vault, name: string): Buffer {
  const places = vault.chunks.get(name);
  need(places !== undefined, 'no segment places a chunk');
  let failure: unknown;
  for (const { pack, offset, length } of joined(places)) {
    try {
      const sealed = packBytes(vault, pack).subarray(offset, offset + length);
      need(hex(sha256(sealed)) === name, 'a chunk has another name');
      return sealed;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function packBytes(vault: Vault, pack: Pack): Buffer {
  if (Buffer.isBuffer(pack)) return pack;
  const known = vault.packs.get(hex(pack.id)) ?? readStripe(pack, vault.places, vault.bundle.maskKey);
  vault.packs.set(hex(pack.id), known);
  return known;
}

// 6.1, 5.4, 5.5
function openChunk(vault: Vault, { label, contentId, name, key }: Child): Chunk {
  const sealed = sealedChunk(vault, name);
  const payload = new Reader(gcmOpen({ key, aad: Buffer.concat([tag('chunk'), label.subarray(0, 1)]) }, sealed));
  const [method, length] = [payload.u8(), payload.u32()];
  const data = payload.bytes.subarray(5);
  const plaintext = method === 0 ? data : zstdDecompressSync(data, { maxOutputLength: length });
  need(method < 2 && plaintext.length === length, 'wrong length');
  const reader = new Reader(plaintext);
  need(reader.take(4).equals(label), 'a chunk of another kind');
  const content = reader.sized();
  const digest = sha256(
    vault.bundle.contentIdKey,
    text('valence content\0'),
    label,
    u32(0),
    u64(content.length),
    content,
  );
  need(hex(digest) === contentId, 'a chunk says something else');
  const count = (reader.bytes.length - reader.at) / 64;
  return {
    content: new Reader(content),
    references: Array.from({ length: count }, () => ({ name: hex(reader.take(32)), key: reader.take(32) })),
  };
}

// 5.7
function* leavesBelow(vault: Vault, child: Child, keyBytes: number): Generator<Child> {
  const [, tree, level, rowVersion] = child.label as unknown as [number, number, number, number];
  if (level === 0) {
    yield child;
    return;
  }
  const { content, references } = openChunk(vault, child);
  const label = Buffer.of(level === 1 ? 1 : 2, tree, level - 1, rowVersion);
  for (const reference of references) {
    content.take(keyBytes);
    const contentId = hex(content.take(32));
    content.take(16);
    yield* leavesBelow(vault, { label, contentId, ...reference }, keyBytes);
  }
  content.end();
}

// 5.1, 5.8
function* rowsOf(
  vault: Vault,
  leaf: Child,
  columns: readonly (readonly [string, string])[],
): Generator<Record<string, unknown>> {
  const { content, references } = openChunk(vault, leaf);
  const left = [...references];
  const pieceLabel = Buffer.concat([u8(3), leaf.label.subarray(1)]);
  const moved = (): Buffer => {
    const total = content.u32();
    const pieces = Array.from({ length: Math.ceil(total / 262_144) }, () => {
      const child = { label: pieceLabel, contentId: hex(content.take(32)), ...left.shift()! };
      return openChunk(vault, child).content.bytes;
    });
    need(Buffer.concat(pieces).length === total, 'pieces of a wrong length');
    return Buffer.concat(pieces);
  };
  while (content.at < content.bytes.length) {
    need(content.take(2).readInt16BE() === columns.length, 'wrong number of fields');
    const row: Record<string, unknown> = {};
    for (const [column, type] of columns) {
      const length = content.i32();
      row[column] = length === -1 ? null : readValue(type, length === -2 ? moved() : content.take(length));
    }
    yield row;
  }
}

function readTree(
  vault: Vault,
  { code, rowVersion, level, model, contentId, name, key, rows }: BodyTree,
): RestoredTree {
  const layout = TREES[code];
  need(layout !== undefined && rowVersion === 1, 'a tree of a newer version');
  const [tree, columnText, keyBytes] = layout;
  const columns = columnText.split(', ').map((column) => column.split(' ') as [string, string]);
  const root = {
    label: Buffer.of(level === 0 ? 1 : 2, code, level, rowVersion),
    contentId,
    name,
    key: Buffer.from(key, 'hex'),
  };
  const found = [...leavesBelow(vault, root, keyBytes)].flatMap((leaf) => [...rowsOf(vault, leaf, columns)]);
  need(found.length === rows, 'wrong number of rows');
  return { tree, model, rows: found };
}

// 5.5
function contentRoot({ contentIdKey }: Bundle, { schemaVersion, trees }: ManifestBody): string {
  const entries = trees.map(({ code, rowVersion, level, model, contentId, rows, bytes }) => {
    const modelId = Buffer.from(model?.replaceAll('-', '') ?? '00'.repeat(16), 'hex');
    return Buffer.concat([
      Buffer.of(code, rowVersion, level, 0),
      modelId,
      Buffer.from(contentId, 'hex'),
      u64(rows),
      u64(bytes),
    ]);
  });
  return hex(sha256(contentIdKey, text('valence root\0\0\0\0'), u32(schemaVersion), u32(trees.length), ...entries));
}

// 2.2
function placeOf(objects: Objects): Place {
  const file = Buffer.from(objects.get('valence.json')!).toString('utf8');
  const lines = file.slice(0, file.lastIndexOf('  "digest"'));
  const { version, holder, requiredFeatures, digest } = JSON.parse(file) as {
    version: number;
    holder: string;
    requiredFeatures: unknown[];
    digest: string;
  };
  need(digest === hex(sha256(text(lines))), 'valence.json is damaged');
  need(version === 1 && requiredFeatures.length === 0, 'a newer version');
  return { holder: holder.replaceAll('-', ''), objects };
}

// 7.2
function openSegment(bytes: Buffer, bundles: readonly Bundle[]): Buffer {
  const reader = new Reader(bytes);
  reader.line('index segment');
  const bundle = bundleOf(bundles, hex(reader.take(48)));
  reader.take(reader.u8());
  const salt = reader.take(32);
  const header = reader.bytes.subarray(0, reader.at);
  const sealed = reader.sized();
  checkSignature(bundle.writer, 'index segment', Buffer.concat([header, sha256(sealed)]), reader.take(3373));
  reader.end();
  return unpad(gcmOpen({ key: derive(bundle.indexKey, 'index segment', salt), aad: header }, sealed));
}

// 7.6; null for one that is passed over
function openRepair(places: readonly Place[], name: string, bundles: readonly Bundle[]): Buffer | null {
  try {
    const reader = new Reader(find(places, name, name.slice('repairs/'.length)));
    reader.line('repair');
    const ids = hex(reader.take(32));
    const bundle = bundles.find((candidate) => candidate.ids.startsWith(ids));
    need(bundle !== undefined, 'another vault or generation');
    reader.take(reader.u8());
    const salt = reader.take(32);
    const header = reader.bytes.subarray(0, reader.at);
    const sealed = reader.sized();
    reader.end();
    return unpad(gcmOpen({ key: derive(bundle.indexKey, 'repair', salt), aad: header }, sealed));
  } catch {
    return null;
  }
}

function bundleOf(bundles: readonly Bundle[], ids: string): Bundle {
  const bundle = bundles.find((candidate) => candidate.ids === ids);
  need(bundle !== undefined, 'no bundle names this writer');
  return bundle;
}

// 8
function openManifest(
  bytes: Buffer,
  bundles: readonly Bundle[],
  owner: Owner,
): { header: ManifestHeader; body: ManifestBody; bundle: Bundle } {
  const reader = new Reader(bytes);
  reader.line('snapshot');
  const [header, summary, envelope, signature] = [reader.sized(), reader.sized(), reader.sized(), reader.take(3373)];
  reader.end();
  const fields = JSON.parse(header.toString('utf8')) as ManifestHeader;
  need(fields.requiredFeatures.length === 0, 'a newer snapshot');
  const bundle = bundleOf(bundles, [fields.vault, fields.generation, fields.writer].join('').replaceAll('-', ''));
  checkSignature(
    bundle.writer,
    'snapshot',
    Buffer.concat([sized(header), sha256(summary), sha256(envelope)]),
    signature,
  );
  const key = derive(bundle.indexKey, 'snapshot summary', Buffer.from(fields.salt, 'hex'));
  const summaryFields = JSON.parse(unpad(gcmOpen({ key, aad: header }, summary)).toString('utf8')) as {
    contentRoot: string;
  };
  const body = JSON.parse(openEnvelope(owner, 'snapshot', header, envelope).toString('utf8')) as ManifestBody;
  need(summaryFields.contentRoot === body.contentRoot, 'summary and body differ');
  return { header: fields, body, bundle };
}

/** 9.1, step by step. */
export function restoreNewest(
  allObjects: readonly Objects[],
  tier: string,
  masterKeyFile: string,
  passphrase: string,
): RestoredTree[] {
  const places = allObjects.map(placeOf);
  const owner = ownerOf(masterSeed(masterKeyFile, passphrase));
  const names = [...new Set(allObjects.flatMap((objects) => [...objects.keys()]))];
  const bundleNames = names.filter((name) => name.startsWith('keys/'));
  const bundles = bundleNames.map((name) => openBundle(owner, find(places, name, name.split('-')[2]!)));
  const newest = names
    .flatMap((name) =>
      name.startsWith(`snapshots/${tier}/`)
        ? [{ name, order: Number(name.split('/')[2]!.split('-')[0]), digest: name.slice(-64) }]
        : [],
    )
    .sort((a, b) => a.order - b.order || (a.digest < b.digest ? -1 : 1))
    .at(-1)!;
  const { header, body, bundle } = openManifest(find(places, newest.name, newest.digest), bundles, owner);
  need(header.tier === tier && header.sequence === newest.order, 'a manifest under another name');
  const chunks = new Map<string, ChunkPlace[]>();
  for (const name of header.index) readIndex(openSegment(find(places, `index/${name}`, name), bundles), chunks);
  for (const name of names.filter((each) => each.startsWith('repairs/'))) {
    const repair = openRepair(places, name, bundles);
    if (repair !== null) readRepair(repair, chunks);
  }
  need(contentRoot(bundle, body) === body.contentRoot, 'the content root is not that of the trees');
  const vault = { places, bundle, chunks, packs: new Map<string, Buffer>() };
  return body.trees.map((tree) => readTree(vault, tree));
}
