/**
 * Where the corridor meets the database: pipeline and vault know these interfaces, graph and catalog implement them.
 * Rows travel as the bytes of Postgres binary COPY (FORMAT.md section 5).
 */

/** Names one tree of a snapshot; `modelId` (UUID text) for the embeddings of one model. */
export interface TreeId {
  readonly name: string;
  readonly modelId?: string | undefined;
}

/** Keys of a tree above `after` (null: from the first) up to and including `upTo` (null: to the last). FORMAT.md §5.3. */
export interface KeyRange {
  readonly after: Uint8Array | null;
  readonly upTo: Uint8Array | null;
}

/** Rows of one tree that were inserted, changed or deleted. */
export interface TreeChanges {
  readonly tree: TreeId;
  /** Keys before and after the change, ascending, each once; `all`: any row may have changed. */
  readonly keys: readonly Uint8Array[] | 'all';
}

/** Trees that are not listed have not changed. `unknown`: only a full scan can tell; the reason is a clause for people. */
export type ChangesSince =
  | { readonly kind: 'known'; readonly trees: readonly TreeChanges[] }
  | { readonly kind: 'unknown'; readonly reason: string };

/** One consistent state of the substrate, readable until closed. */
export interface SnapshotSource {
  /** Number of the newest migration applied. */
  readonly schemaVersion: number;
  /** e.g. "PostgreSQL 17.11, pgvector 0.8.0" */
  readonly engine: string;
  /** Every tree, in the order of FORMAT.md section 5, those of models by id. */
  readonly trees: readonly TreeId[];
  /**
   * Binary COPY streams, one after another, that together hold every row, or those of some ascending, disjoint ranges, in key
   * order; each with header and trailer. Until the last piece is taken nothing else may be asked of the source.
   */
  rows(tree: TreeId, ranges?: readonly KeyRange[]): AsyncIterable<Uint8Array>;
  /** Which state this is, for `changesSince` of a later source; null where changes cannot be trusted to be seen. */
  readonly position: string | null;
  /** Why there is no position, a clause for people; null where there is one. */
  readonly untracked: string | null;
  /** What changed between the state of that position and this one. */
  changesSince(position: string): Promise<ChangesSince>;
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

/** A chunk where it stands in a tree: what a writer must know of it to build the next tree without reading it. */
export interface TreePosition extends CatalogChunk {
  readonly tree: TreeId;
  /** 0 for leaves and pieces. */
  readonly level: number;
  /** The greatest key below it; empty for the leaf of an empty tree. Of a piece, that of its leaf. */
  readonly lastKey: Uint8Array;
  /** 0 for a leaf or node; from 1 the pieces of large values of the leaf with this last key, in its order. */
  readonly piece: number;
  /** 0 for a piece. */
  readonly rows: number;
  readonly bytes: number;
}

/** A leaf or node of one level by the keys it owns: above `after`, up to `lastKey`, or without end when it is the last. */
export interface OwnedKeys {
  /** Last key of the one before it; null: it is the first. */
  readonly after: Uint8Array | null;
  readonly lastKey: Uint8Array;
  readonly isLast: boolean;
}

/** Root of a tree in a tier's newest snapshot. */
export interface CatalogTree extends CatalogChunk {
  readonly tree: TreeId;
  readonly rowVersion: number;
  readonly level: number;
  readonly rows: number;
  readonly bytes: number;
  /** Chunks a level, leaves first; pieces not counted. */
  readonly chunks: readonly number[];
}

/** A stripe as far as one must know it to tell whether it can still be rebuilt. */
export interface CatalogStripe {
  /** How many of its shards rebuild it. */
  readonly required: number;
  /** Bytes of each shard. */
  readonly shardLength: number;
  readonly shards: readonly { readonly holder: Uint8Array; readonly name: Uint8Array }[];
}

/** An index segment of a tier's newest snapshot, and the stripes in it that the snapshot may need. */
export interface CatalogSegment {
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
  readonly stripes: readonly CatalogStripe[];
}

/** All that is remembered of a tier's newest snapshot but its chunks. */
export interface TierRecord extends CatalogHead {
  /** `SnapshotSource.position` of what was read; null: the next snapshot needs a full scan. */
  readonly position: string | null;
  readonly trees: readonly CatalogTree[];
  /** In the order of the manifest. */
  readonly segments: readonly CatalogSegment[];
}

/** A stretch of one level of a tree. */
export interface TreeStretch extends KeyRange {
  readonly tree: TreeId;
  readonly level: number;
}

/** A new newest snapshot of a tier, by what is different in its trees. */
export interface TierCommit extends TierRecord {
  /** Digest of the snapshot that was remembered when the run began; null: none was. */
  readonly base: Uint8Array | null;
  /** Every position whose last key lies in one of these goes, pieces with their leaves; `all`: every position of the tier. */
  readonly removed: readonly TreeStretch[] | 'all';
  /** Positions that come, after the others have gone; no two alike. */
  readonly added: Iterable<TreePosition>;
}

/** Chunks of each level of a tree, and the rows below them; pieces not counted. */
export interface TreeCensus {
  readonly tree: TreeId;
  readonly levels: readonly { readonly chunks: number; readonly rows: number }[];
}

/** The trees of each tier's newest snapshot, read in the transaction of an open snapshot. */
export interface StoredTrees {
  /**
   * The leaves (level 0) or nodes that own these ascending keys, each once, in key order. A key above all last keys belongs to
   * the last one. None where the tree has no such level.
   */
  owners(tier: string, tree: TreeId, level: number, keys: readonly Uint8Array[]): Promise<readonly OwnedKeys[]>;
  /** The one after the one with this last key; null: there is none. */
  next(tier: string, tree: TreeId, level: number, lastKey: Uint8Array): Promise<OwnedKeys | null>;
  /** Positions of a level whose last keys lie in these ascending, disjoint ranges, in key order, pieces after their leaf. */
  within(tier: string, tree: TreeId, level: number, ranges: readonly KeyRange[]): Promise<readonly TreePosition[]>;
  /** Every position of a tree, in any order but for pieces, which come right after their leaf. Until the last is taken nothing else may be asked. */
  all(tier: string, tree: TreeId): AsyncIterable<TreePosition>;
  /** At how many positions of the tier each of these names stands, given with its content id. */
  uses(tier: string, names: readonly Pick<CatalogChunk, 'contentId' | 'name'>[]): Promise<readonly number[]>;
  /** What there is of each tree, level by level from the leaves: enough to see that rows of the catalog are gone. */
  census(tier: string): Promise<readonly TreeCensus[]>;
}

/** One state of the database: the substrate, and what is remembered of snapshots before it. */
export interface OpenedSnapshot {
  readonly source: SnapshotSource;
  readonly stored: StoredTrees;
}

/** Opens one state, hands it to `read`, and ends the database transaction when `read` settles. */
export type WithSnapshot = <T>(read: (opened: OpenedSnapshot) => Promise<T>) => Promise<T>;

/**
 * What runs stored for a tier since its last commit: a run that was killed leaves it to the next. Entries are opaque here,
 * and secret: they hold keys of chunks.
 */
export interface UploadJournal {
  /** Oldest first. What a crash tore is left out. */
  read(tier: string): Promise<readonly Uint8Array[]>;
  /** Durable when it resolves. */
  append(tier: string, entry: Uint8Array): Promise<void>;
  /** Nothing is left of it when it resolves. */
  clear(tier: string): Promise<void>;
}

/** Until when holders keep all that a snapshot refers to, and its manifest, from being deleted. */
export interface LockedSnapshot {
  /** Digest of the snapshot. */
  readonly digest: Uint8Array;
  /** Milliseconds since 1970, by holder (UUID text) and where it lies. */
  readonly holders: ReadonlyMap<string, number>;
}

/** What this host last locked for each tier. It only saves work: what is lost of it is locked once more. */
export interface LockLedger {
  read(tier: string): Promise<LockedSnapshot | null>;
  write(tier: string, locked: LockedSnapshot): Promise<void>;
}

export interface Catalog {
  /** The heads of all tiers. */
  heads(): Promise<readonly (CatalogHead & { readonly tier: string })[]>;
  record(tier: string): Promise<TierRecord | null>;
  /** Every position of the tier's newest snapshot, in any order but for pieces, which come right after their leaf. */
  positions(tier: string): AsyncIterable<TreePosition>;
  /**
   * In one transaction: the record, and the positions that go and come. Changes that no tier needs any more are forgotten.
   * @throws `backend/second-writer` when the tier is not remembered any more as it was when the run began
   */
  commit(tier: string, commit: TierCommit): Promise<void>;
  /** Runs `work` while no other process writes to this vault from this database. @throws `backend/second-writer` */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Forgets a tier, so that its next snapshot is stored anew. */
  forget(tier: string): Promise<void>;
}
