import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, inject, test } from 'vitest';
import type { Session } from '../../src/schema/database.ts';
import { migrate } from '../../src/schema/migrator.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { schemaState } from '../../src/schema/schema-state.ts';
import { forEachEngine, testEngine } from '../support/engines.ts';
import { expectRefused, rejection } from '../support/expect-code.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { databaseOf, onServer, withDatabase } from '../support/postgres.ts';
import { addBeliefs, testId } from '../support/substrate-rows.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

forEachEngine('a session', ({ engine, open, openMigrated }) => {
  test('reads every type the same on both engines', async () => {
    const database = await open();
    const { rows } = await sql`SELECT
      '2026-01-02 03:04:05.000006+02'::timestamptz AS time, '0044-03-15 BC'::timestamptz AS ides, 'infinity'::timestamptz AS never,
      ARRAY['2026-01-02 03:04:05Z'::timestamptz] AS times, '2026-01-02'::date AS day, 0.1::real AS real, 'NaN'::real AS nan,
      9007199254740991::int8 AS safe, 9007199254740993::int8 AS beyond, 12.50::numeric AS numeric, '\\x00ff'::bytea AS bytes,
      '{"a": [1, null]}'::jsonb AS json, ARRAY['a', NULL, 'b,"c"'] AS texts, true AS yes, NULL::int AS nothing
    `.execute(database.kysely);
    const row = rows[0] as Record<string, unknown>;
    expect({ ...row, bytes: [...(row['bytes'] as Uint8Array)] }).toEqual({
      time: '2026-01-02T01:04:05.000006Z',
      ides: '0044-03-15 00:00:00+00 BC',
      never: 'infinity',
      times: ['2026-01-02T03:04:05Z'],
      day: '2026-01-02',
      real: 0.1,
      nan: Number.NaN,
      safe: 9007199254740991,
      beyond: 9007199254740993n,
      numeric: '12.50',
      bytes: [0, 255],
      json: { a: [1, null] },
      texts: ['a', null, 'b,"c"'],
      yes: true,
      nothing: null,
    });
  });

  test('takes values as parameters and counts changed rows', async () => {
    const database = await openMigrated();
    const belief = {
      id: testId(1),
      content: 'ü "quoted" \\ 🦉',
      confidence: 0.1,
      dimensions: { novelty: 0.25 },
      domains: ['a', 'b,c', '"d"'],
      valid_from: '2026-01-02T03:04:05.000006Z',
      metadata: { nested: { list: [1, 'two', null] } },
    };
    await database.kysely.insertInto('beliefs').values(belief).execute();
    expect(await database.kysely.selectFrom('beliefs').selectAll().executeTakeFirstOrThrow()).toMatchObject({
      ...belief,
      valid_until: null,
      version: 1,
    });
    await addBeliefs(database, 2, 3);
    const updated = await database.kysely
      .updateTable('beliefs')
      .set({ status: 'archived' })
      .where('id', '>', testId(1))
      .executeTakeFirst();
    expect(updated.numUpdatedRows).toBe(2n);
    const deleted = await database.kysely.deleteFrom('beliefs').where('id', '=', testId(3)).executeTakeFirst();
    expect(deleted.numDeletedRows).toBe(1n);
  });

  test('tells in a snapshot which state it sees, and nowhere else', async () => {
    const database = await openMigrated();
    const seen = () => database.transaction({ mode: 'snapshot' }, async ({ snapshot }) => snapshot);
    const first = await seen();
    expect(first).toEqual({ server: expect.any(String), transactions: expect.stringMatching(/^\d+:\d+:/) });
    expect(await seen()).toEqual(first);
    await addBeliefs(database, 1);
    const second = await seen();
    expect(second).toEqual({ ...first, transactions: expect.not.stringMatching(first!.transactions) });
    expect(await database.transaction({ mode: 'write' }, async ({ snapshot }) => snapshot)).toBeNull();
    expect([database.snapshot, await database.connection(async ({ snapshot }) => snapshot)]).toEqual([null, null]);
  });

  test('works in UTC and finds the vector type', async () => {
    const database = await openMigrated();
    const { rows } = await sql<{ zone: string; path: string }>`
      SELECT current_setting('TimeZone') AS zone, current_setting('search_path') AS path`.execute(database.kysely);
    expect(rows).toEqual([{ zone: 'UTC', path: 'valence, public' }]);
    expect(database.version).toMatch(/^PostgreSQL \d+\.\d+, pgvector 0\.\d+\.\d+$/);
  });

  test('tells of a refused statement with its SQLSTATE and constraint', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1);
    const error = await rejection(addBeliefs(database, 1), 'database/failed');
    expect(error.context).toEqual({ sqlstate: '23505', constraint: 'beliefs_pkey', table: 'beliefs' });
    expect(error.message).toContain('duplicate key');
  });

  test('commits what resolves and rolls back what rejects', async () => {
    const database = await openMigrated();
    expect(await database.transaction({}, async (session) => addBeliefs(session, 1).then(() => 'done'))).toBe('done');
    const reason = new Error('no');
    const failing = database.transaction({}, async (session) => {
      await addBeliefs(session, 2);
      throw reason;
    });
    await expect(failing).rejects.toBe(reason);
    expect(await count(database)).toBe(1);
  });

  test('never takes a failed transaction for a committed one', async () => {
    const database = await openMigrated();
    const swallowing = database.transaction({}, async (session) => {
      await addBeliefs(session, 1);
      await addBeliefs(session, 1).catch(() => undefined);
    });
    await expectRefused(swallowing, '25P02');
    expect(await count(database)).toBe(0);
    await addBeliefs(database, 1);
  });

  test('refuses a session whose transaction has ended, and transactions by Kysely', async () => {
    const database = await openMigrated();
    const ended = await database.transaction({}, (session) => Promise.resolve(session));
    await rejection(count(ended), 'internal/invariant');
    await rejection(
      database.kysely.transaction().execute(() => Promise.resolve()),
      'internal/invariant',
    );
  });

  test('reads one state in a snapshot, and writes nothing', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1);
    await database.transaction({ mode: 'snapshot' }, async (session) => {
      expect(await count(session)).toBe(1);
      if (engine === 'postgres') await addBeliefs(database, 2);
      expect(await count(session)).toBe(1);
    });
    await expectRefused(
      database.transaction({ mode: 'snapshot' }, (session) => addBeliefs(session, 3)),
      '25006',
    );
  });

  test('gives a connection without a transaction', async () => {
    const database = await openMigrated();
    await rejection(
      database.connection((session) => session.execute('SELECT 1 / 0')),
      'database/failed',
    );
    expect(await database.connection((session) => count(session))).toBe(0);
    await database.sync();
  });
});

describe('the embedded database', () => {
  const { openMigrated } = testEngine('pglite');

  test('lets calls from outside wait for a transaction', async () => {
    const database = await openMigrated();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const transaction = database.transaction({}, async (session) => {
      await addBeliefs(session, 1);
      begin();
      await addBeliefs(session, 2);
      throw new Error('rolled back');
    });
    await begun;
    const outside = count(database);
    await expect(transaction).rejects.toThrow('rolled back');
    expect(await outside).toBe(0);
  });

  test('refuses a call from inside a transaction that would wait for itself', async () => {
    const database = await openMigrated();
    const nested = database.transaction({}, () => addBeliefs(database, 1));
    expect((await rejection(nested, 'internal/invariant')).message).toContain('would wait for ever');
    await addBeliefs(database, 1);
  });

  test('keeps its rows in the folder', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'home', 'database');
    {
      await using database = await openDatabase({ folder: path });
      await migrate(database);
      await addBeliefs(database, 1);
      await database.sync();
      expect(database.location).toBe(path);
    }
    await using database = await openDatabase({ folder: path });
    expect((await schemaState(database)).state).toBe('populated');
  });

  test('keeps out of folders that hold something else', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'diary.txt'), 'dear diary');
    const error = await rejection(openDatabase({ folder: folder.path }), 'database/unavailable');
    expect(error.message).toContain('holds other files');
    await rejection(openDatabase({ folder: join(folder.path, 'diary.txt') }), 'database/unavailable');
    await mkdir(join(folder.path, 'damaged'));
    await writeFile(join(folder.path, 'damaged', 'PG_VERSION'), '9\n');
    await rejection(openDatabase({ folder: join(folder.path, 'damaged') }), 'database/unavailable');
  });
});

describe('a server', () => {
  test('that cannot be reached is named without the password', async () => {
    const port = await closedPort();
    const url = `postgres://anna:s3cret@127.0.0.1:${port}/notes`;
    const error = await rejection(openDatabase({ url }), 'database/unavailable');
    expect(error.message).toBe(`cannot use database "notes" at 127.0.0.1:${port}: connection refused`);
    expect(error.hint).toBeDefined();
    expect(JSON.stringify(error) + String(error.stack)).not.toContain('s3cret');
  });

  test('without the database says so', async () => {
    const url = withDatabase(inject('postgresUrl'), 'no_such_database');
    const error = await rejection(openDatabase({ url }), 'database/unavailable');
    expect(error.context).toEqual({ sqlstate: '3D000' });
    expect(error.hint).toContain('create the database');
  });

  test('has a printable location', async () => {
    await using fresh = await freshDatabase();
    const url = new URL(fresh.url);
    url.password = 's3cret';
    await using database = await openDatabase({ url: `${url.href}?application_name=other` });
    expect(database.location).toBe(fresh.url);
  });

  test('that goes away is unavailable, and the next call connects again', async () => {
    await using fresh = await freshDatabase();
    await using database = await openDatabase({ url: fresh.url });
    const cut = database.transaction({}, async (session) => {
      const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(session.kysely);
      await onServer(fresh.url, `SELECT pg_terminate_backend(${rows[0]?.pid}, 5000)`);
      await session.execute('SELECT 1');
    });
    await rejection(cut, 'database/unavailable');
    await database.execute('SELECT 1');
  });

  test('ignores the limits and formats it sets for others', async () => {
    await using fresh = await freshDatabase();
    const name = databaseOf(fresh.url);
    await onServer(
      fresh.url,
      `ALTER DATABASE ${name} SET statement_timeout = '7s'; ALTER DATABASE ${name} SET datestyle = 'SQL, DMY';
      ALTER DATABASE ${name} SET timezone = 'Asia/Tokyo'; ALTER DATABASE ${name} SET extra_float_digits = -5`,
    );
    await using database = await openDatabase({ url: fresh.url });
    const { rows } = await sql`SELECT current_setting('statement_timeout') AS limit, 0.1234567::real AS real,
      '2026-01-02 03:04:05.6Z'::timestamptz AS time`.execute(database.kysely);
    expect(rows).toEqual([{ limit: '0', real: 0.1234567, time: '2026-01-02T03:04:05.6Z' }]);
  });

  test('shows a snapshot no table emptied meanwhile', async () => {
    await using fresh = await freshDatabase();
    await using database = await openDatabase({ url: fresh.url });
    await migrate(database);
    await addBeliefs(database, 1);
    await database.transaction({ mode: 'snapshot' }, async (session) => {
      const truncating = onServer(fresh.url, "SET lock_timeout = '200ms'; TRUNCATE valence.beliefs CASCADE");
      await expect(truncating).rejects.toThrow('lock timeout');
      expect(await count(session)).toBe(1);
    });
  });
});

async function count(session: Session): Promise<number> {
  const { beliefs } = await session.kysely
    .selectFrom('beliefs')
    .select(({ fn }) => fn.countAll<number>().as('beliefs'))
    .executeTakeFirstOrThrow();
  return beliefs;
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 1;
}
