import { sql } from 'kysely';
import type pg from 'pg';
import type { Database } from '../../src/schema/database.ts';
import type { ServerDatabase } from './server-database.ts';

/** A projection as Cypher sees it, and as the tables say that it must be. */
export interface ShownGraph {
  /** Properties by the id of the belief. */
  readonly nodes: Readonly<Record<string, unknown>>;
  /** `source TYPE target` and properties by the id of the edge. */
  readonly edges: Readonly<Record<string, unknown>>;
}

/** A connection for Cypher. */
export async function cypherClient(server: ServerDatabase): Promise<pg.Client> {
  const client = await server.connect();
  await client.query("LOAD 'age'; SET search_path = ag_catalog, public");
  return client;
}

/** Runs Cypher that returns `columns`; values as JSON would have them. */
export async function cypher(client: pg.Client, graph: string, query: string, columns = 1): Promise<unknown[][]> {
  const names = Array.from({ length: columns }, (_, index) => `c${index}`);
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT * FROM cypher('${graph}', $cypher$ ${query} $cypher$) AS (${names.map((name) => `${name} agtype`).join(', ')})`,
  );
  return rows.map((row) => names.map((name) => fromAgtype(row[name] ?? 'null')));
}

/** agtype is JSON with the types of some values behind them. */
function fromAgtype(text: string): unknown {
  return JSON.parse(text.replaceAll(/("(?:[^"\\]|\\.)*")|::numeric/gs, '$1'));
}

export async function shownGraph(client: pg.Client, graph: string): Promise<ShownGraph> {
  const nodes = await cypher(client, graph, 'MATCH (b:Belief) RETURN b.id, properties(b)', 2);
  const edges = await cypher(
    client,
    graph,
    'MATCH (a:Belief)-[e]->(b:Belief) RETURN e.id, a.id, label(e), b.id, properties(e)',
    5,
  );
  return {
    nodes: Object.fromEntries(nodes),
    edges: Object.fromEntries(edges.map(([id, from, label, to, rest]) => [id, [[from, label, to].join(' '), rest]])),
  };
}

const time = (column: string): string => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** By queries of their own over the tables. */
export async function expectedGraph(database: Database): Promise<ShownGraph> {
  const { rows: beliefs } = await sql<{ id: string; said: object }>`${sql.raw(`
    SELECT id, jsonb_strip_nulls(jsonb_build_object('id', id, 'content', content, 'confidence', confidence, 'status', status,
      'version', version, 'valid_from', ${time('valid_from')}, 'valid_until', ${time('valid_until')},
      'created_at', ${time('created_at')}, 'updated_at', ${time('updated_at')})) || jsonb_build_object('domains', domains)
      || CASE WHEN dimensions <> '{}' THEN jsonb_build_object('dimensions', dimensions) ELSE '{}' END
      || CASE WHEN metadata <> '{}' THEN jsonb_build_object('metadata', metadata) ELSE '{}' END AS said
    FROM valence.beliefs`)}`.execute(database.kysely);
  const { rows: edges } = await sql<{ id: string; ends: string; said: object }>`${sql.raw(`
    SELECT id, source_id || ' ' || upper(type) || ' ' || target_id AS ends,
      jsonb_strip_nulls(jsonb_build_object('id', id, 'weight', weight, 'valid_from', ${time('valid_from')},
        'valid_until', ${time('valid_until')}, 'created_at', ${time('created_at')}))
      || CASE WHEN metadata <> '{}' THEN jsonb_build_object('metadata', metadata) ELSE '{}' END AS said
    FROM valence.belief_edges WHERE retired_at IS NULL`)}`.execute(database.kysely);
  return {
    nodes: Object.fromEntries(beliefs.map(({ id, said }) => [id, said])),
    edges: Object.fromEntries(edges.map(({ id, ends, said }) => [id, [ends, said]])),
  };
}
