import { encodeChunk } from '../../src/format/tree/chunk.ts';
import type { ChunkKind } from '../../src/format/tree/content-id.ts';
import { encodeNode } from '../../src/format/tree/node.ts';
import {
  copyStream,
  int4,
  jsonb,
  real,
  text,
  textArray,
  timestamptz,
  tuple,
  uuid,
  vector,
} from '../../test/vectors/copy-rows.ts';
import { runOperation } from '../../test/vectors/operations.ts';
import { seededRandom } from '../../test/vectors/vector.ts';
import type { Splice } from '../../test/vectors/vector.ts';
import { changed, hex, VectorCollection } from './collection.ts';

/** Rows and trees, FORMAT.md §5. */

const BAD = 'format/malformed';
const KEYS = seededRandom('tree keys');
const CONTENT_ID_KEY = hex(KEYS.bytes(32));
const BOUNDARY_KEY = hex(KEYS.bytes(32));

function id(number: number): string {
  return `00000000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

export async function treeVectors(): Promise<VectorCollection> {
  const file = new VectorCollection('Rows and trees (FORMAT.md §5). copy is a whole PostgreSQL binary COPY stream.');
  await cutVectors(file);
  await contentVectors(file);
  await wholeTreeVectors(file);
  await rowVectors(file);
  await chunkVectors(file);
  await nodeVectors(file);
  await leafVectors(file);
  return file;
}

async function cutVectors(file: VectorCollection): Promise<void> {
  const random = seededRandom('cut keys');
  for (const [tree, level, bytes] of [
    [1, 0, 16],
    [1, 1, 16],
    [2, 0, 20],
    [4, 0, 32],
    [5, 0, 64],
    [5, 63, 64],
    [8, 0, 16],
  ] as const) {
    const keys = [hex(Buffer.alloc(bytes)), ...Array.from({ length: 3 }, () => hex(random.bytes(bytes)))];
    await file.accept(`words of tree ${tree}, level ${level}`, 'cut-words', '5.6', {
      boundaryKey: BOUNDARY_KEY,
      tree,
      level,
      keys,
    });
  }
  const most = 0xffff_ffff;
  const cases: readonly (readonly [string, number, readonly number[], readonly number[]])[] = [
    [
      'never by word until four times the aim',
      4096,
      Array.from({ length: 200 }, () => 100),
      Array.from({ length: 200 }, () => most),
    ],
    ['always by word 0 once a 64th is full', 4096, [63, 1, 64, 63, 2, 1], [0, 0, 0, 0, 0, 0]],
    ['always when one entry reaches the aim', 8192, [8192, 8191, 1], [most, most, most]],
    [
      'threshold from 64 to 65',
      8192,
      [8192, 128, 8192, 128],
      [most, 256 * (65 ** 4 - 64 ** 4) - 1, most, 256 * (65 ** 4 - 64 ** 4)],
    ],
    ['one entry above four times the aim', 8192, [131_072, 10, 32_768, 32_767, 1], [most, most, most, most, most]],
  ];
  for (const [name, aim, sizes, words] of cases)
    await file.accept(`ends: ${name}`, 'cut-points', 'F-5.6.1', { aim, sizes, words });
  const random2 = seededRandom('cut sizes');
  const sizes = Array.from({ length: 400 }, () => 60 + (Buffer.from(random2.bytes(2)).readUInt16BE() % 500));
  const words = Array.from({ length: 400 }, () => Buffer.from(random2.bytes(4)).readUInt32BE());
  await file.accept('ends: 400 rows', 'cut-points', 'F-5.6.1', { aim: 8192, sizes, words });
}

async function contentVectors(file: VectorCollection): Promise<void> {
  const label = { kind: 1, tree: 1, level: 0, rowVersion: 1, contentIdKey: CONTENT_ID_KEY };
  await file.accept('content id of an empty leaf', 'content-id', '5.5', { ...label, content: '' });
  await file.accept('content id of a leaf', 'content-id', '5.5', { ...label, content: '0001ffffffff' });
  await file.accept('content id of a piece', 'content-id', '5.5', { ...label, kind: 3, content: '0001ffffffff' });
  await file.accept('content id of a node', 'content-id', '5.5', {
    ...label,
    kind: 2,
    tree: 8,
    level: 2,
    content: '0001ffffffff',
  });
}

/** A belief of version 1 with every column set. */
function belief(number: number, content: string): Uint8Array {
  return tuple(
    uuid(id(number)),
    text(content),
    real(0.75),
    jsonb('{"evidence": 0.5}'),
    textArray('physics', 'naïve'),
    text('active'),
    timestamptz('2024-02-29T23:59:59.123456Z'),
    timestamptz('2030-01-01T00:00:00Z'),
    jsonb('{}'),
    int4(3),
    timestamptz('2026-01-31T12:00:00Z'),
    timestamptz('2026-01-31T12:00:00Z'),
  );
}

function plainBelief(number: number, content: string): Uint8Array {
  const moment = timestamptz('1999-12-31T23:59:59.999999Z');
  return tuple(
    uuid(id(number)),
    text(content),
    real(-0),
    null,
    textArray(),
    text('archived'),
    null,
    null,
    jsonb('{"a": 1.0}'),
    int4(1),
    moment,
    moment,
  );
}

async function wholeTreeVectors(file: VectorCollection): Promise<void> {
  const keys = { contentIdKey: CONTENT_ID_KEY, boundaryKey: BOUNDARY_KEY };
  const given = (tree: string, rows: readonly Uint8Array[], model = ''): object => ({
    tree,
    model,
    copy: hex(copyStream(rows)),
    ...keys,
  });
  const trees: [string, object][] = [];
  const add = async (name: string, tree: object): Promise<void> => {
    trees.push([name, tree]);
    await file.accept(`tree: ${name}`, 'tree', '5.7', tree as never);
  };
  await add('empty beliefs', given('beliefs', []));
  await add('two beliefs', given('beliefs', [belief(1, 'water boils at 100 °C'), plainBelief(2, 'ice')]));
  const edges = Array.from({ length: 250 }, (_, i) =>
    tuple(uuid(id(7)), text('supports'), uuid(id(100 + i)), uuid(id(1000 + i))),
  );
  await add('250 reverse edges', given('belief_edges_reverse', edges));
  const vectors = Array.from({ length: 3 }, (_, i) => tuple(uuid(id(i)), vector(i, -0, 1e-8)));
  await add('three embeddings', given('belief_embeddings', vectors, id(99)));
  const summaries: unknown[] = [];
  for (const [, tree] of trees) {
    const built = (await runOperation('tree', tree as never)) as {
      contentId: string;
      level: number;
      rows: number;
      bytes: number;
    };
    const { tree: name, model } = tree as { tree: string; model: string };
    const code = { beliefs: 1, belief_edges_reverse: 6, belief_embeddings: 8 }[name];
    const { level, contentId, rows, bytes } = built;
    summaries.push({
      code,
      rowVersion: 1,
      level,
      model: model === '' ? '00'.repeat(16) : model.replaceAll('-', ''),
      contentId,
      rows,
      bytes,
    });
  }
  await file.accept('content root of no trees', 'content-root', '5.5', {
    contentIdKey: CONTENT_ID_KEY,
    schemaVersion: 1,
    trees: [],
  });
  await file.accept('content root of these trees', 'content-root', '5.5', {
    contentIdKey: CONTENT_ID_KEY,
    schemaVersion: 1,
    trees: summaries,
  });
}

async function rowVectors(file: VectorCollection): Promise<void> {
  const two = {
    of: 'tree: two beliefs',
    fields: { tree: 'beliefs', model: '', contentIdKey: CONTENT_ID_KEY, boundaryKey: BOUNDARY_KEY },
  };
  const refuse = async (name: string, spec: string, ...splices: readonly Splice[]): Promise<void> =>
    file.refuse(`rows: ${name}`, 'tree', [spec, BAD], { ...two.fields, copy: changed(two.of, ...splices) });
  const copy = file.bytes(two.of, 'copy');
  const first = belief(1, 'water boils at 100 °C').length;
  await refuse('not a COPY stream', '5.1', [0, 1, '51']);
  await refuse('without trailer', '5.1', [-2, 2, '']);
  await refuse('cut in a row', '5.1', [-10, 10, '']);
  await refuse('cut in the header', '5.1', [10, copy.length, '']);
  await refuse('bytes after the trailer', '5.1', [copy.length, 0, '00']);
  await refuse('11 fields', 'F-5.1.2', [20, 1, '0b']);
  await refuse('field of length -2', 'F-5.1.2', [19 + 2 + 4 + 16, 4, 'fffffffe']);
  await refuse('field above 256 MiB', 'F-5.1.2', [19 + 2 + 4 + 16, 4, '10000001']);
  await refuse('key NULL', 'F-5.3.2', [21, 20, 'ffffffff']);
  await refuse('key of 15 bytes', 'F-5.3.2', [21, 5, '0000000f']);
  await refuse('equal keys', 'F-5.3.1', [19 + first + 6 + 15, 1, '01']);
  await refuse('keys descend', 'F-5.3.1', [19 + 6 + 15, 1, '03']);
  const edge = (type: string): string => hex(copyStream([tuple(uuid(id(1)), text(type), uuid(id(2)), uuid(id(3)))]));
  const edges = { tree: 'belief_edges_reverse', model: '', contentIdKey: CONTENT_ID_KEY, boundaryKey: BOUNDARY_KEY };
  await file.accept('rows: text key of 16 bytes', 'tree', '5.3', { ...edges, copy: edge('0123456789abcdef') });
  await file.refuse('rows: text key of 17 bytes', 'tree', ['F-5.3.2', BAD], {
    ...edges,
    copy: edge('0123456789abcdefg'),
  });
  await file.refuse('rows: empty text key', 'tree', ['F-5.3.2', BAD], { ...edges, copy: edge('') });
}

async function chunkVectors(file: VectorCollection): Promise<void> {
  const random = seededRandom('chunk');
  const references = Array.from({ length: 2 }, () => ({ name: random.bytes(32), key: random.bytes(32) }));
  const label = (
    kind: number,
    level: number,
  ): { kind: ChunkKind; tree: number; level: number; rowVersion: number } => ({
    kind: kind as ChunkKind,
    tree: 5,
    level,
    rowVersion: 1,
  });
  const content = Buffer.from('0001ffffffff', 'hex');
  for (const [name, kind, level] of [
    ['leaf', 1, 0],
    ['node', 2, 1],
    ['piece', 3, 0],
    ['node of level 63', 2, 63],
  ] as const) {
    const bytes = encodeChunk({ label: label(kind, level), content, references: kind === 3 ? [] : references });
    await file.accept(`chunk: ${name}`, 'chunk', '5.4', { bytes: hex(bytes) });
  }
  await file.accept('chunk: empty leaf', 'chunk', '5.7', {
    bytes: hex(encodeChunk({ label: label(1, 0), content: Buffer.alloc(0), references: [] })),
  });
  const refuse = async (name: string, spec: string, of: string, ...splices: readonly Splice[]): Promise<void> =>
    file.refuse(`chunk: ${name}`, 'chunk', [spec, BAD], { bytes: changed(`chunk: ${of}`, ...splices) });
  await refuse('kind 0', 'F-5.4.1', 'leaf', [0, 1, '00']);
  await refuse('kind 4', 'F-5.4.1', 'leaf', [0, 1, '04']);
  await refuse('node of level 0', 'F-5.4.1', 'leaf', [0, 1, '02']);
  await refuse('leaf of level 1', 'F-5.4.1', 'node', [0, 1, '01']);
  await refuse('piece of level 1', 'F-5.4.1', 'piece', [2, 1, '01']);
  await refuse('level 64', 'F-5.4.1', 'node', [2, 1, '40']);
  await refuse('content beyond the end', 'F-5.4.1', 'piece', [4, 4, '00000007']);
  await refuse('content of 4 GiB', 'F-5.4.4', 'piece', [4, 4, 'ffffffff']);
  await refuse('content one shorter', 'F-5.4.1', 'piece', [4, 4, '00000005']);
  await refuse('reference cut short', 'F-5.4.1', 'leaf', [-1, 1, '']);
  await refuse('a byte more', 'F-5.4.1', 'leaf', [142, 0, '00']);
  await refuse('piece with a reference', 'F-5.4.1', 'piece', [14, 0, '00'.repeat(64)]);
  await refuse('nothing', 'F-4.2.1', 'leaf', [0, 200, '']);
  await refuse('label alone', 'F-4.2.1', 'leaf', [4, 200, '']);
}

async function nodeVectors(file: VectorCollection): Promise<void> {
  const random = seededRandom('node');
  const entry = (byte: number, rows: number): Parameters<typeof encodeNode>[0][number] => ({
    lastKey: Buffer.alloc(16, byte),
    contentId: random.bytes(32),
    rows,
    bytes: rows * 100,
  });
  const content = encodeNode([entry(1, 5), entry(2, 2 ** 40)]);
  await file.accept('node: two children', 'node', '5.7', { keyBytes: 16, content: hex(content) });
  await file.accept('node: one child', 'node', '5.7', {
    keyBytes: 16,
    content: changed('node: two children', [64, 64, '']),
  });
  await file.accept('node: keys of 64 bytes', 'node', '5.7', {
    keyBytes: 64,
    content: changed('node: two children', [64, 64, ''], [16, 0, '07'.repeat(48)]),
  });
  const refuse = async (name: string, keyBytes: number, ...splices: readonly Splice[]): Promise<void> =>
    file.refuse(`node: ${name}`, 'node', ['F-5.7.1', BAD], {
      keyBytes,
      content: changed('node: two children', ...splices),
    });
  await refuse('no children', 16, [0, 128, '']);
  await refuse('equal keys', 16, [64, 16, '01'.repeat(16)]);
  await refuse('keys descend', 16, [0, 16, '03'.repeat(16)]);
  await refuse('cut short', 16, [-1, 1, '']);
  await refuse('extended', 16, [128, 0, '00']);
  await refuse('keys of another length', 20);
  await file.refuse('node: rows above 2^53 - 1', 'node', ['F-4.1.1', BAD], {
    keyBytes: 16,
    content: changed('node: two children', [48, 8, '0020000000000000']),
  });
  await file.refuse('node: bytes above 2^53 - 1', 'node', ['F-4.1.1', BAD], {
    keyBytes: 16,
    content: changed('node: two children', [56, 8, 'ffffffffffffffff']),
  });
}

async function leafVectors(file: VectorCollection): Promise<void> {
  const row = ['0003', '00000002abcd', 'ffffffff', '00000000'].join('');
  const moved = ['0003', 'fffffffe00020001', '11'.repeat(32), 'ffffffff', '0000000177'].join('');
  const piece = '61'.repeat(131_073);
  await file.accept('leaf: two rows', 'leaf', '5.4', { columns: 3, content: row + row, pieces: [] });
  await file.accept('leaf: no rows', 'leaf', '5.7', { columns: 3, content: '', pieces: [] });
  const refuse = async (name: string, spec: string, content: string, pieces: readonly string[] = []): Promise<void> =>
    file.refuse(`leaf: ${name}`, 'leaf', [spec, BAD], { columns: 3, content, pieces });
  await refuse('two fields', 'F-5.1.2', row.replace('0003', '0002'));
  await refuse('field of length -3', 'F-5.1.2', row.replace('ffffffff', 'fffffffd'));
  await refuse('field beyond the end', 'F-4.2.1', row.replace('00000002', '00000020'));
  await refuse('row cut short', 'F-4.2.1', row.slice(0, -2));
  await refuse('byte after the rows', 'F-4.2.1', `${row}00`);
  await refuse('moved field of 131,072 bytes', 'F-5.8.2', moved.replace('00020001', '00020000'));
  await refuse('moved field above 256 MiB', 'F-5.8.2', moved.replace('00020001', '10000001'));
  await refuse('moved field with a piece too few', 'F-5.8.2', moved.replace('00020001', '00040001'));
  await refuse('moved field, piece too short', 'F-5.8.2', moved, [piece.slice(0, 200)]);
}
