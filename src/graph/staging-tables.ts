import type { ColumnKind } from './row-encoder.ts';

/**
 * Where an import waits until all of it is known to be good: temporary tables with the columns of the substrate, all of
 * them optional, and the place each row came from. NULL means that the line does not have the field.
 */

type Columns = Readonly<Record<string, ColumnKind>>;

/** Number of the input, from 0, and of its line, from 1. */
const PLACE: Columns = { file: 'int4', line: 'int4' };

const STATEMENT: Columns = {
  content: 'text',
  confidence: 'real',
  dimensions: 'jsonb',
  domains: 'text[]',
  status: 'text',
  valid_from: 'timestamptz',
  valid_until: 'timestamptz',
  metadata: 'jsonb',
};

export type StagingTable = 'beliefs' | 'versions' | 'sources' | 'provenance' | 'models' | 'embeddings' | 'edges';

export const STAGING: Readonly<Record<StagingTable, Columns>> = {
  beliefs: {
    ...PLACE,
    id: 'uuid',
    ...STATEMENT,
    version: 'int4',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
  },
  versions: {
    ...PLACE,
    belief_id: 'uuid',
    version: 'int4',
    ...STATEMENT,
    recorded_at: 'timestamptz',
    replaced_at: 'timestamptz',
  },
  sources: {
    ...PLACE,
    id: 'uuid',
    type: 'text',
    external_id: 'text',
    title: 'text',
    uri: 'text',
    metadata: 'jsonb',
    created_at: 'timestamptz',
    retired_at: 'timestamptz',
  },
  // `source_id` is the one derived from type and external id; a row that has another id keeps it.
  provenance: {
    ...PLACE,
    belief_id: 'uuid',
    source_id: 'uuid',
    type: 'text',
    external_id: 'text',
    metadata: 'jsonb',
    created_at: 'timestamptz',
  },
  models: { ...PLACE, id: 'uuid', name: 'text', dimensions: 'int4', metadata: 'jsonb', created_at: 'timestamptz' },
  embeddings: { ...PLACE, belief_id: 'uuid', model: 'text', embedding: 'vector' },
  edges: {
    ...PLACE,
    id: 'uuid',
    source_id: 'uuid',
    target_id: 'uuid',
    type: 'text',
    weight: 'real',
    valid_from: 'timestamptz',
    valid_until: 'timestamptz',
    retired_at: 'timestamptz',
    metadata: 'jsonb',
    created_at: 'timestamptz',
  },
};

export const STAGING_TABLES: readonly StagingTable[] = Object.keys(STAGING) as StagingTable[];

/** Name in SQL. */
export function stagingName(table: StagingTable): string {
  return `pg_temp.import_${table}`;
}

/** Creates every staging table; they go with the transaction. */
export function createStagingSql(): string {
  return STAGING_TABLES.map((table) => {
    const columns = Object.entries(STAGING[table]).map(([name, kind]) => `${name} ${kind}`);
    return `CREATE TEMPORARY TABLE import_${table} (${columns.join(', ')}) ON COMMIT DROP;`;
  }).join('\n');
}
