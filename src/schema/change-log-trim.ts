import { sql } from 'kysely';
import { LOG_IDENTITY } from './change-log.ts';
import { includes, oldest, parsePosition, parseSnapshot } from './change-position.ts';
import type { ChangePosition, TransactionSnapshot } from './change-position.ts';
import { sqlstateOf } from './database-error.ts';
import type { Database, Session } from './database.ts';

/** Keeps the change log short: forgets what no snapshot needs, and begins anew what had reached its limit. */

export interface TrimReport {
  /**
   * The position that keeps the log over half of its limit: whose it is had better forget it, at the cost of a full scan,
   * and trim again without it. Null: there is no need.
   */
  readonly giveUp: string | null;
  /** `vacuumChangeLog` after the commit makes room for new entries; on this engine nothing else does. */
  readonly vacuum: boolean;
}

/** Where emptying the file is worth a moment's lock, or a vacuum its time. */
const WORTH_BYTES = 1024 * 1024;
/** What an entry takes beside its keys. */
const ENTRY_BYTES = 48;
/** Writers wait as long, at most, while the log waits for those before them. */
const LOCK_TIMEOUT_MS = 500;

/**
 * Forgets the entries that the snapshots of all these positions see, the positions being those of every tier of every
 * vault; one that this log can say nothing about counts for nothing. Call it last in a transaction of mode `write`: until
 * that ends other trims wait, and sometimes writers. Of a log that stopped nothing is forgotten.
 */
export async function trimChangeLog(session: Session, positions: readonly string[]): Promise<TrimReport> {
  const log = await lockTrims(session);
  if (log === null || log.stopped) return { giveUp: null, vacuum: false };
  const least = oldest(positions.map(parsePosition).filter((position) => isOf(position, log)));
  const horizon = least?.snapshot ?? parseSnapshot(log.snapshot);
  const trimmedTo = log.trimmedTo === null ? null : parseSnapshot(log.trimmedTo);
  if (horizon !== null && (trimmedTo === null || !includes(trimmedTo, horizon))) {
    await session.execute(forgetting(horizon));
  }
  const { file, entries } = await sizes(session);
  const held = positions.find((text) => parsePosition(text)?.snapshot.text === least?.snapshot.text);
  return {
    giveUp: entries > log.limit / 2 ? (held ?? null) : null,
    vacuum: session.engine === 'pglite' && file >= WORTH_BYTES,
  };
}

/** Makes the room of forgotten entries free for new ones. Not in a transaction. */
export async function vacuumChangeLog(database: Database): Promise<void> {
  await database.execute('VACUUM valence_catalog.changes');
}

/**
 * Empties a log that stopped, under a new epoch, so that the next snapshot's position is good again. `busy`: somebody who
 * may have found it stopped is still at work, so it stays as it is. Not in a transaction; call it before a snapshot.
 */
export async function beginChangeLogAnew(database: Database): Promise<'runs' | 'begun' | 'busy'> {
  if (!(await hasStopped(database))) return 'runs';
  try {
    return await database.transaction({}, async (session) => {
      await session.execute(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT_MS}ms'`);
      // In the order of trims. A transaction that found the log stopped holds a lock on it until it ends, and this one is
      // against all: so none is left whose changes the new epoch would miss.
      await session.execute('SELECT FROM valence_catalog.change_log FOR UPDATE');
      await session.execute('LOCK TABLE valence_catalog.changes IN ACCESS EXCLUSIVE MODE');
      if (!(await hasStopped(session))) return 'runs';
      // A trigger gives the log its new epoch.
      await session.execute('TRUNCATE valence_catalog.changes');
      return 'begun';
    });
  } catch (error) {
    if (sqlstateOf(error) === LOCK_NOT_AVAILABLE) return 'busy';
    throw error;
  }
}

const LOCK_NOT_AVAILABLE = '55P03';

async function hasStopped(session: Session): Promise<boolean> {
  const { rows } = await sql<{ stopped: boolean }>`
    SELECT EXISTS (SELECT FROM valence_catalog.changes WHERE tree = 0) AS stopped
  `.execute(session.kysely);
  return rows[0]?.stopped === true;
}

interface TrimState {
  readonly epoch: string;
  readonly system: string;
  readonly database: string;
  readonly timeline: string | null;
  readonly stopped: boolean;
  readonly snapshot: string;
  readonly trimmedTo: string | null;
  readonly limit: number;
}

/** What one trim has deleted another must know of before it says how far the log was trimmed. */
async function lockTrims(session: Session): Promise<TrimState | null> {
  const { rows } = await sql<TrimState>`${sql.raw(`
    SELECT ${LOG_IDENTITY}, pg_current_snapshot()::text AS snapshot, log.trimmed_to::text AS "trimmedTo",
      log.limit_bytes AS "limit"
    FROM valence_catalog.change_log log FOR UPDATE`)}`.execute(session.kysely);
  return rows[0] ?? null;
}

function isOf(position: ChangePosition | null, log: TrimState): position is ChangePosition {
  return (
    position !== null &&
    position.epoch === log.epoch &&
    position.system === log.system &&
    position.database === log.database &&
    position.timeline === log.timeline
  );
}

/** Deletes what the horizon sees; where that is all there is of a large log, and nobody is using it, empties the file. */
function forgetting({ text }: TransactionSnapshot): string {
  const needed = `EXISTS (SELECT FROM valence_catalog.changes WHERE tree = 0 OR NOT pg_visible_in_snapshot(xid, '${text}'))`;
  return `DO $$ BEGIN
    PERFORM set_config('valence_catalog.trimming', 'on', true);
    IF pg_relation_size('valence_catalog.changes') >= ${WORTH_BYTES} AND NOT ${needed} THEN
      BEGIN
        LOCK TABLE valence_catalog.changes IN ACCESS EXCLUSIVE MODE NOWAIT;
        IF ${needed} THEN
          RAISE lock_not_available;
        END IF;
        TRUNCATE valence_catalog.changes;
      EXCEPTION WHEN lock_not_available OR object_in_use OR insufficient_privilege THEN
        NULL;
      END;
    END IF;
    DELETE FROM valence_catalog.changes WHERE tree <> 0 AND pg_visible_in_snapshot(xid, '${text}');
    UPDATE valence_catalog.change_log SET trimmed_to = '${text}';
    PERFORM set_config('valence_catalog.trimming', 'off', true);
  END $$`;
}

async function sizes(session: Session): Promise<{ readonly file: number; readonly entries: number }> {
  const { rows } = await sql<{ file: number; entries: number }>`
    SELECT pg_relation_size('valence_catalog.changes')::float8 AS file,
      coalesce(sum(${ENTRY_BYTES} + coalesce(octet_length(keys), 0)), 0)::float8 AS entries
    FROM valence_catalog.changes
  `.execute(session.kysely);
  return rows[0] ?? { file: 0, entries: 0 };
}
