/**
 * Where the corridor meets the database: pipeline and vault know these interfaces, graph and catalog implement them.
 * Rows travel as the bytes of Postgres binary COPY (FORMAT.md section 5).
 */

/** Names one tree of a snapshot; `modelId` (UUID text) for the embeddings of one model. */
export interface TreeId {
  readonly name: string;
  readonly modelId?: string | undefined;
}

/** One consistent state of the substrate, readable until closed. */
export interface SnapshotSource {
  /** Number of the newest migration applied. */
  readonly schemaVersion: number;
  /** e.g. "PostgreSQL 17.11, pgvector 0.8.0" */
  readonly engine: string;
  /** Every tree, in the order of FORMAT.md section 5, those of models by id. */
  readonly trees: readonly TreeId[];
  /** Binary COPY streams, one after another, that together hold every row in key order; each with header and trailer. */
  rows(tree: TreeId): AsyncIterable<Uint8Array>;
}

/** Opens a source, hands it to `read`, and ends the database transaction when `read` settles. */
export type WithSnapshotSource = <T>(read: (source: SnapshotSource) => Promise<T>) => Promise<T>;

/** An empty substrate being filled, all in one transaction. */
export interface SnapshotSink {
  /**
   * Appends the rows of one tree: one binary COPY stream (header, tuples in key order, trailer). Called in the order of
   * FORMAT.md section 5, once a tree, never for a reverse tree. Resolves to the number of rows.
   */
  load(tree: TreeId, copy: AsyncIterable<Uint8Array>): Promise<number>;
  /** Takes out edges whose ends are missing, builds the constraints, and returns those edges. */
  settle(): Promise<SettleReport>;
  /** The rows as they now stand in the target, for the comparison of content roots. Valid after `settle`. */
  readonly written: SnapshotSource;
}

export interface SettleReport {
  /** One JSON value an edge, as `export --full` would print it. */
  readonly orphanEdges: readonly Readonly<Record<string, unknown>>[];
}

/** Runs `fill` in one transaction of the target; nothing remains when it rejects. */
export type WithSnapshotSink = <T>(fill: (sink: SnapshotSink) => Promise<T>) => Promise<T>;

/** What this host remembers of a tier's newest snapshot, so that the next run need not ask the backends. */
export interface CatalogHead {
  readonly sequence: number;
  readonly digest: Uint8Array;
  readonly contentRoot: Uint8Array;
}

export interface CatalogChunk {
  readonly contentId: Uint8Array;
  readonly name: Uint8Array;
  readonly key: Uint8Array;
}

export interface Catalog {
  head(tier: string): Promise<CatalogHead | null>;
  /** The heads of all tiers. */
  heads(): Promise<readonly (CatalogHead & { readonly tier: string })[]>;
  /** Every chunk of the newest snapshot of the tier. */
  chunks(tier: string): AsyncIterable<CatalogChunk>;
  /** In one transaction: the head, and exactly these chunks in place of the old ones. */
  replace(
    tier: string,
    head: CatalogHead,
    added: Iterable<CatalogChunk>,
    dropped: readonly Uint8Array[],
  ): Promise<void>;
  /** Runs `work` while no other process writes to this vault from this database. @throws `backend/second-writer` */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Forgets a tier, so that its next snapshot is stored anew. */
  forget(tier: string): Promise<void>;
}
