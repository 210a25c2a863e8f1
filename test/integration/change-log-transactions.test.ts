import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../src/schema/database.ts';
import { expectCovers, goodPosition, seeState, toldSince } from '../support/change-states.ts';
import type { Told } from '../support/change-states.ts';
import { onServer } from '../support/postgres.ts';
import { ServerDatabase } from '../support/server-database.ts';
import { addBeliefs, testId } from '../support/substrate-rows.ts';

const added = (number: number): string => `INSERT INTO beliefs (id, content) VALUES ('${testId(number)}', 'x')`;

/** What is told when exactly these beliefs were touched. */
function beliefs(...numbers: readonly number[]): Told {
  return { beliefs: numbers.map((number) => testId(number).replaceAll('-', '')) };
}

describe('the change log of a server', () => {
  let server: ServerDatabase;
  let database: Database;
  let one: pg.Client;
  let two: pg.Client;

  beforeEach(async () => {
    server = await ServerDatabase.open();
    database = server.database;
    [one, two] = [await server.connect(), await server.connect()];
    await addBeliefs(database, 1, 2);
  });

  afterEach(() => server[Symbol.asyncDispose]());

  test('tells of a long transaction when it has ended, to every snapshot that could not see it', async () => {
    await one.query(`BEGIN; ${added(3)}`);
    const first = await goodPosition(database);
    await addBeliefs(database, 4);
    const second = await goodPosition(database);
    expect(await toldSince(database, first)).toEqual(beliefs(4));
    await one.query(`${added(5)}; COMMIT`);
    expect(await toldSince(database, first)).toEqual(beliefs(3, 4, 5));
    expect(await toldSince(database, second)).toEqual(beliefs(3, 5));
    expect(await toldSince(database, await goodPosition(database))).toEqual({});
  });

  test('tells of transactions that overlap, in whatever order they end', async () => {
    const start = await seeState(database);
    await one.query(`BEGIN; ${added(3)}`);
    await two.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; ${added(4)}`);
    const both = await goodPosition(database);
    await two.query('COMMIT');
    const left = await seeState(database);
    await one.query(`SAVEPOINT a; ${added(5)}; ROLLBACK TO a; SAVEPOINT b; ${added(6)}; RELEASE b; COMMIT`);
    expect(await toldSince(database, both)).toEqual(beliefs(3, 4, 6));
    expect(await toldSince(database, left.position)).toEqual(beliefs(3, 6));
    const end = await seeState(database);
    expect(expectCovers(await toldSince(database, start.position), start, end)).toEqual([]);
    expect(expectCovers(await toldSince(database, left.position), left, end)).toEqual([]);
  });

  test('tells nothing of a transaction that was given up, also by a connection that broke', async () => {
    const before = await goodPosition(database);
    await one.query(`BEGIN; ${added(3)}`);
    await two.query(`BEGIN; ${added(4)}`);
    const during = await goodPosition(database);
    await one.query('ROLLBACK');
    await two.end();
    expect(await toldSince(database, before)).toEqual({});
    expect(await toldSince(database, during)).toEqual({});
  });

  test('tells of a prepared transaction once it is committed', async () => {
    const [kept, lost] = [0, 1].map(() => `valence-${randomBytes(8).toString('hex')}`);
    await one.query(`BEGIN; ${added(3)}`);
    await one.query(`PREPARE TRANSACTION '${kept}'`);
    await one.query(`BEGIN; ${added(4)}`);
    await one.query(`PREPARE TRANSACTION '${lost}'`);
    const first = await goodPosition(database);
    await addBeliefs(database, 5);
    const second = await goodPosition(database);
    expect(await toldSince(database, first)).toEqual(beliefs(5));
    await one.query(`COMMIT PREPARED '${kept}'`);
    await one.query(`ROLLBACK PREPARED '${lost}'`);
    expect(await toldSince(database, first)).toEqual(beliefs(3, 5));
    expect(await toldSince(database, second)).toEqual(beliefs(3));
  });

  test('sees a TRUNCATE that a snapshot had to wait for', async () => {
    const before = await seeState(database);
    await one.query('BEGIN; TRUNCATE beliefs CASCADE; ');
    await one.query(added(3));
    const waiting = seeState(database);
    await one.query('COMMIT');
    const after = await waiting;
    const told = await toldSince(database, before.position);
    expect(told).toMatchObject({ beliefs: 'all' });
    expectCovers(told, before, after);
    expect(after.trees.get('beliefs')!.size).toBe(1);
    expect(await toldSince(database, after.position)).toEqual({});
  });

  test('says of a statement of very many rows only that it was', async () => {
    const before = await goodPosition(database);
    await one.query(`INSERT INTO sources (id, type, external_id)
      SELECT gen_random_uuid(), 'web', i::text FROM generate_series(1, 200001) i`);
    const { rows } = await one.query('SELECT tree, keys FROM valence_catalog.changes ORDER BY xid DESC LIMIT 1');
    expect(rows).toEqual([{ tree: 3, keys: null }]);
    expect(await toldSince(database, before)).toEqual({ sources: 'all' });
  });

  test('is kept by roles that know nothing of the catalog', async () => {
    const role = `valence_writer_${randomBytes(6).toString('hex')}`;
    const before = await goodPosition(database);
    await one.query(`CREATE ROLE ${role}; GRANT USAGE ON SCHEMA valence TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA valence TO ${role}; SET ROLE ${role}`);
    try {
      await expect(one.query('SELECT FROM valence_catalog.changes')).rejects.toThrow('permission denied');
      await one.query(`SET search_path = valence; ${added(3)}; UPDATE beliefs SET content = 'y' WHERE id = '${testId(1)}';
        DELETE FROM beliefs WHERE id = '${testId(2)}'`);
      expect(await toldSince(database, before)).toMatchObject(beliefs(1, 2, 3) as Record<string, unknown>);
      await one.query('TRUNCATE sources CASCADE');
      expect(await toldSince(database, before)).toMatchObject({ sources: 'all', belief_sources: 'all' });
    } finally {
      await one.query(`RESET ROLE; DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  test('is not fooled by objects that somebody else has put first in the search path', async () => {
    const before = await goodPosition(database);
    await one.query(`CREATE SCHEMA trap; CREATE FUNCTION trap.uuid_send(uuid) RETURNS bytea LANGUAGE sql AS $$ SELECT NULL::bytea $$;
      CREATE FUNCTION trap.count(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
      SET search_path = trap, pg_catalog, valence`);
    await one.query(added(3));
    expect(await toldSince(database, before)).toEqual(beliefs(3));
  });

  test('does not trust itself in a copy of the database', async () => {
    const position = await goodPosition(database);
    await database[Symbol.asyncDispose]();
    for (const client of [one, two]) await client.end();
    const copy = `valence_copy_${randomBytes(6).toString('hex')}`;
    const url = new URL(server.url);
    const name = url.pathname.slice(1);
    url.pathname = '/postgres';
    await onServer(url.href, `CREATE DATABASE ${copy} TEMPLATE ${name}`);
    const copyUrl = new URL(server.url);
    copyUrl.pathname = `/${copy}`;
    await using copied = await ServerDatabase.open({
      url: copyUrl.href,
      [Symbol.asyncDispose]: () => onServer(url.href, `DROP DATABASE ${copy} WITH (FORCE)`),
    });
    expect(await toldSince(copied.database, position)).toBe('the database was restored or moved');
    const own = await goodPosition(copied.database);
    await addBeliefs(copied.database, 3);
    expect(await toldSince(copied.database, own)).toEqual(beliefs(3));
  });
});
