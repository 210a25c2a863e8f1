import { sql } from 'kysely';
import { invariant } from '../core/errors.ts';
import type { ChangePosition } from './change-position.ts';
import { formatPosition, includes, parsePosition, parseSnapshot } from './change-position.ts';
import type { TransactionSnapshot } from './change-position.ts';
import type { Session } from './database.ts';

/**
 * Reads what the triggers of migrations/0003_change_log.sql wrote: which keys were touched since an earlier snapshot, or
 * why that cannot be known. Keys are handed on as they are; what they mean is the business of who knows the tables.
 */

/** The change log as the transaction of a snapshot sees it. */
export interface ChangeLog {
  /** What `changesSince` of a later snapshot needs to know of this one; null: changes from here on may go unseen. */
  readonly position: string | null;
  /** Why changes cannot be told, a clause for people; null: they can. */
  readonly distrusted: string | null;
  readonly here: ChangePosition;
  /** Entries that this snapshot sees may be gone; null: none is. */
  readonly trimmedTo: TransactionSnapshot | null;
  readonly pages: number;
}

/** An entry of the log. */
export interface LoggedKeys {
  /** FORMAT.md §5.2 */
  readonly tree: number;
  /** FORMAT.md §5.3, end to end, those of embeddings after their model's id; null: any row may have changed. */
  readonly keys: Uint8Array | null;
}

/** `entries` must be read in the same transaction, and before anything else is asked of its session. */
export type LoggedSince =
  | { readonly kind: 'known'; readonly entries: AsyncIterable<readonly LoggedKeys[]> }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Reads the state of the log. One query, in the transaction of a snapshot. */
export async function readChangeLog(session: Session, schemaVersion: number): Promise<ChangeLog> {
  const { rows } = await sql<StateRow>`${sql.raw(STATE)}`.execute(session.kysely);
  const row = rows[0];
  invariant(row !== undefined, 'a query without FROM gave no row');
  const snapshot = parseSnapshot(row.snapshot);
  invariant(snapshot !== null, 'a snapshot of the server cannot be read');
  const { system, timeline, database, fingerprint } = row;
  const here: ChangePosition = {
    snapshot,
    epoch: row.epoch ?? '',
    system,
    timeline: timeline ?? '',
    database,
    schemaVersion,
    fingerprint,
  };
  const distrusted = DISTRUST.find(([holds]) => holds(row))?.[1] ?? null;
  return {
    position: distrusted === null && !row.writes ? formatPosition(here) : null,
    distrusted,
    here,
    trimmedTo: row.trimmedTo === null ? null : parseSnapshot(row.trimmedTo),
    pages: row.pages,
  };
}

/** What was touched between the state of that position and this one. A position that is none is answered, not refused. */
export function loggedSince(session: Session, log: ChangeLog, position: string): LoggedSince {
  const then = parsePosition(position);
  if (then === null) return { kind: 'unknown', reason: 'what is remembered of the last snapshot cannot be read' };
  const reason = log.distrusted ?? whyApart(then, log);
  if (reason !== null) return { kind: 'unknown', reason };
  return { kind: 'known', entries: entriesAfter(session, log.pages, then.snapshot) };
}

/**
 * Whether a row of one of these trees was touched between the state of that position and this one; or that cannot be
 * known, which counts as much. One query, in the same transaction as the log was read.
 */
export async function touchedSince(
  session: Session,
  log: ChangeLog,
  position: string,
  trees: readonly number[],
): Promise<boolean> {
  const then = parsePosition(position);
  if (then === null || log.distrusted !== null || whyApart(then, log) !== null) return true;
  const { rows } = await sql<{ touched: boolean }>`
    SELECT EXISTS (
      SELECT FROM valence_catalog.changes
      WHERE tree = ANY (${trees}::int[]) AND NOT pg_visible_in_snapshot(xid, ${then.snapshot.text}::pg_snapshot)
    ) AS touched
  `.execute(session.kysely);
  return rows[0]?.touched !== false;
}

function whyApart(then: ChangePosition, { here, trimmedTo }: ChangeLog): string | null {
  const differences: readonly (readonly [boolean, string])[] = [
    [then.system !== here.system || then.database !== here.database, 'the database was restored or moved'],
    [then.timeline !== here.timeline, "the server's timeline changed"],
    [then.schemaVersion !== here.schemaVersion, 'the schema was migrated'],
    [then.epoch !== here.epoch, 'the change log had to be begun anew'],
    [then.fingerprint !== here.fingerprint, 'a table, or a trigger of the change log, was changed'],
    [!includes(here.snapshot, then.snapshot), 'the database was set back to an earlier state'],
    [trimmedTo !== null && !includes(then.snapshot, trimmedTo), 'the change log no longer reaches back so far'],
  ];
  return differences.find(([holds]) => holds)?.[1] ?? null;
}

interface StateRow {
  readonly standby: boolean;
  readonly subscribed: boolean;
  readonly stopped: boolean;
  /** Triggers, functions and tables are as the migration made them. */
  readonly whole: boolean;
  /** The transaction has changed something itself, which may yet be undone. */
  readonly writes: boolean;
  readonly snapshot: string;
  readonly epoch: string | null;
  readonly trimmedTo: string | null;
  readonly system: string;
  readonly timeline: string | null;
  readonly database: string;
  readonly fingerprint: string;
  readonly pages: number;
}

const DISTRUST: readonly (readonly [(row: StateRow) => boolean, string])[] = [
  [({ standby }) => standby, 'this server is a standby'],
  [({ subscribed }) => subscribed, 'a subscription replicates into the tables'],
  [({ whole }) => !whole, 'a trigger of the change log is missing, changed or switched off'],
  [({ stopped }) => stopped, 'the change log had reached its limit'],
];

/** Which log of which database this is, as a select list over `log`, the row of change_log. */
export const LOG_IDENTITY: string = `
  log.epoch::text AS epoch,
  (SELECT system_identifier::text FROM pg_control_system()) AS system,
  (SELECT oid::text FROM pg_database WHERE datname = current_database()) AS database,
  -- The timeline of what is written now; the control file still names the old one for a while after a promotion.
  CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END AS timeline,
  EXISTS (SELECT FROM valence_catalog.changes WHERE tree = 0) AS stopped`;

const STATE = `
  SELECT ${LOG_IDENTITY},
    pg_is_in_recovery() AS standby,
    EXISTS (
      SELECT FROM pg_subscription_rel s JOIN pg_class c ON c.oid = s.srrelid WHERE c.relnamespace = 'valence'::regnamespace
    ) AS subscribed,
    parts.made IS NOT DISTINCT FROM log.made AND log.made IS NOT NULL AS whole,
    pg_current_xact_id_if_assigned() IS NOT NULL AS writes,
    pg_current_snapshot()::text AS snapshot,
    log.trimmed_to::text AS "trimmedTo",
    parts.fingerprint,
    (pg_relation_size('valence_catalog.changes') / current_setting('block_size')::int)::int AS pages
  FROM (
    SELECT sha256(convert_to(string_agg(part, E'\\n' ORDER BY part COLLATE "C"), 'UTF8')) AS made,
      encode(sha256(convert_to(
        string_agg(concat_ws(' ', part, version), E'\\n' ORDER BY part COLLATE "C", version COLLATE "C"), 'UTF8')), 'hex') AS fingerprint
    FROM valence_catalog.change_log_parts()
  ) AS parts LEFT JOIN valence_catalog.change_log log ON true`;

/** Of 8 KiB: what is held at once. */
const PAGES_AT_ONCE = 512;

/**
 * In the order of the table's pages: what this transaction's snapshot sees lay in them when it began, and no row moves
 * while the table is locked.
 */
async function* entriesAfter(
  session: Session,
  pages: number,
  snapshot: TransactionSnapshot,
): AsyncGenerator<readonly LoggedKeys[], void, undefined> {
  for (let page = 0; page < pages; page += PAGES_AT_ONCE) {
    const { rows } = await sql<LoggedKeys>`
      SELECT tree, keys FROM valence_catalog.changes
      WHERE ctid >= ${`(${page},0)`}::tid AND ctid < ${`(${page + PAGES_AT_ONCE},0)`}::tid
        AND NOT pg_visible_in_snapshot(xid, ${snapshot.text}::pg_snapshot)
    `.execute(session.kysely);
    if (rows.length > 0) yield rows;
  }
}
