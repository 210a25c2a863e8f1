import { sql } from 'kysely';
import { ValenceError } from '../../core/errors.ts';
import { sqlstateOf } from '../../schema/database-error.ts';
import type { Session } from '../../schema/database.ts';
import {
  EDGE_LABELS,
  EDGE_PROPERTIES,
  idProperty,
  labelTable,
  nextId,
  NODE_LABEL,
  NODE_PROPERTIES,
} from './age-labels.ts';

/** The GIN index is built in memory where it fits, in a third of the time. */
const INDEX_MEMORY = '256MB';

/**
 * Makes a graph of all beliefs and live edges, in the transaction of the session. Rows go into the tables of AGE's labels
 * by one statement a label: through Cypher it would be a statement a row.
 * @throws `graph/refused` where a schema has the name already
 */
export async function buildGraph(session: Session, graph: string, stage: (text: string) => void): Promise<void> {
  stage('making the graph');
  await session.execute(`SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '${INDEX_MEMORY}'`);
  await createGraph(session, graph);
  stage('projecting beliefs');
  await sql`
    CREATE TEMPORARY TABLE projected_beliefs ON COMMIT DROP AS
    SELECT id AS belief_id, ${nextId(graph, NODE_LABEL)} AS node FROM valence.beliefs`.execute(session.kysely);
  await session.execute('ANALYZE pg_temp.projected_beliefs');
  await sql`
    INSERT INTO ${labelTable(graph, NODE_LABEL)} (id, properties)
    SELECT p.node, ${NODE_PROPERTIES} FROM valence.beliefs AS b JOIN pg_temp.projected_beliefs AS p ON p.belief_id = b.id
  `.execute(session.kysely);
  stage('projecting edges');
  for (const [type, label] of EDGE_LABELS) {
    await sql`
      INSERT INTO ${labelTable(graph, label)} (id, start_id, end_id, properties)
      SELECT ${nextId(graph, label)}, s.node, t.node, ${EDGE_PROPERTIES}
      FROM valence.belief_edges AS e
      JOIN pg_temp.projected_beliefs AS s ON s.belief_id = e.source_id
      JOIN pg_temp.projected_beliefs AS t ON t.belief_id = e.target_id
      WHERE e.type = ${type} AND e.retired_at IS NULL`.execute(session.kysely);
  }
  stage('indexing the graph');
  await indexGraph(session, graph);
}

async function createGraph(session: Session, graph: string): Promise<void> {
  try {
    await sql`SELECT ag_catalog.create_graph(${graph})`.execute(session.kysely);
  } catch (error) {
    if (sqlstateOf(error) !== DUPLICATE_SCHEMA && sqlstateOf(error) !== UNDEFINED_SCHEMA) throw error;
    throw new ValenceError(
      'graph/refused',
      `there is a schema or graph ${graph} already that is no projection of ours`,
      {
        hint: `choose another name with --name, or drop that one: SELECT ag_catalog.drop_graph('${graph}', true)`,
        cause: error,
      },
    );
  }
  await sql`SELECT ag_catalog.create_vlabel(${graph}, ${NODE_LABEL})`.execute(session.kysely);
  for (const [, label] of EDGE_LABELS)
    await sql`SELECT ag_catalog.create_elabel(${graph}, ${label})`.execute(session.kysely);
}

const DUPLICATE_SCHEMA = '42P06';
/** What AGE says of a graph that exists as well as of one that does not. */
const UNDEFINED_SCHEMA = '3F000';

/** For joins by graphid, for `WHERE b.id = '…'`, and for `(:Belief {id: '…'})`, which AGE looks up in a GIN index only. */
async function indexGraph(session: Session, graph: string): Promise<void> {
  const tables = [NODE_LABEL, ...EDGE_LABELS.map(([, label]) => label)].map((label) => labelTable(graph, label));
  for (const [index, table] of tables.entries()) {
    await sql`CREATE INDEX ON ${table} (id)`.execute(session.kysely);
    await sql`CREATE INDEX ON ${table} ((${idProperty()}))`.execute(session.kysely);
    const columns = index === 0 ? [sql`USING gin (properties)`] : [sql`(start_id)`, sql`(end_id)`];
    for (const column of columns) await sql`CREATE INDEX ON ${table} ${column}`.execute(session.kysely);
    await sql`ANALYZE ${table}`.execute(session.kysely);
  }
}

/** Takes away a graph that is known to be ours, also where AGE has forgotten it (its extension was dropped, say). */
export async function dropGraph(session: Session, graph: string): Promise<void> {
  await session.execute('SAVEPOINT before_drop');
  try {
    await sql`SELECT ag_catalog.drop_graph(${graph}, true)`.execute(session.kysely);
  } catch (error) {
    // No function, no schema ag_catalog, or no such graph.
    if (!['42883', UNDEFINED_SCHEMA].includes(sqlstateOf(error) ?? '')) throw error;
    await session.execute('ROLLBACK TO SAVEPOINT before_drop');
    await sql`DROP SCHEMA ${sql.id(graph)} CASCADE`.execute(session.kysely);
  }
}
