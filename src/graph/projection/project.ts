import { sql } from 'kysely';
import type { ProgressSink } from '../../core/progress.ts';
import { beginChangeLogAnew } from '../../schema/change-log-trim.ts';
import { LOCK_SUBSTRATE } from '../../schema/connection-settings.ts';
import type { Database, Session } from '../../schema/database.ts';
import { buildGraph, dropGraph } from './age-build.ts';
import { checkProjectionName, PROJECTION_NAME_DEFAULT, requireAge } from './age-extension.ts';
import { LAYOUT } from './age-labels.ts';
import { updateGraph } from './age-update.ts';
import { changeLogHere, graphCounts, isThere, projectionRecord, staleness } from './projection-state.ts';
import type { ProjectionRecord, Staleness } from './projection-state.ts';

export interface ProjectionOptions {
  /** Name of the graph in Apache AGE, which is also that of its schema; `valence_graph` when left out. */
  readonly name?: string | undefined;
}

/** How a projection stands beside the tables. */
export interface ProjectionStatus {
  readonly type: 'projection';
  readonly name: string;
  /** `none`: there is none of this name. `unknown`: whether it is stale cannot be told; `reason` says why. */
  readonly state: 'none' | 'fresh' | 'stale' | 'unknown';
  readonly reason: string | null;
  /** What it holds; `null`: there is none. */
  readonly beliefs: number | null;
  readonly edges: number | null;
  /** Which state of the tables it shows; `null`: there is none. */
  readonly since: string | null;
  /** Rows touched since then, of a stale one; `null`: too many to count. */
  readonly changed: { readonly beliefs: number; readonly edges: number } | null;
}

/** What was done about a projection. */
export interface ProjectionReport {
  readonly type: 'projected';
  readonly name: string;
  /** `unchanged`: it was fresh. `updated`: what had changed was brought over. `built`: made anew, whole. */
  readonly how: 'built' | 'updated' | 'unchanged';
  /** How it stood before, and why where that was not known. */
  readonly was: ProjectionStatus['state'];
  readonly reason: string | null;
  readonly beliefs: number;
  readonly edges: number;
  /** Rows brought over, of an update. */
  readonly changed: { readonly beliefs: number; readonly edges: number } | null;
}

export interface ProjectionDropped {
  readonly type: 'dropped';
  readonly name: string;
  /** `false`: there was none. */
  readonly dropped: boolean;
}

interface Work {
  readonly progress: ProgressSink;
  readonly signal: AbortSignal;
}

/** With more changed rows, building all of it is no dearer than looking each up. */
const UPDATE_ROWS_MAX = 20_000;

/** In a transaction of mode `snapshot`. Needs no AGE. @throws `graph/refused` for what cannot be a name */
export async function projectionStatus(session: Session, options: ProjectionOptions = {}): Promise<ProjectionStatus> {
  const name = nameOf(options);
  const log = await changeLogHere(session);
  const record = await projectionRecord(session, name);
  const found = await staleness(session, record, log);
  return {
    ...{ type: 'projection', name, state: found.state, reason: found.state === 'unknown' ? found.reason : null },
    ...{ beliefs: record?.beliefs ?? null, edges: record?.edges ?? null, since: record?.updated_at ?? null },
    changed: found.state === 'stale' ? countsOf(found) : null,
  };
}

/** Every projection that the catalog remembers, by name. In a transaction of mode `snapshot`. */
export async function projectionStatuses(session: Session): Promise<readonly ProjectionStatus[]> {
  const rows = await session.kysely.selectFrom('valence_catalog.projections').select('name').orderBy('name').execute();
  const found: ProjectionStatus[] = [];
  for (const { name } of rows) found.push(await projectionStatus(session, { name }));
  return found;
}

/**
 * Makes a graph of the beliefs and live edges in Apache AGE, or brings it up to date: by what changed where the change log can tell
 * and it is little, else whole. One state of the tables, in one transaction: what fails leaves everything as it was.
 * @throws `database/failed` where there is no AGE or no right to use it; `graph/refused` where the name is no name, or is a
 *   schema's that is not ours
 */
export async function projectGraph(
  database: Database,
  options: ProjectionOptions,
  work: Work,
): Promise<ProjectionReport> {
  const name = nameOf(options);
  if (database.engine === 'pglite') await requireAge(database);
  await beginChangeLogAnew(database);
  return inOneTransaction(database, async (session) => {
    const log = await changeLogHere(session);
    await requireAge(session);
    const record = await projectionRecord(session, name);
    const before = await staleness(session, record, log);
    work.signal.throwIfAborted();
    const how = await bringUpToDate(session, { name, record, before }, work);
    work.signal.throwIfAborted();
    const counts = (await graphCounts(session, name))!;
    await remember(session, name, { position: log.position, ...counts });
    const changed = how === 'updated' && before.state === 'stale' ? countsOf(before) : null;
    const reason = before.state === 'unknown' ? before.reason : null;
    return { type: 'projected', name, how, was: before.state, reason, ...counts, changed };
  });
}

/** Drops a graph of ours, and no other of that name. @throws `graph/refused` for what cannot be a name */
export async function dropProjection(database: Database, options: ProjectionOptions): Promise<ProjectionDropped> {
  const name = nameOf(options);
  return inOneTransaction(database, async (session) => {
    const record = await projectionRecord(session, name);
    if (record === null) return { type: 'dropped', name, dropped: false };
    if (await isThere(session, record)) await dropGraph(session, name);
    await session.kysely.deleteFrom('valence_catalog.projections').where('name', '=', name).execute();
    return { type: 'dropped', name, dropped: true };
  });
}

function nameOf({ name = PROJECTION_NAME_DEFAULT }: ProjectionOptions): string {
  checkProjectionName(name);
  return name;
}

function countsOf({ rows }: Staleness & { state: 'stale' }): { beliefs: number; edges: number } | null {
  return rows === null ? null : { beliefs: rows.beliefs.length, edges: rows.edges.length };
}

interface Found {
  readonly name: string;
  readonly record: ProjectionRecord | null;
  readonly before: Staleness;
}

async function bringUpToDate(
  session: Session,
  { name, record, before }: Found,
  { progress }: Work,
): Promise<ProjectionReport['how']> {
  if (before.state === 'fresh') return 'unchanged';
  if (before.state === 'stale' && before.rows !== null) {
    const { beliefs, edges } = before.rows;
    if (beliefs.length + edges.length <= UPDATE_ROWS_MAX) {
      progress({ stage: 'updating the graph', total: beliefs.length + edges.length, unit: 'rows' });
      await updateGraph(session, name, before.rows);
      return 'updated';
    }
  }
  if (record !== null && (await isThere(session, record))) await dropGraph(session, name);
  await buildGraph(session, name, (stage) => progress({ stage }));
  return 'built';
}

async function remember(
  session: Session,
  name: string,
  made: Pick<ProjectionRecord, 'position' | 'beliefs' | 'edges'>,
): Promise<void> {
  const { position, beliefs, edges } = made;
  await sql`
    INSERT INTO valence_catalog.projections (name, namespace, layout, position, updated_at, beliefs, edges)
    SELECT ${name}, oid, ${LAYOUT}, ${position}, now(), ${beliefs}, ${edges} FROM pg_catalog.pg_namespace WHERE nspname = ${name}
    ON CONFLICT (name) DO UPDATE SET namespace = excluded.namespace, layout = excluded.layout, position = excluded.position,
      updated_at = excluded.updated_at, beliefs = excluded.beliefs, edges = excluded.edges`.execute(session.kysely);
}

/**
 * One state of the tables, and one projection at a time. On a connection of its own, which ends with it: the library that AGE
 * loads hooks itself into every later statement of a connection.
 */
async function inOneTransaction<T>(database: Database, run: (session: Session) => Promise<T>): Promise<T> {
  if (database.engine === 'pglite') return database.transaction({}, run);
  return database.connection(async (session) => {
    await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ, READ WRITE');
    // Nothing but LOCK before: any other statement would take the snapshot, and miss what the one before us remembered.
    await session.execute('LOCK TABLE valence_catalog.projections IN SHARE ROW EXCLUSIVE MODE');
    await session.execute(LOCK_SUBSTRATE);
    const result = await run(session);
    await session.execute('COMMIT');
    return result;
  });
}
