import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type { SnapshotSource, TreeId } from '../../src/core/ports.ts';
import { TREES } from '../../src/format/tables.ts';
import { contentRootOf } from '../../src/pipeline/read-trees.ts';
import { uuidBytes } from '../../src/core/ids.ts';
import { copyStream, int4, jsonb, real, text, textArray, timestamptz, tuple, uuid, vector } from './copy-rows.ts';
import { contentRootOfRows } from './stranger-tree.ts';

/**
 * Ten thousand rows whose content root never changes. It would if anything did that decides what a tree says or where it
 * is cut: then every vault would be stored anew, and no old content root could be compared any more.
 */
const CONTENT_ROOT = 'df5e00ffb1f30304e2cfcb1b042b6f24deb9e14ec8f8f8a2ac4b6984ba623ad6';
const KEYS = {
  contentIdKey: Buffer.alloc(32, 1),
  boundaryKey: Buffer.alloc(32, 2),
  indexKey: Buffer.alloc(32),
  maskKey: Buffer.alloc(32),
};

const ROWS = {
  beliefs: 3000,
  belief_versions: 500,
  sources: 200,
  belief_sources: 1000,
  belief_edges: 3000,
  models: 2,
  belief_embeddings: 1149,
};
const MOMENT = timestamptz('2026-01-31T12:00:00.000001Z');
const EDGE_TYPES = ['contradicts', 'derives_from', 'supersedes', 'supports'];

/** A UUID that sorts by kind, then number. */
function id(kind: number, number: number): string {
  return `0197f0a0-00${kind.toString(16).padStart(2, '0')}-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** A number below `limit` that looks random and is the same in every run. */
function pick(seed: string, limit: number): number {
  return createHash('sha256').update(seed).digest().readUInt32BE() % limit;
}

function content(number: number): string {
  return `belief ${number} ${'says something '.repeat(pick(`length ${number}`, 40))}`;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

interface Edge {
  readonly source: number;
  readonly type: string;
  readonly target: number;
  readonly id: number;
}

const edges: readonly Edge[] = numbers(ROWS.belief_edges).map((number) => ({
  source: pick(`source ${number}`, ROWS.beliefs),
  type: EDGE_TYPES[pick(`type ${number}`, 4)]!,
  target: pick(`target ${number}`, ROWS.beliefs),
  id: number,
}));

function sortedEdges(first: 'source' | 'target', last: 'source' | 'target'): Edge[] {
  const typeOrder = (a: Edge, b: Edge): number => EDGE_TYPES.indexOf(a.type) - EDGE_TYPES.indexOf(b.type);
  return edges.toSorted((a, b) => a[first] - b[first] || typeOrder(a, b) || a[last] - b[last] || a.id - b.id);
}

function belief(number: number): ReturnType<typeof text>[] {
  const domains = textArray(...numbers(pick(`domains ${number}`, 3)).map((i) => `domain ${i}`));
  return [
    text(content(number)),
    real(pick(`confidence ${number}`, 1000) / 999),
    null,
    domains,
    text('active'),
    null,
    MOMENT,
    jsonb('{}'),
  ];
}

const TUPLES: Readonly<Record<string, (model: number) => Uint8Array[]>> = {
  beliefs: () => numbers(ROWS.beliefs).map((i) => tuple(uuid(id(1, i)), ...belief(i), int4(1), MOMENT, MOMENT)),
  belief_versions: () =>
    numbers(ROWS.belief_versions).map((i) => tuple(uuid(id(1, i)), int4(1 + (i % 7)), ...belief(i), MOMENT, MOMENT)),
  sources: () =>
    numbers(ROWS.sources).map((i) =>
      tuple(uuid(id(3, i)), text('web'), text(`https://example.org/${i}`), null, null, jsonb('{}'), MOMENT, null),
    ),
  belief_sources: () =>
    numbers(ROWS.belief_sources).map((i) => tuple(uuid(id(1, i)), uuid(id(3, i % ROWS.sources)), jsonb('{}'), MOMENT)),
  belief_edges: () =>
    sortedEdges('source', 'target').map((edge) =>
      tuple(
        uuid(id(1, edge.source)),
        text(edge.type),
        uuid(id(1, edge.target)),
        uuid(id(5, edge.id)),
        real(0.5),
        null,
        null,
        null,
        jsonb('{}'),
        MOMENT,
      ),
    ),
  belief_edges_reverse: () =>
    sortedEdges('target', 'source').map((edge) =>
      tuple(uuid(id(1, edge.target)), text(edge.type), uuid(id(1, edge.source)), uuid(id(5, edge.id))),
    ),
  models: () =>
    numbers(ROWS.models).map((i) => tuple(uuid(id(7, i)), text(`model ${i}`), int4(64), jsonb('{}'), MOMENT)),
  belief_embeddings: (model) =>
    numbers(ROWS.belief_embeddings).map((i) =>
      tuple(uuid(id(1, i)), vector(...numbers(64).map((axis) => (i - axis) / (model + 3)))),
    ),
};

/** `piece`: how many bytes come at once. */
function source(piece: number): SnapshotSource {
  const models = numbers(ROWS.models).map((i) => id(7, i));
  const trees = TREES.flatMap(({ name, perModel }): TreeId[] =>
    perModel === true ? models.map((modelId) => ({ name, modelId })) : [{ name }],
  );
  return {
    schemaVersion: 1,
    engine: 'none',
    trees,
    position: null,
    untracked: 'made by hand',
    changesSince: () => Promise.resolve({ kind: 'unknown', reason: 'made by hand' }),
    async *rows({ name, modelId }) {
      const stream = copyStream(TUPLES[name]!(models.indexOf(modelId ?? '')));
      for (let at = 0; at < stream.length; at += piece) yield stream.subarray(at, at + piece);
    },
  };
}

test.for([1000, 65_536, 2 ** 30])(
  'the content root of 10,000 rows is what it always was, read %i bytes at a time',
  async (piece) => {
    const { contentRoot, trees } = await contentRootOf(source(piece), KEYS);
    const rows = trees.reduce((sum, { summary }) => sum + (summary.code === 6 ? 0 : summary.rows), 0);
    expect(rows).toBe(10_000);
    expect(trees.map(({ summary }) => summary.level)).toEqual([2, 2, 1, 1, 2, 2, 0, 1, 1]);
    expect(toHex(contentRoot)).toBe(CONTENT_ROOT);
  },
);

test('a writer made from FORMAT.md alone arrives at it', () => {
  const models = numbers(ROWS.models).map((i) => id(7, i));
  const trees = TREES.flatMap(({ code, name, leafAim, perModel, key }) =>
    (perModel === true ? models : [null]).map((modelId) => ({
      code,
      aim: leafAim,
      modelId: modelId === null ? Buffer.alloc(16) : uuidBytes(modelId),
      rows: TUPLES[name]!(models.indexOf(modelId ?? '')).map((row) => ({
        key: leadingKey(row, key.length),
        tuple: row,
      })),
    })),
  );
  expect(contentRootOfRows(trees, 1, KEYS)).toBe(CONTENT_ROOT);
});

/** In every tree the columns of the key come first, in its order; text among them is filled up to 16 bytes. */
function leadingKey(row: Uint8Array, columns: number): Uint8Array {
  const bytes = Buffer.from(row);
  const parts: Buffer[] = [];
  for (let at = 2; parts.length < columns;) {
    const length = bytes.readInt32BE(at);
    const value = bytes.subarray(at + 4, at + 4 + length);
    parts.push(length === 4 ? value : Buffer.concat([value, Buffer.alloc(16 - length)]));
    at += 4 + length;
  }
  return Buffer.concat(parts);
}
