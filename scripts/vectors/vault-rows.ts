import type { SnapshotSource, TreeId } from '../../src/core/ports.ts';
import { TREES } from '../../src/format/tables.ts';
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
import type { Value } from '../../test/vectors/copy-rows.ts';
import { seededRandom } from '../../test/vectors/vector.ts';

/** The rows of the vector vault: written once as readable values, from which the COPY tuples are made. */

/** A row as `vault.json` states it: values as JSON, long texts by digest. */
export type PlainRow = Readonly<Record<string, unknown>>;

/** Text in the form of PostgreSQL's jsonb output, and how each type is made. */
const ENCODERS: Readonly<Record<string, (value: never) => Value>> = {
  uuid,
  text,
  int4,
  real,
  timestamptz,
  jsonb,
  'text[]': (items: readonly string[]) => textArray(...items),
  vector: (items: readonly number[]) => vector(...items),
};

const TYPES: Readonly<Record<string, string>> = {
  id: 'uuid',
  belief_id: 'uuid',
  source_id: 'uuid',
  target_id: 'uuid',
  content: 'text',
  status: 'text',
  type: 'text',
  external_id: 'text',
  title: 'text',
  uri: 'text',
  name: 'text',
  confidence: 'real',
  weight: 'real',
  dimensions: 'jsonb',
  metadata: 'jsonb',
  domains: 'text[]',
  version: 'int4',
  embedding: 'vector',
  valid_from: 'timestamptz',
  valid_until: 'timestamptz',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
  recorded_at: 'timestamptz',
  replaced_at: 'timestamptz',
  retired_at: 'timestamptz',
};

/** One state of the substrate, by tree; embeddings by model id. */
export interface Substrate {
  readonly tables: Readonly<Record<string, readonly PlainRow[]>>;
  readonly embeddings: Readonly<Record<string, readonly PlainRow[]>>;
}

function id(number: number): string {
  return `0197f0a0-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

const MOMENT = '2026-01-31T12:00:00.000000Z';
const MODEL = id(0x900);
const EMPTY_MODEL = id(0x901);

function belief(number: number, content: string, more: PlainRow = {}): PlainRow {
  return {
    id: id(number),
    content,
    confidence: 1,
    dimensions: null,
    domains: [],
    status: 'active',
    valid_from: null,
    valid_until: null,
    metadata: '{}',
    version: 1,
    created_at: MOMENT,
    updated_at: MOMENT,
    ...more,
  };
}

function edge(
  number: number,
  [source, type, target]: readonly [number, string, number],
  more: PlainRow = {},
): PlainRow {
  return {
    source_id: id(source),
    type,
    target_id: id(target),
    id: id(number),
    weight: 1,
    valid_from: null,
    valid_until: null,
    retired_at: null,
    metadata: '{}',
    created_at: MOMENT,
    ...more,
  };
}

/** Hexadecimal digits hardly shrink when they are stored as they are, and so make a pack worth a stripe. */
const INLINE_TEXT = Buffer.from(seededRandom('inline text').bytes(33_000)).toString('hex');
const LARGE_TEXT = `${'a'.repeat(150_000)}${'b'.repeat(150_000)}`;

const BELIEFS = [
  belief(1, 'water boils at 100 °C\n"at sea level"\t\\', {
    confidence: 0.75,
    domains: ['physics', 'naïve'],
    version: 2,
  }),
  belief(2, '水は氷になる 🧊', {
    confidence: 0.125,
    dimensions: '{"recency": 1, "evidence": 0.5}',
    status: 'superseded',
  }),
  belief(3, 'valid for a while', {
    valid_from: '2024-02-29T23:59:59.123456Z',
    valid_until: '2030-01-01T00:00:00.000000Z',
  }),
  belief(4, 'before the epoch of the database', {
    valid_from: '1969-07-20T20:17:40.000001Z',
    metadata: '{"a": 1.0, "b": [12345678901234567890, -0.00010]}',
  }),
  belief(5, INLINE_TEXT),
  belief(6, LARGE_TEXT),
];

const EDGES = [
  edge(0x101, [1, 'supersedes', 2]),
  edge(0x102, [1, 'supports', 3], { weight: 0.25 }),
  edge(0x103, [3, 'contradicts', 4], { metadata: '{"why": "dates"}' }),
  edge(0x104, [3, 'contradicts', 4], { retired_at: MOMENT }),
  edge(0x105, [4, 'derives_from', 1], { valid_from: '2020-01-01T00:00:00.000000Z' }),
];

const FIRST: Substrate = {
  tables: {
    beliefs: BELIEFS,
    belief_versions: [
      {
        belief_id: id(1),
        version: 1,
        content: 'water boils',
        confidence: 0.5,
        dimensions: null,
        domains: ['physics'],
        status: 'active',
        valid_from: null,
        valid_until: null,
        metadata: '{}',
        recorded_at: MOMENT,
        replaced_at: '2026-01-31T12:00:01.000000Z',
      },
    ],
    sources: [
      {
        id: id(0x500),
        type: 'book',
        external_id: 'isbn:1',
        title: 'A book',
        uri: null,
        metadata: '{}',
        created_at: MOMENT,
        retired_at: null,
      },
      {
        id: id(0x501),
        type: 'web',
        external_id: 'https://example.org/ä',
        title: null,
        uri: 'https://example.org/',
        metadata: '{}',
        created_at: MOMENT,
        retired_at: MOMENT,
      },
    ],
    belief_sources: [{ belief_id: id(2), source_id: id(0x500), metadata: '{"page": 7}', created_at: MOMENT }],
    belief_edges: EDGES,
    models: [
      { id: MODEL, name: 'small', dimensions: 3, metadata: '{}', created_at: MOMENT },
      { id: EMPTY_MODEL, name: 'unused', dimensions: 1024, metadata: '{}', created_at: MOMENT },
    ],
  },
  embeddings: {
    [MODEL]: [
      { belief_id: id(1), embedding: [0.5, -2, 3] },
      { belief_id: id(3), embedding: [0, -0, 1] },
    ],
    [EMPTY_MODEL]: [],
  },
};

/** After the first snapshot a belief is added, an edge goes, and a large value stays as it is. */
const SECOND: Substrate = {
  tables: {
    ...FIRST.tables,
    beliefs: [...BELIEFS, belief(7, 'added later')],
    belief_edges: EDGES.filter((row) => row['id'] !== id(0x104)),
  },
  embeddings: FIRST.embeddings,
};

/** What the two snapshots of the vault hold. */
export const STATES: readonly Substrate[] = [FIRST, SECOND];

export function sourceOf(state: Substrate): SnapshotSource {
  const models = Object.keys(state.embeddings).sort();
  const trees = TREES.flatMap(({ name, perModel }): TreeId[] =>
    perModel === true ? models.map((modelId) => ({ name, modelId })) : [{ name }],
  );
  return {
    schemaVersion: 1,
    engine: 'PostgreSQL 17.11, pgvector 0.8.0',
    trees,
    position: null,
    untracked: 'made by hand',
    changesSince: () => Promise.resolve({ kind: 'unknown', reason: 'made by hand' }),
    async *rows(tree) {
      const stream = copyStream(rowsOf(state, tree).map((row) => tupleOf(tree, row)));
      yield stream.subarray(0, 100);
      yield stream.subarray(100);
    },
  };
}

/** The rows of a tree in key order. */
export function rowsOf(state: Substrate, { name, modelId }: TreeId): readonly PlainRow[] {
  if (modelId !== undefined) return state.embeddings[modelId] ?? [];
  const columns = ['target_id', 'type', 'source_id', 'id'];
  if (name !== 'belief_edges_reverse') return sorted(name, state.tables[name] ?? []);
  return sorted(
    name,
    state.tables['belief_edges']!.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]]))),
  );
}

/** Ids are lower-case UUIDs and types ASCII, so that JavaScript's order of text is that of the keys. */
function sorted(tree: string, rows: readonly PlainRow[]): PlainRow[] {
  const parts = TREES.find(({ name }) => name === tree)!.key;
  const keyText = (row: PlainRow): string =>
    parts.map(({ column, kind }) => String(row[column]).padEnd(kind === 'text16' ? 16 : 0, '\0')).join('');
  return rows.toSorted((a, b) => (keyText(a) < keyText(b) ? -1 : 1));
}

function tupleOf(tree: TreeId, row: PlainRow): Uint8Array {
  const { columns } = TREES.find(({ name }) => name === tree.name)!;
  return tuple(
    ...columns.map((column) => (row[column] === null ? null : encode(typeOf(tree.name, column), row[column]))),
  );
}

function encode(type: string, value: unknown): Value {
  return ENCODERS[type]!(value as never);
}

function typeOf(tree: string, column: string): string {
  return tree === 'models' && column === 'dimensions' ? 'int4' : TYPES[column]!;
}
