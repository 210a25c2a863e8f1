import { ValenceError } from '../core/errors.ts';

/**
 * The tables a snapshot holds, as FORMAT.md section 5 lists them: which columns, in which order, and how a row's key is
 * made. Pure data: nothing here reaches a database.
 */

/** How one column contributes to a row's key. Every kind has a fixed length, and its byte order is the sort order. */
export type KeyPart =
  | { readonly column: string; readonly kind: 'uuid' } // 16 bytes as they are
  | { readonly column: string; readonly kind: 'int4' } // 4 bytes, non-negative, big-endian
  | { readonly column: string; readonly kind: 'text16' }; // UTF-8, zero-padded to 16 bytes, C collation

export interface TreeLayout {
  /** Stored in every chunk; never reused. */
  readonly code: number;
  readonly name: TreeName;
  /** The relation the rows come from. */
  readonly table: string;
  /** Bumped whenever `columns` changes; an old version stays readable. */
  readonly rowVersion: number;
  readonly columns: readonly string[];
  readonly key: readonly KeyPart[];
  /** Aim of a leaf in bytes: a power of two. */
  readonly leafAim: number;
  /** One tree for each value of this column, which is then not part of the key. */
  readonly perModel?: boolean;
  /** Repeats rows of another tree in another order; never loaded back. */
  readonly derived?: boolean;
  /** Its rows refer to rows of other tables, and are left out of a restore when those are missing. */
  readonly mayLoseOrphans?: boolean;
}

export type TreeName =
  | 'beliefs'
  | 'belief_versions'
  | 'sources'
  | 'belief_sources'
  | 'belief_edges'
  | 'belief_edges_reverse'
  | 'models'
  | 'belief_embeddings';

const ROW_LEAF_AIM = 8 * 1024;
const EMBEDDING_LEAF_AIM = 64 * 1024;

const uuid = (column: string): KeyPart => ({ column, kind: 'uuid' });

/** In restore order: a table follows those its foreign keys name. */
export const TREES: readonly TreeLayout[] = [
  {
    code: 1,
    name: 'beliefs',
    table: 'beliefs',
    rowVersion: 1,
    columns: [
      'id',
      'content',
      'confidence',
      'dimensions',
      'domains',
      'status',
      'valid_from',
      'valid_until',
      'metadata',
      'version',
      'created_at',
      'updated_at',
    ],
    key: [uuid('id')],
    leafAim: ROW_LEAF_AIM,
  },
  {
    code: 2,
    name: 'belief_versions',
    table: 'belief_versions',
    rowVersion: 1,
    columns: [
      'belief_id',
      'version',
      'content',
      'confidence',
      'dimensions',
      'domains',
      'status',
      'valid_from',
      'valid_until',
      'metadata',
      'recorded_at',
      'replaced_at',
    ],
    key: [uuid('belief_id'), { column: 'version', kind: 'int4' }],
    leafAim: ROW_LEAF_AIM,
    mayLoseOrphans: true,
  },
  {
    code: 3,
    name: 'sources',
    table: 'sources',
    rowVersion: 1,
    columns: ['id', 'type', 'external_id', 'title', 'uri', 'metadata', 'created_at', 'retired_at'],
    key: [uuid('id')],
    leafAim: ROW_LEAF_AIM,
  },
  {
    code: 4,
    name: 'belief_sources',
    table: 'belief_sources',
    rowVersion: 1,
    columns: ['belief_id', 'source_id', 'metadata', 'created_at'],
    key: [uuid('belief_id'), uuid('source_id')],
    leafAim: ROW_LEAF_AIM,
    mayLoseOrphans: true,
  },
  {
    code: 5,
    name: 'belief_edges',
    table: 'belief_edges',
    rowVersion: 1,
    columns: [
      'source_id',
      'type',
      'target_id',
      'id',
      'weight',
      'valid_from',
      'valid_until',
      'retired_at',
      'metadata',
      'created_at',
    ],
    key: [uuid('source_id'), { column: 'type', kind: 'text16' }, uuid('target_id'), uuid('id')],
    leafAim: ROW_LEAF_AIM,
    mayLoseOrphans: true,
  },
  {
    code: 6,
    name: 'belief_edges_reverse',
    table: 'belief_edges',
    rowVersion: 1,
    columns: ['target_id', 'type', 'source_id', 'id'],
    key: [uuid('target_id'), { column: 'type', kind: 'text16' }, uuid('source_id'), uuid('id')],
    leafAim: ROW_LEAF_AIM,
    derived: true,
    mayLoseOrphans: true,
  },
  {
    code: 7,
    name: 'models',
    table: 'models',
    rowVersion: 1,
    columns: ['id', 'name', 'dimensions', 'metadata', 'created_at'],
    key: [uuid('id')],
    leafAim: ROW_LEAF_AIM,
  },
  {
    code: 8,
    name: 'belief_embeddings',
    table: 'belief_embeddings',
    rowVersion: 1,
    columns: ['belief_id', 'embedding'],
    key: [uuid('belief_id')],
    leafAim: EMBEDDING_LEAF_AIM,
    perModel: true,
    mayLoseOrphans: true,
  },
];

/** The layout of the tree of this name. @throws `format/malformed` */
export function layoutNamed(name: string): TreeLayout {
  const layout = TREES.find((candidate) => candidate.name === name);
  if (layout === undefined) throw new ValenceError('format/malformed', `there is no tree ${name}`);
  return layout;
}
