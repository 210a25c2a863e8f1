import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ArraysCache } from '../../src/graph/arrays/arrays-cache.ts';
import type { GraphArrays } from '../../src/graph/arrays/graph-arrays.ts';
import { loadArrays } from '../../src/graph/arrays/load-arrays.ts';
import { trimChangeLog } from '../../src/schema/change-log-trim.ts';
import type { Database } from '../../src/schema/database.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { forEachEngine } from '../support/engines.ts';
import { startOwnPostgres, startStandby } from '../support/postgres.ts';
import { ServerDatabase } from '../support/server-database.ts';
import { addBeliefs, addEdge, testId } from '../support/substrate-rows.ts';

let cache: ArraysCache;
beforeEach(() => {
  cache = new ArraysCache();
});

const arraysNow = (database: Database): Promise<GraphArrays> =>
  database.transaction({ mode: 'snapshot' }, (session) => cache.get(session));

const loadedNow = (database: Database): Promise<GraphArrays> =>
  database.transaction({ mode: 'snapshot' }, (session) => loadArrays(session));

/** Whether the arrays of before were good enough, and that what came is what a load would have given. */
async function keptAfter(database: Database, change: () => Promise<unknown>): Promise<boolean> {
  const before = await arraysNow(database);
  expect(await arraysNow(database)).toBe(before);
  await change();
  const after = await arraysNow(database);
  expect(after).toEqual(await loadedNow(database));
  return after === before;
}

async function graphOfThree(database: Database): Promise<string> {
  await addBeliefs(database, 1, 2, 3);
  return addEdge(database, 1, 2);
}

forEachEngine('kept arrays', ({ openMigrated }) => {
  let database: Database;
  let edge: string;
  beforeEach(async () => {
    database = await openMigrated();
    edge = await graphOfThree(database);
  });

  const execute = (statement: string) => (): Promise<void> => database.execute(statement);

  test('are loaded anew after every kind of change of beliefs and edges', async () => {
    const changes = [
      () => addBeliefs(database, 4),
      () => addEdge(database, 2, 3, 'contradicts'),
      execute(`UPDATE beliefs SET confidence = 0.5 WHERE id = '${testId(1)}'`),
      execute(`UPDATE beliefs SET status = 'archived' WHERE id = '${testId(2)}'`),
      execute(`UPDATE beliefs SET valid_from = '2020-01-01Z' WHERE id = '${testId(2)}'`),
      execute(`UPDATE belief_edges SET weight = 0.5`),
      execute(`UPDATE belief_edges SET retired_at = now() WHERE id = '${edge}'`),
      execute(`DELETE FROM belief_edges`),
      execute(`DELETE FROM beliefs WHERE id = '${testId(4)}'`),
      execute('TRUNCATE beliefs CASCADE'),
    ];
    const kept: boolean[] = [];
    for (const change of changes) kept.push(await keptAfter(database, change));
    expect(kept).toEqual(changes.map(() => false));
  });

  test('stay what they are when something else changes, or a change is given up', async () => {
    const changes = [
      async () => {},
      execute(`INSERT INTO sources (id, type, external_id) VALUES (gen_random_uuid(), 'web', 'x')`),
      execute(`CREATE TABLE public.other (n int); INSERT INTO public.other VALUES (1)`),
      () =>
        database
          .transaction({}, async (session) => {
            await addBeliefs(session, 7);
            throw new Error('given up');
          })
          .catch(() => undefined),
      execute(`INSERT INTO sources (id, type, external_id) VALUES (gen_random_uuid(), 'web', 'y')`),
    ];
    const kept: boolean[] = [];
    for (const change of changes) kept.push(await keptAfter(database, change));
    expect(kept).toEqual(changes.map(() => true));
  });

  test('are not those of what was known at a time', async () => {
    const present = await arraysNow(database);
    const known = await database.transaction({ mode: 'snapshot' }, (session) =>
      cache.get(session, { known_at: '2001-01-01T00:00:00Z' }),
    );
    expect(known.beliefs.count).toBe(0);
    expect(await arraysNow(database)).toBe(present);
  });

  test('are those of a transaction with its own changes, which nobody else is given', async () => {
    const before = await arraysNow(database);
    await database
      .transaction({}, async (session) => {
        await addBeliefs(session, 8);
        expect((await cache.get(session)).beliefs.count).toBe(4);
        await addBeliefs(session, 9);
        expect((await cache.get(session)).beliefs.count).toBe(5);
        throw new Error('given up');
      })
      .catch((error: unknown) => expect(error).toEqual(new Error('given up')));
    expect(await arraysNow(database)).toBe(before);
    // Outside of a transaction each statement sees another state.
    expect(await cache.get(database)).not.toBe(before);
  });

  test('are loaded anew where the log may have missed something', async () => {
    const nothing = `UPDATE sources SET title = title`;
    const silenced = `UPDATE beliefs SET confidence = random()`;
    const changes = [
      execute(`BEGIN; ALTER TABLE beliefs DISABLE TRIGGER log_update; ${silenced}; COMMIT`),
      execute(silenced),
      execute(`ALTER TABLE beliefs ENABLE ALWAYS TRIGGER log_update`),
      execute(`BEGIN; ALTER TABLE beliefs DISABLE TRIGGER log_update; ${silenced};
        ALTER TABLE beliefs ENABLE ALWAYS TRIGGER log_update; COMMIT`),
      execute('ALTER TABLE belief_edges ALTER COLUMN weight TYPE real USING 0.125'),
      execute(`TRUNCATE valence_catalog.changes; ${nothing}`),
      execute(`DELETE FROM valence_catalog.changes; ${nothing}`),
      execute(`UPDATE valence_catalog.change_log SET epoch = gen_random_uuid()`),
      execute(`UPDATE valence_catalog.change_log SET limit_bytes = 0; ${silenced}`),
      execute(silenced),
    ];
    const kept: boolean[] = [];
    for (const change of changes) kept.push(await keptAfter(database, change));
    expect(kept).toEqual(changes.map(() => false));
  });

  test('are at hand for walks once those have taken as long as loading does', async () => {
    const atHand = (): Promise<GraphArrays | null> =>
      database.transaction({ mode: 'snapshot' }, (session) => cache.atHand(session));
    expect(await atHand()).toBeNull();
    cache.walkedFor(10);
    expect(await atHand()).toBeNull();
    cache.walkedFor(1000);
    const arrays = await atHand();
    expect(arrays).toEqual(await loadedNow(database));
    expect(await atHand()).toBe(arrays);
    await addBeliefs(database, 4);
    expect(await atHand()).toBeNull();
    cache.walkedFor(1000);
    expect((await atHand())?.beliefs.count).toBe(4);
  });

  test('that a query has loaded are at hand for walks, while they are true', async () => {
    const held = await arraysNow(database);
    const atHand = (): Promise<GraphArrays | null> =>
      database.transaction({ mode: 'snapshot' }, (session) => cache.atHand(session));
    expect(await atHand()).toBe(held);
    await addEdge(database, 1, 3);
    expect(await atHand()).toBeNull();
  });

  test('are kept by a log that is not to be trusted until the next transaction ends', async () => {
    await database.execute('ALTER TABLE beliefs DISABLE TRIGGER log_update');
    expect(await keptAfter(database, async () => {})).toBe(true);
    const other = execute(`INSERT INTO sources (id, type, external_id) VALUES (gen_random_uuid(), 'web', 'z')`);
    expect(await keptAfter(database, other)).toBe(false);
  });

  test('are loaded anew when the log was trimmed beyond them', async () => {
    const changeAndTrim = async (): Promise<void> => {
      await addBeliefs(database, 4);
      await database.transaction({}, (session) => trimChangeLog(session, []));
    };
    expect(await keptAfter(database, changeAndTrim)).toBe(false);
    expect(await keptAfter(database, async () => {})).toBe(true);
  });

  test('are not kept when loading them fails', async () => {
    const reason = new Error('enough');
    const failing = database.transaction({ mode: 'snapshot' }, (session) =>
      cache.get(session, {}, { signal: AbortSignal.abort(reason) }),
    );
    await expect(failing).rejects.toBe(reason);
    expect((await arraysNow(database)).beliefs.count).toBe(3);
  });
});

describe('kept arrays of a server', () => {
  let server: ServerDatabase;
  let database: Database;
  let other: pg.Client;
  beforeEach(async () => {
    server = await ServerDatabase.open();
    database = server.database;
    other = await server.connect();
    await graphOfThree(database);
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const added = (number: number): string => `INSERT INTO beliefs (id, content) VALUES ('${testId(number)}', 'x')`;

  test('are loaded anew when a transaction ends that was under way', async () => {
    await other.query(`BEGIN; ${added(4)}`);
    expect(await keptAfter(database, () => other.query('SELECT 1'))).toBe(true);
    expect(await keptAfter(database, () => addSource(database))).toBe(true);
    expect(await keptAfter(database, () => other.query('COMMIT'))).toBe(false);
    await other.query(`BEGIN; ${added(5)}`);
    expect(await keptAfter(database, () => other.query('ROLLBACK'))).toBe(true);
    const name = `valence-${randomBytes(8).toString('hex')}`;
    await other.query(`BEGIN; ${added(6)}; PREPARE TRANSACTION '${name}'`);
    expect(await keptAfter(database, () => addSource(database))).toBe(true);
    expect(await keptAfter(database, () => other.query(`COMMIT PREPARED '${name}'`))).toBe(false);
  });

  test('are those of the asking transaction, though it is older', async () => {
    await database.transaction({ mode: 'snapshot' }, async (older) => {
      await sql`SELECT FROM beliefs`.execute(older.kysely);
      await other.query(added(4));
      const newer = await arraysNow(database);
      expect(newer.beliefs.count).toBe(4);
      expect((await cache.get(older)).beliefs.count).toBe(3);
      expect((await arraysNow(database)).beliefs.count).toBe(4);
    });
  });

  test('are loaded once by queries that ask at once', async () => {
    const counts: number[] = [];
    const get = (): Promise<GraphArrays> =>
      database.transaction({ mode: 'snapshot' }, (session) =>
        cache.get(session, {}, { progress: ({ done }) => void counts.push(done!) }),
      );
    const all = await Promise.all([get(), get(), get(), get()]);
    expect(new Set(all).size).toBe(1);
    expect(counts).toEqual([3, 1]);
  });

  test('are loaded by who still waits when the one who loaded was called off', async () => {
    const calling = new AbortController();
    const get = (signal?: AbortSignal): Promise<GraphArrays> =>
      database.transaction({ mode: 'snapshot' }, (session) =>
        cache.get(session, {}, { signal, progress: () => calling.abort(new Error('enough')) }),
      );
    const [first, second] = await Promise.allSettled([get(calling.signal), get()]);
    expect(first).toMatchObject({ status: 'rejected', reason: new Error('enough') });
    expect(second).toMatchObject({ status: 'fulfilled', value: { edges: { count: 1 } } });
  });

  test('are not those of another database', async () => {
    const first = await arraysNow(database);
    await using elsewhere = await ServerDatabase.open();
    expect((await arraysNow(elsewhere.database)).beliefs.count).toBe(0);
    expect(await arraysNow(database)).toEqual(first);
  });

  test('serve a role that may not ask the log', async () => {
    // On a server of its own: without the log, any transaction that ends there, in whichever database, is one too many.
    await using own = await startOwnPostgres(['fsync=off', 'autovacuum=off']);
    await using quiet = await ServerDatabase.open({ url: own.url, [Symbol.asyncDispose]: async () => {} });
    await graphOfThree(quiet.database);
    const owner = await quiet.connect();
    await owner.query(`CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA valence, valence_catalog TO reader;
      GRANT SELECT ON ALL TABLES IN SCHEMA valence TO reader; GRANT SELECT ON valence_catalog.changes TO reader`);
    const url = new URL(own.url);
    url.username = 'reader';
    await using reader = await openDatabase({ url: url.href });
    expect(await keptAfter(reader, async () => {})).toBe(true);
    expect(await keptAfter(reader, () => owner.query(added(4)))).toBe(false);
  });
});

describe('kept arrays of a standby', () => {
  test('are loaded each time', async () => {
    await using primary = await startOwnPostgres(['fsync=off', 'wal_level=replica', 'max_wal_senders=4']);
    const [url, home] = [primary.url, { url: primary.url, [Symbol.asyncDispose]: async () => {} }];
    await using server = await ServerDatabase.open(home);
    await graphOfThree(server.database);
    await using standby = await startStandby(url, ['fsync=off']);
    await using database = await openDatabase({ url: standby.url });
    await replayed(async () => (await loadedNow(database)).edges.count === 1);
    const before = await arraysNow(database);
    expect(await arraysNow(database)).not.toBe(before);
    await addBeliefs(server.database, 4);
    await replayed(async () => (await arraysNow(database)).beliefs.count === 4);
  });
});

async function addSource(database: Database): Promise<void> {
  await database.execute(
    `INSERT INTO sources (id, type, external_id) VALUES (gen_random_uuid(), 'web', gen_random_uuid()::text)`,
  );
}

/** Asks a standby until it has seen what the primary wrote. */
async function replayed(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}
