import type { SnapshotRecord, VerificationFinding } from './backup-calls.ts';

/** What `BackupCalls.restore` is asked and says of a part of a snapshot; `partial-restore.ts` implements it. */

/**
 * Some beliefs of a snapshot with everything that belongs to them. It goes to `RestoreOptions.to`, or instead to `lines`, or
 * instead into the database of this installation (`merge`).
 */
export interface PartOptions {
  /** UUIDs, at least one. */
  readonly beliefs: readonly string[];
  /** From 0 to `HOPS_MAX`: how many edges, in either direction, lead away from them to what comes too. */
  readonly hops: number;
  readonly lines?: LinesTarget | undefined;
  readonly merge?: MergeOptions | undefined;
}

/** Beyond it nearly everything belongs to the part: restore the snapshot. */
export const HOPS_MAX = 16;

export interface LinesTarget {
  /** Printable. */
  readonly location: string;
  /** Takes the lines of a full export (docs/import-format.md), and resolves to their number once they are safe. */
  write(lines: AsyncIterable<string>): Promise<number>;
}

export interface MergeOptions {
  /** Let the snapshot win where a row is there and says something else. */
  readonly overwrite: boolean;
}

/** First of all: what the part is. Only this on a dry run, and `merge-plan` of a merge. */
export interface PartPlan {
  readonly type: 'part';
  readonly snapshot: SnapshotRecord;
  /** Printable target. */
  readonly to: string;
  /** How many beliefs belong to it. */
  readonly beliefs: number;
  readonly hops: number;
  /** Rows a table; `null` unless it is a dry run, since counting means reading. */
  readonly counts: Readonly<Record<string, number>> | null;
  readonly findings: readonly VerificationFinding[];
}

export interface MergeCounts {
  readonly new: number;
  /** There already, saying the same. */
  readonly same: number;
  /** There already, saying something else. */
  readonly conflicting: number;
  /** Stays out because of a conflict of what it belongs to; versions of a belief that is there, which has its own. */
  readonly left: number;
}

export interface MergeConflict {
  /** Table of the substrate. */
  readonly table: string;
  /** Id of the row, as the snapshot knows it; of provenance and embeddings, belief and source or model, a space between. */
  readonly id: string;
  /** Columns in which the two differ. */
  readonly columns: readonly string[];
  readonly outcome: 'left' | 'overwritten';
  /** Why overwriting would not help; `null` where it would. */
  readonly reason: string | null;
}

/** What a merge will do. It is done when the next event is asked for; whoever stops here has changed nothing. */
export interface MergePlanned {
  readonly type: 'merge-plan';
  readonly to: string;
  readonly overwrite: boolean;
  /** By table. */
  readonly tables: Readonly<Record<string, MergeCounts>>;
  readonly conflicts: readonly MergeConflict[];
  /** Ids of active beliefs that edges which come in make superseded. */
  readonly superseded: readonly string[];
  readonly nothingToDo: boolean;
}

/** A merge is committed, or there was nothing to do. */
export interface MergeDone {
  readonly type: 'merged';
  /** Id of the snapshot. */
  readonly snapshot: string;
  readonly to: string;
  /** Rows, by table. */
  readonly inserted: Readonly<Record<string, number>>;
  readonly overwritten: Readonly<Record<string, number>>;
  /** Conflicts that were not overwritten, and what stayed out because of them. */
  readonly left: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

/** Lines are written. */
export interface LinesWritten {
  readonly type: 'lines';
  /** Id of the snapshot. */
  readonly snapshot: string;
  readonly to: string;
  readonly lines: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}
