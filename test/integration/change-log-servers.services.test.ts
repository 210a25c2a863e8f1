import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/schema/database.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { goodPosition, positionOf, toldSince } from '../support/change-states.ts';
import {
  databaseOf,
  createTestDatabase,
  onServer,
  serverFolder,
  startPostgres,
  startStandby,
  withDatabase,
} from '../support/postgres.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { ServerDatabase } from '../support/server-database.ts';
import { addBeliefs, testId } from '../support/substrate-rows.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SETTINGS = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'wal_level=logical'];
const hex = (number: number): string => testId(number).replaceAll('-', '');

/** Asks the server until it says yes. */
async function until(url: string, condition: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (;;) {
      const { rows } = await client.query<{ yes: boolean }>(`SELECT (${condition}) AS yes, pg_sleep(0.02)`);
      if (rows[0]?.yes === true) return;
    }
  } finally {
    await client.end();
  }
}

describe('the change log, where rows come from other servers', () => {
  let server: TestPostgres;

  beforeAll(async () => {
    server = await startPostgres(SETTINGS);
  });

  afterAll(() => server[Symbol.asyncDispose]());

  test('is not trusted while a subscription fills the tables, and missed nothing of it when it is gone', async () => {
    await using publisher = await ServerDatabase.open(await createTestDatabase(server.url));
    await using subscriber = await ServerDatabase.open(await createTestDatabase(server.url));
    const { database } = subscriber;
    await addBeliefs(publisher.database, 1, 2, 3);
    await addBeliefs(database, 9);
    const before = await goodPosition(database);
    const slot = 'valence_test';
    await publisher.database.execute(`CREATE PUBLICATION p FOR TABLE valence.beliefs`);
    await onServer(publisher.url, `SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    await onServer(
      subscriber.url,
      `CREATE SUBSCRIPTION s CONNECTION '${publisher.url}' PUBLICATION p WITH (create_slot = false, slot_name = '${slot}')`,
    );
    expect(await positionOf(database)).toBeNull();
    expect(await toldSince(database, before)).toBe('a subscription replicates into the tables');
    await until(subscriber.url, `(SELECT srsubstate = 'r' FROM pg_subscription_rel)`);
    await publisher.database.execute(`UPDATE beliefs SET content = 'changed' WHERE id = '${testId(1)}'`);
    await publisher.database.execute(`DELETE FROM beliefs WHERE id = '${testId(2)}'`);
    await addBeliefs(publisher.database, 4);
    await until(subscriber.url, `EXISTS (SELECT FROM valence.beliefs WHERE id = '${testId(4)}')`);
    const late = await sql<{ xid: string }>`SELECT pg_current_xact_id()::text AS xid`.execute(database.kysely);
    await publisher.database.execute(`UPDATE beliefs SET content = 'once more' WHERE id = '${testId(3)}'`);
    await until(subscriber.url, `EXISTS (SELECT FROM valence.beliefs WHERE content = 'once more')`);
    await onServer(subscriber.url, 'ALTER SUBSCRIPTION s DISABLE');
    await onServer(subscriber.url, 'ALTER SUBSCRIPTION s SET (slot_name = NONE)');
    await onServer(subscriber.url, 'DROP SUBSCRIPTION s');
    await until(publisher.url, `(SELECT NOT active FROM pg_replication_slots WHERE slot_name = '${slot}')`);
    await onServer(publisher.url, `SELECT pg_drop_replication_slot('${slot}')`);
    const told = await toldSince(database, before);
    expect(told).toMatchObject({ beliefs: [1, 2, 3, 4].map(hex) });
    // What came by the apply worker, not by the first copy of the table, is there for itself.
    const { rows } = await sql<{ entries: number }>`
      SELECT count(*)::int AS entries FROM valence_catalog.changes WHERE xid > ${late.rows[0]!.xid}::xid8 AND tree = 1
    `.execute(database.kysely);
    expect(rows[0]!.entries).toBeGreaterThan(0);
  });

  test('is not trusted on a standby, nor by the positions of its primary once it is promoted', async () => {
    await using primary = await ServerDatabase.open(await createTestDatabase(server.url));
    await addBeliefs(primary.database, 1);
    const position = await goodPosition(primary.database);
    await using standby = await startStandby(server.url, SETTINGS);
    const url = withDatabase(standby.url, databaseOf(primary.url));
    await using database: Database = await openDatabase({ url });
    expect(await positionOf(database)).toBeNull();
    expect(await toldSince(database, position)).toBe('this server is a standby');
    await onServer(url, 'SELECT pg_promote(true)');
    expect(await toldSince(database, position)).toBe("the server's timeline changed");
    const own = await goodPosition(database);
    await addBeliefs(database, 2);
    expect(await toldSince(database, own)).toEqual({ beliefs: [hex(2)] });
    expect(await toldSince(primary.database, position)).toEqual({});
  });

  test('is not trusted after a dump was restored, and works on from there', async () => {
    await using dumped = await ServerDatabase.open(await createTestDatabase(server.url));
    await addBeliefs(dumped.database, 1);
    const position = await goodPosition(dumped.database);
    await using folder = await temporaryFolder();
    const [run, file] = [promisify(execFile), join(folder.path, 'dump')];
    await run(join(serverFolder(), 'pg_dump'), ['--format=custom', `--file=${file}`, dumped.url]);
    const target = await createTestDatabase(server.url);
    await run(join(serverFolder(), 'pg_restore'), [`--dbname=${target.url}`, file]);
    await using restored = await ServerDatabase.open(target);
    expect(await toldSince(restored.database, position)).toBe('the database was restored or moved');
    const own = await goodPosition(restored.database);
    await addBeliefs(restored.database, 2);
    expect(await toldSince(restored.database, own)).toEqual({ beliefs: [hex(2)] });
  });
});
