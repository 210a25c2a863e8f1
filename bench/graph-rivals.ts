import pg from 'pg';
import type { Answered } from './latency.ts';

/** Other ways to ask a graph in Postgres: a plain recursive query, and Apache AGE over the same beliefs and edges. */

/** SQLSTATE of a statement that was cancelled. */
const CANCELLED = '57014';

export interface GraphRival extends AsyncDisposable {
  readonly name: string;
  /** Every belief within so many hops, whatever the direction. */
  neighbours(id: string, hops: number): Promise<Answered>;
  /** Hops of a shortest path. */
  shortest(from: string, to: string): Promise<Answered>;
}

/** `patienceMs`: what takes longer is given up. */
export async function openRecursiveQuery(url: string, patienceMs: number): Promise<GraphRival> {
  const client = await patientClient(url, patienceMs);
  const walk = (until: string): string => `WITH RECURSIVE reached (id, hops) AS (
      SELECT $1::uuid, 0
      UNION
      SELECT CASE WHEN e.source_id = r.id THEN e.target_id ELSE e.source_id END, r.hops + 1
      FROM reached r JOIN valence.belief_edges e ON (e.source_id = r.id OR e.target_id = r.id) AND e.retired_at IS NULL
      WHERE r.hops < ${until}
    )`;
  return {
    name: 'recursive query',
    neighbours: (id, hops) =>
      answered(client, `${walk('$2')} SELECT DISTINCT id FROM reached WHERE hops > 0`, [id, hops]),
    // Levels come in order, so that the first row is the nearest; the query ends with it.
    shortest: (from, to) =>
      answered(client, `${walk('30')} SELECT hops FROM reached WHERE id = $2 LIMIT 1`, [from, to]),
    [Symbol.asyncDispose]: () => client.end(),
  };
}

/** The graph that `valence graph project --age` made. */
export async function openAge(url: string, patienceMs: number, graph: string): Promise<GraphRival> {
  const client = await patientClient(url, patienceMs);
  await client.query(`LOAD 'age'; SET search_path = ag_catalog, "$user", public`);
  const ask = (match: string, column: string): Promise<Answered> =>
    answered(client, `SELECT * FROM cypher('${graph}', $$ ${match} $$) AS (${column} agtype)`, []);
  return {
    name: 'Apache AGE',
    neighbours: (id, hops) => ask(`MATCH ({id: '${id}'})-[*1..${hops}]-(b) RETURN DISTINCT b.id`, 'id'),
    // It has no shortest path: what its users write is the least length of all paths up to one.
    shortest: (from, to) =>
      ask(`MATCH p = ({id: '${from}'})-[*1..8]-({id: '${to}'}) RETURN length(p) ORDER BY length(p) LIMIT 1`, 'hops'),
    [Symbol.asyncDispose]: () => client.end(),
  };
}

async function patientClient(url: string, patienceMs: number): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`SET statement_timeout = ${patienceMs}`);
  return client;
}

async function answered(client: pg.Client, statement: string, values: readonly unknown[]): Promise<Answered> {
  try {
    await client.query(statement, [...values]);
    return 'answered';
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === CANCELLED) return 'given up';
    throw error;
  }
}
