/** What `valence backup diff` calls and gives back. Interfaces only; `diff.ts` implements them. */

export interface DiffOptions {
  /** An id, an unambiguous beginning of one, or `latest`. */
  readonly before: string;
  /** The same; left out, the latest of the tier of `before`. */
  readonly after?: string | undefined;
  /** Only snapshots of this tier are meant. */
  readonly tier?: string | undefined;
  /** Locations, or names of configured backends where there is a home. Empty: all configured backends. */
  readonly from: readonly string[];
  /** `master.key`; left out, the one in the home. */
  readonly keyFile?: string | undefined;
  /** Told, before the first event, of each place that cannot be used fully: one sentence that names it. */
  readonly warn?: ((warning: string) => void) | undefined;
  /** Which rows are given one by one: of beliefs, sources and edges; of every table; or none. All are counted. */
  readonly rows: 'knowledge' | 'all' | 'none';
  /** Wait, for hours, for shards that lie in an archive; else it ends with `backend/archived` once all were asked for. */
  readonly wait?: boolean | undefined;
}

export type DiffEvent = RowDifference | DiffSummary;

/** In the order in which they are compared. */
export type DiffTable = 'beliefs' | 'versions' | 'sources' | 'provenance' | 'edges' | 'models' | 'embeddings';

/** How a row is known; fields are called as in import lines (docs/import-format.md). */
export interface RowIdentity {
  /** The row's own; of versions, provenance and embeddings that of their belief. */
  readonly id: string;
  /** Of versions. */
  readonly version?: number;
  /** Of edges the belief they start from, of provenance the source. */
  readonly source?: string;
  /** Of edges. */
  readonly target?: string;
  /** Of edges. */
  readonly edge_type?: string;
  /** Of embeddings: name of the model. */
  readonly model?: string;
}

/** A row that is in one of the snapshots only, or differs between them. */
export interface RowDifference extends RowIdentity {
  readonly type: 'difference';
  readonly table: DiffTable;
  readonly change: 'added' | 'changed' | 'removed';
  /** For people: the beginning of what it says now, or last said; null where only its identity says something. */
  readonly label: string | null;
  /** All other columns, of a row that was added or removed. See `RowValue`. */
  readonly row: Readonly<Record<string, RowValue>> | null;
  /** The columns that differ, of a row that changed. */
  readonly fields: Readonly<Record<string, FieldChange>> | null;
}

export interface FieldChange {
  readonly before: RowValue;
  readonly after: RowValue;
}

/**
 * Text, number, list or object as in a full export. Numbers in `metadata` that JavaScript cannot hold are raw JSON, which
 * `JSON.stringify` prints digit by digit. Of a vector only `{ dimensions }` is given.
 */
export type RowValue = unknown;

export interface ChangeCounts {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

/** Last event. */
export interface DiffSummary {
  readonly type: 'summary';
  readonly before: ComparedSnapshot;
  readonly after: ComparedSnapshot;
  readonly tables: Readonly<Record<DiffTable, ChangeCounts>>;
  /** By name of the model; only models of which some embedding differs. */
  readonly embeddingsByModel: Readonly<Record<string, ChangeCounts>>;
  /** Of index and shards; what had to be read to find the snapshots is not counted. */
  readonly bytesRead: number;
}

export interface ComparedSnapshot {
  readonly id: string;
  readonly tier: string;
  readonly sequence: number;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}
