import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { copyTuples } from '../../core/copy-stream.ts';
import type { Tuples } from '../../core/copy-stream.ts';
import { ValenceError } from '../../core/errors.ts';
import { uuidText } from '../../core/ids.ts';
import { GRAPH_ROWS_MAX } from '../../core/limits.ts';
import { silentProgress } from '../../core/progress.ts';
import type { ProgressSink } from '../../core/progress.ts';
import type { Session } from '../../schema/database.ts';
import { checkView, isLive, recordedBeliefs } from '../walk/view.ts';
import type { View } from '../walk/view.ts';
import { BeliefRows, EdgeRows } from './column-rows.ts';
import { copyQuery } from './copy-query.ts';
import { graphArrays } from './graph-arrays.ts';
import type { GraphArrays } from './graph-arrays.ts';
import { IdNumbers } from './id-numbers.ts';
import { inOrderOfEnds } from './order-edges.ts';

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ProgressSink | undefined;
}

/**
 * Reads the whole graph into arrays: one binary COPY each of beliefs and live edges, on PGlite, which holds a COPY's output
 * whole, one for each so many rows. Beliefs have numbers in the order of their ids, edges in the order of source, target,
 * type and id. In a transaction of mode `snapshot` both are of one state. Only `known_at` of the view counts here: what is
 * valid `as_of` a time the arrays themselves can tell.
 * @throws `graph/refused` for a time that cannot be read, or more than `GRAPH_ROWS_MAX` rows
 */
export async function loadArrays(
  session: Session,
  view: Pick<View, 'known_at'> = {},
  options: LoadOptions = {},
): Promise<GraphArrays> {
  checkView(view);
  const beliefRows = new BeliefRows();
  await readRows(session, beliefsQuery(view), { ...options, stage: 'reading beliefs', into: beliefRows });
  const beliefs = beliefRows.columns();
  const edgeRows = new EdgeRows(new IdNumbers(beliefs.ids));
  await readRows(session, edgesQuery(view), { ...options, stage: 'reading edges', into: edgeRows });
  return graphArrays(beliefs, inOrderOfEnds(edgeRows.columns(), beliefs.count));
}

/** Rows that a COPY on PGlite may give at once: some 2 MiB. */
const PORTION_ROWS = 20_000;

interface Rows {
  readonly count: number;
  push(tuples: Tuples): void;
  lastId(): Uint8Array | null;
}

interface Reading extends LoadOptions {
  readonly stage: string;
  readonly into: Rows;
}

/** A query of which a part can be taken: rows with ids above `after`, `limit` of them by id; `null`: all. */
type PartialQuery = (after: string | null, limit: number | null) => RawBuilder<unknown>;

async function readRows(session: Session, query: PartialQuery, reading: Reading): Promise<void> {
  if (session.engine === 'postgres') return readPortion(session, query(null, null), reading);
  for (;;) {
    const [last, before] = [reading.into.lastId(), reading.into.count];
    await readPortion(session, query(last === null ? null : uuidText(last), PORTION_ROWS), reading);
    if (reading.into.count - before < PORTION_ROWS) return;
  }
}

async function readPortion(
  session: Session,
  query: RawBuilder<unknown>,
  { into, stage, signal, progress = silentProgress }: Reading,
): Promise<void> {
  const rows = session.copyOut(copyQuery(session.kysely, query), signal);
  for await (const tuples of copyTuples(rows)) {
    into.push(tuples);
    if (into.count > GRAPH_ROWS_MAX) throw tooLarge();
    progress({ stage, done: into.count, unit: 'rows' });
  }
}

function beliefsQuery(view: View): PartialQuery {
  const columns = sql`id, confidence, status, valid_from, valid_until`;
  // Times of versions that came by import can overlap; the newest version counts then.
  const [once, order] = view.known_at === undefined ? [sql``, sql`id`] : [sql`DISTINCT ON (id)`, sql`id, version DESC`];
  return (after, limit) =>
    sql`SELECT ${once} ${columns} FROM ${recordedBeliefs(view)} AS b WHERE ${above(after)} ORDER BY ${order} ${limited(limit)}`;
}

function edgesQuery(view: View): PartialQuery {
  const columns = sql`id, source_id, target_id, type, weight, valid_from, valid_until`;
  return (after, limit) => {
    const rows = sql`SELECT ${columns} FROM valence.belief_edges AS e WHERE ${isLive('e', view)} AND ${above(after)}`;
    return limit === null ? rows : sql`${rows} ORDER BY id ${limited(limit)}`;
  };
}

function above(id: string | null): RawBuilder<unknown> {
  return id === null ? sql`true` : sql`id > ${id}::uuid`;
}

function limited(rows: number | null): RawBuilder<unknown> {
  return rows === null ? sql`` : sql`LIMIT ${sql.raw(String(rows))}`;
}

function tooLarge(): ValenceError {
  return new ValenceError('graph/refused', `there are more than ${GRAPH_ROWS_MAX} beliefs or edges`, {
    hint: 'ask for a part of the graph: `valence graph neighbors`, `graph subgraph` or `graph path` by hops',
  });
}
