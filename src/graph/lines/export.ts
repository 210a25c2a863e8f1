import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { keyOrder, keyRanges } from '../snapshot/keyset.ts';
import type { KeysetTable } from '../snapshot/keyset.ts';
import { beliefLine, edgeLine, modelLine, sourceLine, versionLine } from './line-sql.ts';

export interface ExportOptions {
  /** With ids, times, status and versions of everything, retired edges, sources, models and embeddings. */
  readonly full: boolean;
  readonly signal?: AbortSignal | undefined;
}

interface Part extends KeysetTable {
  /** SQL of the line, of a row called `r`. */
  readonly line: string;
}

const ROWS_AT_ONCE = 2000;
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/**
 * The substrate as JSON lines (docs/import-format.md), without line feeds, in an order that depends on nothing but the
 * rows: beliefs by id, edges by source, type, target and id. A full export has models and sources before the beliefs, and
 * versions before the edges. Call it in a transaction of mode `snapshot`, or changes may come in half. Importing a plain
 * export into an empty database and exporting again gives the same lines; a full one gives an equal digest, save where
 * docs/import-format.md says otherwise.
 */
export async function* exportLines(session: Session, options: ExportOptions): AsyncGenerator<string, void, undefined> {
  for (const part of options.full ? FULL_PARTS : PLAIN_PARTS) {
    for await (const range of keyRanges(session, part, { rows: ROWS_AT_ONCE, bytes: BYTES_AT_ONCE })) {
      options.signal?.throwIfAborted();
      const { rows } = await sql<{ line: string }>`${sql.raw(
        `SELECT ${part.line} AS line FROM ${part.table} AS r WHERE ${range} ORDER BY ${keyOrder(part.key)}`,
      )}`.execute(session.kysely);
      for (const { line } of rows) yield line;
    }
  }
}

const BELIEFS: KeysetTable = {
  table: 'valence.beliefs',
  key: [{ column: 'id', type: 'uuid' }],
  weight: 'octet_length(content) + pg_column_size(metadata)',
};

const EDGES: KeysetTable = {
  table: 'valence.belief_edges',
  key: [
    { column: 'source_id', type: 'uuid' },
    { column: 'type', type: 'text' },
    { column: 'target_id', type: 'uuid' },
    { column: 'id', type: 'uuid' },
  ],
  weight: '100 + pg_column_size(metadata)',
};

const PLAIN_PARTS: readonly Part[] = [
  { ...BELIEFS, line: beliefLine('r', { full: false, embeddings: false }) },
  { ...EDGES, where: 'retired_at IS NULL', line: edgeLine('r', false) },
];

// A number of an embedding is some twelve characters of text.
const EMBEDDINGS_WEIGHT = `(SELECT coalesce(sum(e.dimensions), 0) * 12 FROM valence.belief_embeddings AS e WHERE e.belief_id = beliefs.id)`;

const FULL_PARTS: readonly Part[] = [
  {
    table: 'valence.models',
    key: [{ column: 'id', type: 'uuid' }],
    weight: 'pg_column_size(metadata)',
    line: modelLine('r'),
  },
  {
    table: 'valence.sources',
    key: [{ column: 'id', type: 'uuid' }],
    weight: 'octet_length(coalesce(title, uri, external_id)) + pg_column_size(metadata)',
    line: sourceLine('r'),
  },
  {
    ...BELIEFS,
    weight: `${BELIEFS.weight} + ${EMBEDDINGS_WEIGHT}`,
    line: beliefLine('r', { full: true, embeddings: true }),
  },
  {
    table: 'valence.belief_versions',
    key: [
      { column: 'belief_id', type: 'uuid' },
      { column: 'version', type: 'int4' },
    ],
    weight: 'octet_length(content) + pg_column_size(metadata)',
    line: versionLine('r'),
  },
  { ...EDGES, line: edgeLine('r', true) },
];
