import { sql } from 'kysely';
import { layoutNamed } from '../../format/tables.ts';
import { readChangeLog, touchedSince } from '../../schema/change-log.ts';
import type { ChangeLog } from '../../schema/change-log.ts';
import type { Session } from '../../schema/database.ts';
import type { SnapshotState } from '../../schema/snapshot-state.ts';
import type { View } from '../walk/view.ts';
import type { GraphArrays } from './graph-arrays.ts';
import { loadArrays } from './load-arrays.ts';
import type { LoadOptions } from './load-arrays.ts';

/**
 * Keeps the arrays of one database from query to query: one set at most, and never one that differs from what the asking
 * transaction sees. That they are the same is known in one of two ways:
 *
 * - Both transactions have the same snapshot of the same database, and the server was not started between (`SnapshotState`):
 *   then no transaction at all has ended between them. This needs no change log, and no query.
 * - The change log, whose parts are seen to be as they were made and never to have been otherwise since, which was not
 *   trimmed or begun anew beyond the earlier snapshot, and which is of the same server, timeline and database
 *   (`touchedSince`), has no entry of beliefs or edges whose transaction the earlier snapshot could not see.
 *
 * Otherwise they are loaded anew: so each time where the log has stopped or is not to be trusted and other transactions
 * end between two queries; where this role may not read the log; on a standby, whose snapshots do not name what is under
 * way; and in any transaction that is not of mode `snapshot`, as it may have changed something itself and sees another
 * state with each statement.
 *
 * One thing is not seen: a server that crashes and recovers without being started anew can lose transactions that were
 * committed with `synchronous_commit = off`, and give their numbers to others.
 */
export class ArraysCache {
  #held: Held | null = null;
  /** Milliseconds of walks over SQL since the arrays were last loaded. */
  #walkedMs = 0;

  /**
   * The graph as the transaction of this session sees it. Queries that ask at once for the same state load it once.
   * @throws what `loadArrays` does
   */
  async get(session: Session, view: Pick<View, 'known_at'> = {}, options: LoadOptions = {}): Promise<GraphArrays> {
    if (view.known_at !== undefined) return loadArrays(session, view, options);
    const state = session.snapshot;
    if (state === null) return loadArrays(session, {}, options);
    const held = this.#held;
    if (held !== null && (await isFresh(held, session, state))) {
      // Whoever loaded them may have been called off; that is no reason not to answer this one.
      const arrays = await held.arrays.catch(() => null);
      if (arrays !== null) return arrays;
    }
    return this.#load(session, state, options);
  }

  /**
   * The same for a walk, which the database can answer too: `null` unless they are at hand. They are loaded once walks have taken
   * as long as that may take (`walkedFor`): so walks, and loading for them, cost at most twice what either way alone would (the ski
   * rental problem: Karlin, Manasse, Rudolph and Sleator 1988), however much is written in between.
   */
  async atHand(session: Session, options: LoadOptions = {}): Promise<GraphArrays | null> {
    if (this.#held === null && this.#walkedMs < LOAD_MS_MIN) return null;
    const state = session.snapshot;
    if (state === null) return null;
    if (this.#held !== null && (await isFresh(this.#held, session, state))) return this.#held.arrays.catch(() => null);
    // Whoever writes between walks would else pay for finding that out each time.
    this.#held = null;
    const loadMs = LOAD_MS_MIN + (await expectedRows(session)) * LOAD_MS_A_ROW;
    return this.#walkedMs < loadMs || loadMs > LOAD_MS_MAX ? null : this.#load(session, state, options);
  }

  /** Walks over SQL took so long. */
  walkedFor(milliseconds: number): void {
    this.#walkedMs += milliseconds;
  }

  async #load(session: Session, state: SnapshotState, options: LoadOptions): Promise<GraphArrays> {
    this.#walkedMs = 0;
    const position = positionOf(session);
    const arrays = position.then(() => loadArrays(session, {}, options));
    const held: Held = { state, position, arrays };
    this.#held = held;
    try {
      return await arrays;
    } catch (error) {
      if (this.#held === held) this.#held = null;
      throw error;
    }
  }
}

interface Held {
  /** The newest one of which it is known that it sees the same beliefs and edges. */
  state: SnapshotState;
  /** Its position in the change log; `null`: there is none that can be trusted. */
  position: Promise<string | null>;
  readonly arrays: Promise<GraphArrays>;
}

/** What loading takes at least, and for each belief and edge: measured, some 400 ms for 330,000 of them. */
const LOAD_MS_MIN = 20;
const LOAD_MS_A_ROW = 0.001;
/** No walk waits longer for it, since a walk has a time limit of its own. */
const LOAD_MS_MAX = 2000;

/** Whether this role may ask the change log. */
async function mayReadLog(session: Session): Promise<boolean> {
  const { rows } = await sql<{ logged: boolean }>`
    SELECT has_function_privilege(p.oid, 'EXECUTE') AND has_table_privilege(c.oid, 'SELECT') AS logged
    FROM to_regprocedure('valence_catalog.change_log_parts()') AS p (oid), to_regclass('valence_catalog.change_log') AS c (oid)
  `.execute(session.kysely);
  return rows[0]?.logged === true;
}

/** Beliefs and edges, as the planner believes. */
async function expectedRows(session: Session): Promise<number> {
  const { rows } = await sql<{ rows: number }>`
    SELECT sum(greatest(reltuples, 0))::float8 AS rows FROM pg_class
    WHERE oid IN ('valence.beliefs'::regclass, 'valence.belief_edges'::regclass)
  `.execute(session.kysely);
  return rows[0]?.rows ?? 0;
}

/** The tables that the arrays are made of, as the change log numbers them (FORMAT.md §5.2). */
const LOGGED_TREES: readonly number[] = [layoutNamed('beliefs').code, layoutNamed('belief_edges').code];

async function isFresh(held: Held, session: Session, state: SnapshotState): Promise<boolean> {
  if (held.state.server !== state.server) return false;
  if (held.state.transactions === state.transactions) return true;
  // An error here is that of whoever loads.
  const position = await held.position.catch(() => null);
  if (position === null || !(await mayReadLog(session))) return false;
  const log = await changeLogOf(session);
  if (await touchedSince(session, log, position, LOGGED_TREES)) return false;
  // From here on the cheaper way will do, until the next transaction ends.
  held.state = state;
  held.position = Promise.resolve(log.position);
  return true;
}

async function positionOf(session: Session): Promise<string | null> {
  return (await mayReadLog(session)) ? (await changeLogOf(session)).position : null;
}

function changeLogOf(session: Session): Promise<ChangeLog> {
  // Which migration made the tables is all one here: that they are as they were, the log's fingerprint tells.
  return readChangeLog(session, 0);
}
