import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import type { ValenceError } from '../../src/core/errors.ts';
import { snapshotSinkInto } from '../../src/graph/snapshot/snapshot-sink.ts';
import { snapshotSourceOf } from '../../src/graph/snapshot/snapshot-source.ts';
import { openValence } from '../../src/app.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { testEngine } from '../support/engines.ts';
import { databaseOf, onServer, withDatabase } from '../support/postgres.ts';
import { addBelief, setBelief } from '../../src/graph/records/beliefs.ts';
import { addEdge, retireEdge } from '../../src/graph/records/edges.ts';
import { EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import { dropProjection, projectGraph, projectionStatus } from '../../src/graph/projection/project.ts';
import type { ProjectionReport, ProjectionStatus } from '../../src/graph/projection/project.ts';
import { silentProgress } from '../../src/core/progress.ts';
import type { ProgressSink } from '../../src/core/progress.ts';
import type { Database } from '../../src/schema/database.ts';
import { foreignTables } from '../../src/schema/foreign-tables.ts';
import { cypher, cypherClient, expectedGraph, shownGraph } from '../support/age-graph.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { ServerDatabase } from '../support/server-database.ts';
import { beliefId, digestOf, failure, fixedMoment, importLines, SAMPLE } from '../support/sample-knowledge.ts';

const GRAPH = 'valence_graph';

function project(
  database: Database,
  name?: string,
  progress: ProgressSink = silentProgress,
): Promise<ProjectionReport> {
  return projectGraph(database, { name }, { progress, signal: new AbortController().signal });
}

function status(database: Database, name?: string): Promise<ProjectionStatus> {
  return database.transaction({ mode: 'snapshot' }, (session) => projectionStatus(session, { name }));
}

async function schemas(database: Database): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT nspname::text AS name FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1`.execute(
    database.kysely,
  );
  return rows.map(({ name }) => name);
}

describe('a projection into Apache AGE', () => {
  let server: ServerDatabase;
  let database: Database;
  let client: pg.Client;

  beforeEach(async () => {
    server = await ServerDatabase.open();
    ({ database } = server);
    await importLines(database, SAMPLE, { model: 'small' });
  });

  afterEach(() => server[Symbol.asyncDispose]());

  async function expectEqual(): Promise<void> {
    expect(await shownGraph(client, GRAPH)).toEqual(await expectedGraph(database));
  }

  test('shows Cypher what the tables hold', async () => {
    expect(await status(database)).toMatchObject({ state: 'none', beliefs: null, edges: null, since: null });
    const report = await project(database);
    expect(report).toEqual({
      ...{ type: 'projected', name: GRAPH, how: 'built', was: 'none', reason: null, changed: null },
      ...{ beliefs: 9, edges: 5 },
    });
    client = await cypherClient(server);
    await expectEqual();
    expect(await status(database)).toMatchObject({ state: 'fresh', beliefs: 9, edges: 5, changed: null });
    const ends = `{id: '${beliefId(1)}'}`;
    expect(await cypher(client, GRAPH, `MATCH (a:Belief ${ends})-[:SUPPORTS]->(b) RETURN b.content`)).toEqual([
      ['水は氷になる 🧊'],
    ]);
    expect(await cypher(client, GRAPH, `MATCH (b:Belief) WHERE 'naïve' IN b.domains RETURN b.id`)).toEqual([
      [beliefId(1)],
    ]);
    const valid = `b.valid_from <= '2024-02-29T18:29:59.123456Z' AND b.valid_until > '2029-12-31T00:00:00.000000Z'`;
    expect(await cypher(client, GRAPH, `MATCH (b:Belief) WHERE ${valid} RETURN b.id`)).toEqual([[beliefId(4)]]);
    expect(
      await cypher(client, GRAPH, `MATCH (b:Belief)-[e:CONTRADICTS]-() WHERE e.weight = 0.25 RETURN count(*)`),
    ).toEqual([[2]]);
  });

  test('looks ids up by an index, however they are asked for', async () => {
    await importLines(
      database,
      Array.from({ length: 3000 }, (_, index) => ({ id: beliefId(1000 + index), content: `belief ${index}` })),
    );
    await project(database);
    client = await cypherClient(server);
    for (const match of [`(b:Belief {id: '${beliefId(1001)}'})`, `(b:Belief) WHERE b.id = '${beliefId(1001)}'`]) {
      const { rows } = await client.query(
        `EXPLAIN SELECT * FROM cypher('${GRAPH}', $$ MATCH ${match} RETURN b $$) AS (b agtype)`,
      );
      expect(JSON.stringify(rows)).toContain('Index Scan');
    }
  });

  test('is brought up to date by what changed, and says how much it lacks', async () => {
    await project(database);
    const by = fixedMoment();
    const added = await addBelief(database, { content: 'new', domains: ['x'] }, by);
    await setBelief(database, beliefId(1), { content: 'changed' });
    const edge = await addEdge(database, { source: added.id, target: beliefId(8), edge_type: 'supports' }, by);
    const stale = await status(database);
    expect(stale).toMatchObject({ state: 'stale', beliefs: 9, edges: 5, changed: { beliefs: 2, edges: 1 } });
    expect(await project(database)).toMatchObject({
      ...{ how: 'updated', was: 'stale', beliefs: 10, edges: 6, changed: { beliefs: 2, edges: 1 } },
    });
    client = await cypherClient(server);
    await expectEqual();
    expect(await project(database)).toMatchObject({ how: 'unchanged', was: 'fresh' });
    await retireEdge(database, edge.id, by.clock);
    await sql`DELETE FROM valence.belief_edges WHERE source_id = ${added.id}`.execute(database.kysely);
    await sql`DELETE FROM valence.beliefs WHERE id = ${added.id}`.execute(database.kysely);
    await sql`UPDATE valence.belief_edges SET type = 'derives_from', weight = 0.1 WHERE type = 'supports'`.execute(
      database.kysely,
    );
    expect(await project(database)).toMatchObject({ how: 'updated', beliefs: 9, edges: 5 });
    await expectEqual();
    expect(new Date((await status(database)).since!) > new Date(stale.since!)).toBe(true);
  });

  test('after any changes it is what a new one would be', async () => {
    const random = seededRandom('changes of a projection');
    const below = (end: number): number => Buffer.from(random.bytes(4)).readUInt32BE() % end;
    const by = fixedMoment();
    await project(database);
    client = await cypherClient(server);
    const ids = Array.from({ length: 9 }, (_, index) => beliefId(index + 1));
    const edges: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      for (let change = below(12); change > 0; change -= 1) {
        const [a, b] = [ids[below(ids.length)]!, ids[below(ids.length)]!];
        switch (below(5)) {
          case 0:
            ids.push((await addBelief(database, { content: `added in ${round}` }, by)).id);
            break;
          case 1:
            await setBelief(database, a, { confidence: below(100) / 100, metadata: { round } });
            break;
          case 2:
            if (edges.length > 0) await retireEdge(database, edges[below(edges.length)]!, by.clock);
            break;
          default: {
            const draft = { source: a, target: b, edge_type: EDGE_TYPES[below(4)]!, weight: below(100) / 100 };
            const edge = await addEdge(database, draft, by).catch(() => null);
            if (edge !== null) edges.push(edge.id);
          }
        }
      }
      const { state } = await status(database);
      expect(await project(database)).toMatchObject({ how: state === 'fresh' ? 'unchanged' : 'updated' });
      await expectEqual();
    }
    expect(edges.length).toBeGreaterThan(10);
  });

  test('is built anew where too much changed, or where the log cannot tell', async () => {
    await project(database);
    const many = Array.from({ length: 20_001 }, (_, index) => ({ id: beliefId(1000 + index), content: 'x' }));
    await importLines(database, many);
    expect(await status(database)).toMatchObject({ state: 'stale', changed: { beliefs: 20_001, edges: 0 } });
    expect(await project(database)).toMatchObject({ how: 'built', was: 'stale', beliefs: 20_010 });
    await database.execute('TRUNCATE valence_catalog.changes');
    expect(await status(database)).toMatchObject({ state: 'unknown', reason: 'the change log had to be begun anew' });
    expect(await project(database)).toMatchObject({
      how: 'built',
      was: 'unknown',
      reason: expect.stringMatching(/anew/),
    });
    await database.execute('TRUNCATE valence.belief_edges');
    expect(await status(database)).toMatchObject({ state: 'stale', changed: null });
    expect(await project(database)).toMatchObject({ how: 'built', edges: 0 });
    await database.execute('UPDATE valence_catalog.projections SET layout = 0');
    expect(await status(database)).toMatchObject({ state: 'unknown', reason: expect.stringMatching(/version/) });
    expect(await project(database)).toMatchObject({ how: 'built', was: 'unknown' });
    client = await cypherClient(server);
    expect(await cypher(client, GRAPH, 'MATCH (b) RETURN count(b)')).toEqual([[20_010]]);
  });

  test('what somebody did to the graph is noticed and made good', async () => {
    await project(database);
    client = await cypherClient(server);
    await cypher(client, GRAPH, `MATCH (b:Belief {id: '${beliefId(8)}'}) DELETE b RETURN 1`);
    expect(await status(database)).toMatchObject({
      state: 'unknown',
      reason: expect.stringMatching(/8 nodes .* not the 9/),
    });
    expect(await project(database)).toMatchObject({ how: 'built', was: 'unknown', beliefs: 9 });
    await expectEqual();
    await client.query(`SELECT drop_label('${GRAPH}', 'SUPERSEDES')`);
    expect(await status(database)).toMatchObject({ state: 'unknown', reason: 'tables of the graph are gone' });
    expect(await project(database)).toMatchObject({ how: 'built', edges: 5 });
    await client.query(`SELECT drop_graph('${GRAPH}', true)`);
    expect(await status(database)).toMatchObject({ state: 'unknown', reason: expect.stringMatching(/gone/) });
    expect(await project(database)).toMatchObject({ how: 'built' });
    await database.execute('DROP EXTENSION age CASCADE');
    expect((await status(database)).state).toBe('unknown');
    expect(await project(database)).toMatchObject({ how: 'built', beliefs: 9 });
    await client.end();
    client = await cypherClient(server);
    await expectEqual();
  });

  test('what is somebody else’s is neither taken nor dropped', async () => {
    await project(database, 'first');
    client = await cypherClient(server);
    await client.query("SELECT create_graph('theirs'); CREATE SCHEMA mine");
    for (const name of ['theirs', 'mine']) {
      expect((await failure(project(database, name))).code).toBe('graph/refused');
      expect(await dropProjection(database, { name })).toEqual({ type: 'dropped', name, dropped: false });
    }
    await client.query("SELECT drop_graph('first', true); SELECT create_graph('first')");
    expect((await failure(project(database, 'first'))).code).toBe('graph/refused');
    expect(await dropProjection(database, { name: 'first' })).toMatchObject({ dropped: true });
    expect(await status(database, 'first')).toMatchObject({ state: 'none' });
    expect(await schemas(database)).toEqual(expect.arrayContaining(['first', 'mine', 'theirs']));
    for (const name of [
      'ab',
      'valence',
      'valence_catalog',
      'ag_catalog',
      'public',
      'pg_x',
      'A',
      'x"y',
      'a;b',
      '',
      'a'.repeat(64),
    ]) {
      expect((await failure(project(database, name))).code).toBe('graph/refused');
      expect((await failure(status(database, name))).code).toBe('graph/refused');
      expect((await failure(dropProjection(database, { name }))).code).toBe('graph/refused');
    }
  });

  test('several stand side by side, and each is dropped alone', async () => {
    await project(database);
    await setBelief(database, beliefId(1), { confidence: 0.2 });
    await project(database, 'second');
    expect((await status(database)).state).toBe('stale');
    expect((await status(database, 'second')).state).toBe('fresh');
    await using valence = openValence({ home: '/nonexistent', database: server.url, env: {} });
    expect((await valence.doctor()).filter(({ what }) => what.includes('Apache AGE'))).toEqual([
      {
        ...{ type: 'finding', level: 'info', what: `the graph ${GRAPH} in Apache AGE is stale` },
        todo: `run \`valence graph project --age --name ${GRAPH}\``,
      },
    ]);
    expect(await foreignTables(database)).toEqual([]);
    expect(await dropProjection(database, {})).toEqual({ type: 'dropped', name: GRAPH, dropped: true });
    expect(await dropProjection(database, {})).toEqual({ type: 'dropped', name: GRAPH, dropped: false });
    expect(await schemas(database)).not.toContain(GRAPH);
    expect((await status(database, 'second')).state).toBe('fresh');
  });

  test('is no part of the substrate, and leaves nothing behind on pooled connections', async () => {
    const digest = await digestOf(database);
    await Promise.all([project(database), project(database), status(database)]);
    expect(await digestOf(database)).toBe(digest);
    const paths = await Promise.all(
      Array.from({ length: 8 }, () =>
        sql<{ path: string }>`
        SELECT current_setting('search_path') AS path, pg_sleep(0.01)`.execute(database.kysely),
      ),
    );
    expect(new Set(paths.map(({ rows }) => rows[0]!.path))).toEqual(new Set(['valence, public']));
  });

  test('what fails leaves everything as it was', async () => {
    const before = await schemas(database);
    const controller = new AbortController();
    const progress: ProgressSink = ({ stage }) => stage === 'indexing the graph' && controller.abort();
    const work = { progress, signal: controller.signal };
    await expect(projectGraph(database, {}, work)).rejects.toMatchObject({ name: 'AbortError' });
    expect(await schemas(database)).toEqual(before);
    expect(await status(database)).toMatchObject({ state: 'none' });
    await project(database);
    await database.execute('TRUNCATE valence.belief_edges');
    await expect(projectGraph(database, {}, work)).rejects.toMatchObject({ name: 'AbortError' });
    expect(await status(database)).toMatchObject({ state: 'stale', edges: 5 });
    client = await cypherClient(server);
    expect(await cypher(client, GRAPH, 'MATCH ()-[e]->() RETURN count(e)')).toEqual([[5]]);
  });
});

describe('where Apache AGE cannot be used', () => {
  const embedded = testEngine('pglite');
  const role = { name: `plain_${randomBytes(6).toString('hex')}`, password: 'x' };
  let server: ServerDatabase;

  beforeEach(async () => {
    server = await ServerDatabase.open();
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await onServer(inject('postgresUrl'), `DROP ROLE IF EXISTS ${role.name}`);
  });

  /** The same database for a role that owns our tables and nothing else. */
  async function asPlainRole(): Promise<Database> {
    const name = databaseOf(server.url);
    await onServer(
      server.url,
      `CREATE ROLE ${role.name} LOGIN PASSWORD '${role.password}' NOSUPERUSER;
       GRANT CREATE, TEMPORARY ON DATABASE ${name} TO ${role.name};
       GRANT USAGE ON SCHEMA valence, valence_catalog TO ${role.name};
       GRANT ALL ON ALL TABLES IN SCHEMA valence, valence_catalog TO ${role.name};
       GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA valence_catalog TO ${role.name}`,
    );
    return openDatabase({ url: withDatabase(server.url, name, role) });
  }

  async function refusal(database: Database): Promise<string> {
    const before = await schemas(database);
    const error: unknown = await project(database).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'database/failed' });
    expect(await status(database)).toMatchObject({ state: 'none' });
    expect(await schemas(database)).toEqual(before);
    const { message, hint } = error as ValenceError;
    return `${message}: ${hint}`;
  }

  test('the embedded database says so', async () => {
    const database = await embedded.openMigrated();
    expect(await refusal(database)).toMatch(/^the embedded database has no Apache AGE: .*only Cypher needs it/);
    expect(await dropProjection(database, {})).toMatchObject({ dropped: false });
  });

  test('a server without it says how to get it', async () => {
    // As on a server where the package is not installed.
    await onServer(
      server.url,
      `SET allow_system_table_mods = on;
       CREATE OR REPLACE VIEW pg_catalog.pg_available_extensions AS
       SELECT e.name, e.default_version, x.extversion AS installed_version, e.comment
       FROM pg_available_extensions() AS e LEFT JOIN pg_extension AS x ON e.name = x.extname WHERE e.name <> 'age'`,
    );
    expect(await refusal(server.database)).toMatch(/^the server has no Apache AGE: install its package/);
  });

  test('a role without the right to create or use it is told what to ask for', async () => {
    await using plain = await asPlainRole();
    expect(await refusal(plain)).toMatch(/may not create the extension age: .*CREATE EXTENSION age; GRANT USAGE/);
    await server.database.execute('CREATE EXTENSION age');
    expect(await refusal(plain)).toMatch(/may not use Apache AGE: .*GRANT USAGE ON SCHEMA ag_catalog/);
    await server.database.execute(`GRANT USAGE ON SCHEMA ag_catalog TO ${role.name}`);
    await importLines(server.database, SAMPLE, { model: 'small' });
    expect(await project(plain)).toMatchObject({ how: 'built', beliefs: 9, edges: 5 });
    await setBelief(server.database, beliefId(1), { content: 'changed' });
    expect(await project(plain)).toMatchObject({ how: 'updated' });
    const client = await cypherClient(server);
    expect(await shownGraph(client, GRAPH)).toEqual(await expectedGraph(server.database));
    await client.end();
    expect(await dropProjection(plain, {})).toMatchObject({ dropped: true });
  });
});

test('a restored database has no projection', async () => {
  await using server = await ServerDatabase.open();
  await importLines(server.database, SAMPLE, { model: 'small' });
  await project(server.database);
  await using restored = await ServerDatabase.open();
  await snapshotSourceOf(server.database)((source) =>
    snapshotSinkInto(restored.database)(async (sink) => {
      for (const tree of source.trees.filter(({ name }) => name !== 'belief_edges_reverse'))
        await sink.load(tree, source.rows(tree));
      await sink.settle();
    }),
  );
  expect(await digestOf(restored.database)).toBe(await digestOf(server.database));
  expect(await status(restored.database)).toMatchObject({ state: 'none' });
  expect(await schemas(restored.database)).not.toContain(GRAPH);
  expect(await project(restored.database)).toMatchObject({ how: 'built', was: 'none', beliefs: 9 });
});
