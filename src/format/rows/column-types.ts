import { invariant } from '../../core/errors.ts';
import type { TreeLayout, TreeName } from '../tables.ts';

/** How the columns of a tree's rows are encoded. FORMAT.md §5.1 describes each type, §5.2 the columns. */

export type ColumnType = 'uuid' | 'text' | 'int4' | 'real' | 'timestamptz' | 'jsonb' | 'text[]' | 'vector';

const STATEMENT = {
  content: 'text',
  confidence: 'real',
  dimensions: 'jsonb',
  domains: 'text[]',
  status: 'text',
  valid_from: 'timestamptz',
  valid_until: 'timestamptz',
  metadata: 'jsonb',
  version: 'int4',
} as const;

const EDGE_ENDS = { source_id: 'uuid', type: 'text', target_id: 'uuid', id: 'uuid' } as const;

/** By tree and column. Of row version 1, the only one so far. */
export const COLUMN_TYPES: Readonly<Record<TreeName, Readonly<Record<string, ColumnType>>>> = {
  beliefs: { ...STATEMENT, id: 'uuid', created_at: 'timestamptz', updated_at: 'timestamptz' },
  belief_versions: { ...STATEMENT, belief_id: 'uuid', recorded_at: 'timestamptz', replaced_at: 'timestamptz' },
  sources: {
    id: 'uuid',
    type: 'text',
    external_id: 'text',
    title: 'text',
    uri: 'text',
    metadata: 'jsonb',
    created_at: 'timestamptz',
    retired_at: 'timestamptz',
  },
  belief_sources: { belief_id: 'uuid', source_id: 'uuid', metadata: 'jsonb', created_at: 'timestamptz' },
  belief_edges: {
    ...EDGE_ENDS,
    weight: 'real',
    valid_from: 'timestamptz',
    valid_until: 'timestamptz',
    retired_at: 'timestamptz',
    metadata: 'jsonb',
    created_at: 'timestamptz',
  },
  belief_edges_reverse: EDGE_ENDS,
  models: { id: 'uuid', name: 'text', dimensions: 'int4', metadata: 'jsonb', created_at: 'timestamptz' },
  belief_embeddings: { belief_id: 'uuid', embedding: 'vector' },
};

/** The type of a column of the layout. */
export function columnType(layout: TreeLayout, column: string): ColumnType {
  const type = COLUMN_TYPES[layout.name][column];
  invariant(type !== undefined, `${layout.name} has no column ${column}`);
  return type;
}
