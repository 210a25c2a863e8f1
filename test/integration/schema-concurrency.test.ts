import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Database, Session } from '../../src/schema/database.ts';
import { sqlstateOf } from '../../src/schema/database-error.ts';
import { testEngine } from '../support/engines.ts';
import { addBeliefs, addEdge, testId } from '../support/substrate-rows.ts';

const INTEGRITY = '23000';
const SERIALIZATION = '40001';
const UNIQUE = '23505';

/**
 * Two transactions on Postgres: the first writes and stays open until the second waits for it (as pg_locks shows), then
 * commits. What the second one meets is the outcome.
 */
describe('two writers at once', () => {
  const { openMigrated } = testEngine('postgres');
  let database: Database;

  beforeEach(async () => {
    database = await openMigrated();
    await addBeliefs(database, 1, 2, 3);
  });

  test.for([
    ['READ COMMITTED', INTEGRITY],
    ['REPEATABLE READ', SERIALIZATION],
    ['SERIALIZABLE', SERIALIZATION],
  ] as const)('never make a cycle of supersession at %s', async ([isolation, outcome]) => {
    const met = await race(database, isolation, {
      first: (session) => addEdge(session, 1, 2, 'supersedes'),
      second: (session) => addEdge(session, 2, 1, 'supersedes'),
    });
    expect(met).toBe(outcome);
    expect(await liveSupersedes(database)).toEqual([{ source: testId(1), target: testId(2), status: 'superseded' }]);
  });

  test.for([
    ['READ COMMITTED', INTEGRITY],
    ['REPEATABLE READ', SERIALIZATION],
  ] as const)('never reactivate what is being superseded at %s', async ([isolation, outcome]) => {
    await database.execute(`UPDATE beliefs SET status = 'archived' WHERE id = '${testId(2)}'`);
    const met = await race(database, isolation, {
      first: (session) => addEdge(session, 1, 2, 'supersedes'),
      second: (session) => session.execute(`UPDATE beliefs SET status = 'active' WHERE id = '${testId(2)}'`),
    });
    expect(met).toBe(outcome);
    expect(await liveSupersedes(database)).toEqual([{ source: testId(1), target: testId(2), status: 'archived' }]);
  });

  test('supersede what is being reactivated', async () => {
    await database.execute(`UPDATE beliefs SET status = 'archived' WHERE id = '${testId(2)}'`);
    const met = await race(database, 'READ COMMITTED', {
      first: (session) => session.execute(`UPDATE beliefs SET status = 'active' WHERE id = '${testId(2)}'`),
      second: (session) => addEdge(session, 1, 2, 'supersedes'),
    });
    expect(met).toBeNull();
    expect(await liveSupersedes(database)).toEqual([{ source: testId(1), target: testId(2), status: 'superseded' }]);
  });

  test('never make two live edges of a triple, nor of a contradiction written both ways', async () => {
    const edge = (source: number, target: number, type: string) => (session: Session) =>
      session.execute(`INSERT INTO belief_edges (id, source_id, target_id, type)
        VALUES (gen_random_uuid(), '${testId(source)}', '${testId(target)}', '${type}')`);
    expect(
      await race(database, 'READ COMMITTED', { first: edge(1, 2, 'supports'), second: edge(1, 2, 'supports') }),
    ).toBe(UNIQUE);
    expect(
      await race(database, 'READ COMMITTED', { first: edge(1, 3, 'contradicts'), second: edge(3, 1, 'contradicts') }),
    ).toBe(UNIQUE);
  });

  test('count every version of a belief once', async () => {
    const update = (content: string) => (session: Session) =>
      session.execute(`UPDATE beliefs SET content = '${content}' WHERE id = '${testId(1)}'`);
    expect(await race(database, 'READ COMMITTED', { first: update('a'), second: update('b') })).toBeNull();
    const versions = await database.kysely
      .selectFrom('belief_versions')
      .select(['version', 'content'])
      .orderBy('version')
      .execute();
    expect(versions).toEqual([
      { version: 1, content: 'belief 1' },
      { version: 2, content: 'a' },
    ]);
  });
});

interface Writers {
  readonly first: (session: Session) => Promise<unknown>;
  readonly second: (session: Session) => Promise<unknown>;
}

/** The SQLSTATE the second writer met, `null` if it committed. The first one must commit. */
async function race(database: Database, isolation: string, { first, second }: Writers): Promise<string | null> {
  return database.connection(async (one) =>
    database.connection(async (two) => {
      const pid = await backendPid(two);
      for (const session of [one, two]) {
        await session.execute(`BEGIN ISOLATION LEVEL ${isolation}`);
        await session.execute('SELECT count(*) FROM belief_edges');
      }
      await first(one);
      const outcome = second(two).then(
        () => two.execute('COMMIT').then(() => null),
        (error: unknown) => sqlstateOf(error),
      );
      await waitUntilBlocked(database, pid);
      await one.execute('COMMIT');
      return outcome;
    }),
  );
}

/** With the status of what is superseded. */
async function liveSupersedes(session: Session): Promise<readonly object[]> {
  const { rows } = await sql<object>`SELECT e.source_id AS source, e.target_id AS target, b.status
    FROM belief_edges e JOIN beliefs b ON b.id = e.target_id
    WHERE e.type = 'supersedes' AND e.retired_at IS NULL`.execute(session.kysely);
  return rows;
}

async function backendPid(session: Session): Promise<number> {
  const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(session.kysely);
  return rows[0]?.pid ?? 0;
}

async function waitUntilBlocked(database: Database, pid: number): Promise<void> {
  for (;;) {
    const { rows } = await sql<{
      blocked: boolean;
    }>`SELECT cardinality(pg_blocking_pids(${pid})) > 0 AS blocked`.execute(database.kysely);
    if (rows[0]?.blocked === true) return;
  }
}
