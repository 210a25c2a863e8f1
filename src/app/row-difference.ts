import { invariant } from '../core/errors.ts';
import { columnValue } from '../format/rows/row-values.ts';
import type { TreeLayout, TreeName } from '../format/tables.ts';
import { parseExactly } from '../graph/lines/exact-json.ts';
import type { StoredRow } from '../vault/stored-row.ts';
import type { TreeDifference } from '../vault/tree-diff.ts';
import type { DiffTable, FieldChange, RowDifference, RowIdentity, RowValue } from './diff-calls.ts';

/** Rows of trees in the words in which people and programs are told of them. */

/** Characters. */
const LABEL_LENGTH = 200;
/** A character takes at most four bytes of UTF-8. */
const LABEL_BYTES = 4 * LABEL_LENGTH;

interface TableWords {
  readonly table: DiffTable;
  /** Columns that import lines call otherwise. */
  readonly names: Readonly<Record<string, string>>;
  /** Columns that tell a person which row it is. */
  readonly label: readonly string[];
}

const WORDS: Readonly<Record<TreeName, TableWords | null>> = {
  beliefs: { table: 'beliefs', names: {}, label: ['content'] },
  belief_versions: { table: 'versions', names: { belief_id: 'id' }, label: ['content'] },
  sources: {
    table: 'sources',
    names: { type: 'source_type', external_id: 'source_id' },
    label: ['type', 'external_id', 'title'],
  },
  belief_sources: { table: 'provenance', names: { belief_id: 'id', source_id: 'source' }, label: [] },
  belief_edges: { table: 'edges', names: { source_id: 'source', target_id: 'target', type: 'edge_type' }, label: [] },
  belief_edges_reverse: null,
  models: { table: 'models', names: {}, label: ['name'] },
  belief_embeddings: { table: 'embeddings', names: { belief_id: 'id' }, label: [] },
};

export function diffTableOf(layout: TreeLayout): DiffTable {
  return wordsOf(layout).table;
}

export type RowChange = Exclude<TreeDifference, { readonly kind: 'counted' }>;

export interface RowContext {
  readonly layout: TreeLayout;
  readonly sameIds: boolean;
  /** Name of the model whose embeddings these are. */
  readonly model: string | null;
}

/** Reads no more of large values than is given. @throws `integrity/*`, `format/malformed` */
export async function rowDifference(change: RowChange, context: RowContext): Promise<RowDifference> {
  const { layout, sameIds, model } = context;
  const row = change.kind === 'removed' ? change.before : change.after;
  return {
    type: 'difference',
    table: diffTableOf(layout),
    change: change.kind,
    ...(await identityOf(row, layout)),
    ...(model === null ? {} : { model }),
    label: await labelOf(row, layout),
    row: change.kind === 'changed' ? null : await valuesOf(row, layout),
    fields: change.kind === 'changed' ? await changedFields(change.before, change.after, { layout, sameIds }) : null,
  };
}

/** The name of a model, by a row of the table `models`. */
export async function modelOf(
  row: StoredRow,
  layout: TreeLayout,
): Promise<{ readonly id: string; readonly name: string }> {
  return { id: String(await valueOf(row, layout, 'id')), name: String(await valueOf(row, layout, 'name')) };
}

async function identityOf(row: StoredRow, layout: TreeLayout): Promise<RowIdentity> {
  const key: Record<string, RowValue> = {};
  for (const { column } of layout.key) key[eventName(layout, column)] = await valueOf(row, layout, column);
  const { id, ...rest } = key;
  return { id: String(id), ...rest };
}

async function labelOf(row: StoredRow, layout: TreeLayout): Promise<string | null> {
  const parts: string[] = [];
  for (const column of wordsOf(layout).label) {
    const bytes = await row.beginning(columnIndex(layout, column));
    // As a stream, so that a character that is cut off at the end is left out.
    if (bytes !== null) parts.push(new TextDecoder().decode(bytes.subarray(0, LABEL_BYTES), { stream: true }));
  }
  return parts.length === 0 ? null : [...parts.join(' ')].slice(0, LABEL_LENGTH).join('');
}

async function valuesOf(row: StoredRow, layout: TreeLayout): Promise<Record<string, RowValue>> {
  const values: Record<string, RowValue> = {};
  for (const column of otherColumns(layout)) values[eventName(layout, column)] = await valueOf(row, layout, column);
  return values;
}

async function changedFields(
  before: StoredRow,
  after: StoredRow,
  { layout, sameIds }: Pick<RowContext, 'layout' | 'sameIds'>,
): Promise<Record<string, FieldChange>> {
  const fields: Record<string, FieldChange> = {};
  for (const column of otherColumns(layout)) {
    if (await after.hasSameField(columnIndex(layout, column), before, sameIds)) continue;
    fields[eventName(layout, column)] = {
      before: await valueOf(before, layout, column),
      after: await valueOf(after, layout, column),
    };
  }
  return fields;
}

async function valueOf(row: StoredRow, layout: TreeLayout, column: string): Promise<RowValue> {
  const value = columnValue(layout, column, await row.field(columnIndex(layout, column)), parseExactly);
  return value instanceof Float32Array ? { dimensions: value.length } : value;
}

function columnIndex(layout: TreeLayout, column: string): number {
  return layout.columns.indexOf(column);
}

/** Those that are not part of the key. */
function otherColumns(layout: TreeLayout): string[] {
  return layout.columns.filter((column) => layout.key.every((part) => part.column !== column));
}

function eventName(layout: TreeLayout, column: string): string {
  return wordsOf(layout).names[column] ?? column;
}

function wordsOf(layout: TreeLayout): TableWords {
  const words = WORDS[layout.name];
  invariant(words !== null, `${layout.name} only repeats rows`);
  return words;
}
