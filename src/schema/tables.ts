import type { ColumnType, Generated } from 'kysely';

/**
 * Every table of ours as Kysely sees it. Substrate tables are named without their schema, which the search path of each
 * connection begins with; those of the catalog carry theirs.
 *
 * What a column reads as: `uuid` text in lower case; `real` a number; `int4` and `int8` a number (`int8` beyond 2^53 a
 * bigint); `timestamptz` text in ISO 8601 UTC with up to six decimals, e.g. `2026-01-02T03:04:05.000006Z`, so that no
 * microsecond is lost (a year before 1 or after 9999 stays as Postgres writes it); `jsonb` parsed; `bytea` bytes;
 * `vector` its text, see vector-text.ts.
 */
export interface Tables {
  beliefs: BeliefsTable;
  belief_versions: BeliefVersionsTable;
  sources: SourcesTable;
  belief_sources: BeliefSourcesTable;
  belief_edges: BeliefEdgesTable;
  models: ModelsTable;
  belief_embeddings: BeliefEmbeddingsTable;
  supersedes_guard: SupersedesGuardTable;
  'valence_catalog.migrations': MigrationsTable;
  'valence_catalog.heads': HeadsTable;
  'valence_catalog.chunks': ChunksTable;
  'valence_catalog.segments': SegmentsTable;
  'valence_catalog.change_log': ChangeLogTable;
  'valence_catalog.changes': ChangesTable;
  'valence_catalog.projections': ProjectionsTable;
}

/** ISO 8601 in; on the way out always UTC. */
export type Timestamp = string;
/** A time the database sets where none is given. */
export type DefaultTimestamp = ColumnType<Timestamp, Timestamp | undefined, Timestamp>;
export type JsonObject = Readonly<Record<string, unknown>>;
/** `{}` where none is given. */
export type DefaultJson = ColumnType<JsonObject, JsonObject | undefined, JsonObject>;

export type BeliefStatus = 'active' | 'superseded' | 'disputed' | 'archived';
export type EdgeType = 'supports' | 'contradicts' | 'supersedes' | 'derives_from';

export interface BeliefsTable {
  id: string;
  content: string;
  confidence: Generated<number>;
  dimensions: JsonObject | null;
  domains: ColumnType<string[], readonly string[] | undefined, readonly string[]>;
  status: Generated<BeliefStatus>;
  valid_from: Timestamp | null;
  valid_until: Timestamp | null;
  metadata: DefaultJson;
  /** Counts the changes of what the belief says; set by a trigger on update. */
  version: ColumnType<number, number | undefined, never>;
  created_at: DefaultTimestamp;
  /** Set by a trigger on update. */
  updated_at: ColumnType<Timestamp, Timestamp | undefined, never>;
}

/** Append-only. */
export interface BeliefVersionsTable {
  belief_id: string;
  version: number;
  content: string;
  confidence: number;
  dimensions: JsonObject | null;
  domains: ColumnType<string[], readonly string[], never>;
  status: BeliefStatus;
  valid_from: Timestamp | null;
  valid_until: Timestamp | null;
  metadata: ColumnType<JsonObject, JsonObject, never>;
  recorded_at: Timestamp;
  replaced_at: DefaultTimestamp;
}

export interface SourcesTable {
  id: string;
  type: string;
  external_id: string;
  title: string | null;
  uri: string | null;
  metadata: DefaultJson;
  created_at: DefaultTimestamp;
  retired_at: Timestamp | null;
}

export interface BeliefSourcesTable {
  belief_id: string;
  source_id: string;
  metadata: DefaultJson;
  created_at: DefaultTimestamp;
}

export interface BeliefEdgesTable {
  id: string;
  source_id: string;
  target_id: string;
  type: EdgeType;
  weight: Generated<number>;
  valid_from: Timestamp | null;
  valid_until: Timestamp | null;
  /** `null`: live. */
  retired_at: Timestamp | null;
  metadata: DefaultJson;
  created_at: DefaultTimestamp;
}

export interface ModelsTable {
  id: string;
  name: string;
  dimensions: ColumnType<number, number, never>;
  metadata: DefaultJson;
  created_at: DefaultTimestamp;
}

export interface BeliefEmbeddingsTable {
  belief_id: string;
  model_id: string;
  embedding: string;
  /** Derived from `embedding`, for the foreign key. */
  dimensions: ColumnType<number, never, never>;
}

/** One row, see docs/decisions/0002-supersedes-guard.md. */
export interface SupersedesGuardTable {
  only_row: Generated<boolean>;
  writes: Generated<number>;
}

export interface MigrationsTable {
  number: number;
  name: string;
  digest: Uint8Array;
  applied_at: DefaultTimestamp;
}

export interface HeadsTable {
  vault_id: string;
  tier: string;
  sequence: number;
  digest: Uint8Array;
  content_root: Uint8Array;
  committed_at: Timestamp;
  position: string | null;
  /** Goes in as the text of a JSON array (catalog/tree-record.ts). */
  trees: ColumnType<unknown, string, string>;
}

/** A chunk where it stands in a tree. */
export interface ChunksTable {
  vault_id: string;
  tier: string;
  /** FORMAT.md §5.2 */
  tree: number;
  /** All zeros where the tree is of no model. */
  model_id: string;
  level: number;
  last_key: Uint8Array;
  piece: number;
  content_id: Uint8Array;
  rows: number;
  bytes: number;
  name: Uint8Array;
  key: Uint8Array;
}

export interface SegmentsTable {
  vault_id: string;
  tier: string;
  ordinal: number;
  digest: Uint8Array;
  size_bytes: number;
  /** catalog/stripe-list.ts */
  stripes: Uint8Array;
}

/** One row. */
export interface ChangeLogTable {
  only_row: Generated<boolean>;
  epoch: Generated<string>;
  limit_bytes: Generated<number>;
  /** Text of a `pg_snapshot`. */
  trimmed_to: string | null;
  made: Uint8Array | null;
}

/** Entries are written by triggers only (migrations/0003_change_log.sql). */
export interface ChangesTable {
  /** An `xid8`. */
  xid: Generated<string>;
  tree: number;
  keys: Uint8Array | null;
}

/** Graphs of Apache AGE that were made from the substrate. */
export interface ProjectionsTable {
  name: string;
  /** OID of its schema. */
  namespace: number;
  layout: number;
  position: string | null;
  updated_at: Timestamp;
  beliefs: number;
  edges: number;
}

/** The tables a snapshot holds; each after those its foreign keys name. */
export const SUBSTRATE_TABLES: readonly SubstrateTable[] = [
  'beliefs',
  'belief_versions',
  'sources',
  'belief_sources',
  'belief_edges',
  'models',
  'belief_embeddings',
];

export type SubstrateTable =
  | 'beliefs'
  | 'belief_versions'
  | 'sources'
  | 'belief_sources'
  | 'belief_edges'
  | 'models'
  | 'belief_embeddings';

/** The schema of the substrate tables, first in the search path of every connection. */
export const SUBSTRATE_SCHEMA = 'valence';
/** The schema of what this host remembers. */
export const CATALOG_SCHEMA = 'valence_catalog';
