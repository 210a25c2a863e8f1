import type { Belief, Source, SourceKey } from '../graph/records/belief-records.ts';
import type { BeliefChange, BeliefDetails, BeliefDraft, BeliefFilter } from '../graph/records/beliefs.ts';
import type { BeliefHistory, HistoryOptions } from '../graph/records/history.ts';
import type { View } from '../graph/walk/view.ts';
import type { SubstrateDigest } from '../graph/snapshot/digest.ts';
import type { ImportCounts } from '../graph/lines/import-apply.ts';
import type { ImportInput } from '../graph/lines/import-input.ts';
import type { SourceDraft, SourceFilter } from '../graph/records/sources.ts';
import type { GraphCalls } from './graph-calls.ts';
import type { SearchCalls } from './search-calls.ts';
import type { BeliefStatus, EdgeType } from '../graph/records/vocabulary.ts';
import type { RetiredBelief, RetiredSource } from './reasoning-calls.ts';

export { parseTimestamp } from '../graph/records/timestamp.ts';
export { BELIEF_STATUSES, EDGE_TYPES } from '../graph/records/vocabulary.ts';
export type { Belief, BeliefChange, BeliefDetails, BeliefDraft, BeliefFilter, BeliefStatus };
export type { EdgeType, ImportInput };
export type { Source, SourceDraft, SourceFilter, SourceKey };
export type { BeliefHistory, HistoryOptions, View };
export type {
  EdgeChange,
  HistoryChange,
  SourceChange,
  VersionChanged,
  VersionRecorded,
} from '../graph/records/history.ts';
export type { ContentChange, DomainsChange, FieldChanges, ValueChange } from '../graph/records/version-changes.ts';
export type { TextPiece } from '../graph/records/text-difference.ts';

/**
 * The knowledge half of the library: what `valence belief …`, `source …`, `graph …`, `search`, `import`, `export` and `digest` call.
 * `knowledge.ts` implements it. Objects have the field names of import lines (docs/import-format.md); times are ISO 8601
 * in UTC, with an offset where given; ids are UUID text in lower case. Where an id is given, enough of its beginning will
 * do; of several rows it is `graph/refused`. Every call may reject with `config/no-home`, `home/locked`, `database/*`
 * and `cancelled`.
 */
export interface KnowledgeCalls extends SearchCalls {
  /** Makes the home, the database and its schema; what is already there stays, the schema is brought up to date. */
  init(): Promise<HomeReport>;
  /** All or nothing. @throws `import/invalid`, with the first hundred bad lines in its context */
  import(inputs: readonly ImportInput[], options?: ImportOptions): Promise<ImportReport>;
  /**
   * JSON lines without line feeds, in an order that depends only on what is stored: one state of the database. Read it to its
   * end, or break off, before any other call: the embedded database serves one at a time.
   */
  export(options?: ExportOptions): AsyncIterable<string>;
  readonly belief: BeliefCalls;
  readonly source: SourceCalls;
  readonly graph: GraphCalls;
  digest(): Promise<DigestReport>;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export interface HomeReport {
  readonly type: 'home';
  readonly home: string;
  /** Printable: a folder, or a URL without its password. */
  readonly database: string;
  /** e.g. "PostgreSQL 17.11, pgvector 0.8.0" */
  readonly engine: string;
  readonly schemaVersion: number;
}

export interface ImportOptions {
  /** Whose vectors the field `embedding` has. */
  readonly model?: string | undefined;
  /** What to do with an id that is already stored; `error` when left out. */
  readonly onConflict?: 'error' | 'skip' | 'update' | undefined;
}

export interface ImportReport extends ImportCounts {
  readonly type: 'import';
}

export interface ExportOptions {
  /** With ids, times, status, sources, versions and embeddings: everything, so that a copy has the same digest. */
  readonly full?: boolean | undefined;
}

/** The digest is over all columns of all substrate tables in key order: equal for copies, on any engine. */
export interface DigestReport extends SubstrateDigest {
  readonly type: 'digest';
}

export interface BeliefCalls {
  /** @throws `graph/refused` */
  add(draft: BeliefDraft): Promise<Belief>;
  /** As it stands. @throws `graph/not-found` */
  show(id: string): Promise<BeliefDetails>;
  /** As it had been recorded then. @throws `graph/not-found` also where it was not known or is not valid then */
  at(id: string, view: View): Promise<Belief>;
  /** What was recorded of it when: versions with their differences, edges and sources. @throws `graph/not-found` */
  history(id: string, options?: HistoryOptions): Promise<BeliefHistory>;
  /** Newest first. */
  list(filter?: BeliefFilter): AsyncIterable<Belief>;
  /** Changes what is named and keeps the rest; what the belief said before stays as a version. @throws `graph/not-found`, `graph/refused` */
  set(id: string, change: BeliefChange): Promise<Belief>;
  /** Takes it out of use (status `archived`); nothing is deleted. Says what loses its ground with it. @throws `graph/not-found` */
  retire(id: string): Promise<RetiredBelief>;
}

export interface SourceCalls {
  /** @throws `graph/refused` when it is there already */
  add(draft: SourceDraft): Promise<Source>;
  /** By type and id. */
  list(filter?: SourceFilter): AsyncIterable<Source>;
  /**
   * Marks it as no longer trusted or reachable; beliefs keep it as their provenance. Says what loses its ground with it.
   * @throws `graph/not-found`
   */
  retire(id: string): Promise<RetiredSource>;
}
