import type { ColumnType } from '../../format/rows/column-types.ts';
import { COLUMN_TYPES } from '../../format/rows/column-types.ts';

/**
 * Where an import waits until all of it is known to be good: temporary tables with the columns of the substrate, all of
 * them optional, and the place each row came from. NULL means that the line does not have the field.
 */

type Columns = Readonly<Record<string, ColumnType>>;

/** Number of the input, from 0, and of its line, from 1. */
const PLACE: Columns = { file: 'int4', line: 'int4' };

export type StagingTable = 'beliefs' | 'versions' | 'sources' | 'provenance' | 'models' | 'embeddings' | 'edges';

export const STAGING: Readonly<Record<StagingTable, Columns>> = {
  beliefs: { ...PLACE, ...COLUMN_TYPES.beliefs },
  versions: { ...PLACE, ...COLUMN_TYPES.belief_versions },
  sources: { ...PLACE, ...COLUMN_TYPES.sources },
  // `source_id` is the one derived from type and external id; a row that has another id keeps it.
  provenance: { ...PLACE, ...COLUMN_TYPES.belief_sources, type: 'text', external_id: 'text' },
  models: { ...PLACE, ...COLUMN_TYPES.models },
  // The model by its name, which the line may say before the row with its id.
  embeddings: { ...PLACE, ...COLUMN_TYPES.belief_embeddings, model: 'text' },
  edges: { ...PLACE, ...COLUMN_TYPES.belief_edges },
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
