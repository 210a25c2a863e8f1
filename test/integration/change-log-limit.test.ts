import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { snapshotSourceOf } from '../../src/graph/snapshot/snapshot-source.ts';
import { beginChangeLogAnew, trimChangeLog, vacuumChangeLog } from '../../src/schema/change-log-trim.ts';
import type { TrimReport } from '../../src/schema/change-log-trim.ts';
import type { Database } from '../../src/schema/database.ts';
import { goodPosition, positionOf, toldSince } from '../support/change-states.ts';
import type { Told } from '../support/change-states.ts';
import { forEachEngine } from '../support/engines.ts';
import { ServerDatabase } from '../support/server-database.ts';
import { addBeliefs, testId } from '../support/substrate-rows.ts';

const NOTHING_TO_DO: TrimReport = { giveUp: null, vacuum: false };
const STOPPED = 'the change log had reached its limit';
const TOO_OLD = 'the change log no longer reaches back so far';

function beliefs(...numbers: readonly number[]): Told {
  return { beliefs: numbers.map((number) => testId(number).replaceAll('-', '')) };
}

function trim(database: Database, ...positions: readonly string[]): Promise<TrimReport> {
  return database.transaction({}, (session) => trimChangeLog(session, positions));
}

async function setLimit(database: Database, bytes: number): Promise<void> {
  await sql`UPDATE valence_catalog.change_log SET limit_bytes = ${bytes}`.execute(database.kysely);
}

async function logSize(database: Database): Promise<{ entries: number; bytes: number }> {
  const { rows } = await sql<{ entries: number; bytes: number }>`
    SELECT count(*)::int AS entries, pg_relation_size('valence_catalog.changes')::int AS bytes FROM valence_catalog.changes
  `.execute(database.kysely);
  return rows[0]!;
}

/** Some 1.3 MB of entries, each a page, as 80,000 new sources would leave them. */
async function fillLog(database: Database): Promise<void> {
  await database.execute(`INSERT INTO valence_catalog.changes (tree, keys)
    SELECT 3, (SELECT string_agg(decode(md5(i || ' ' || j), 'hex'), '') FROM generate_series(1, 500) j)
    FROM generate_series(1, 160) i`);
}

forEachEngine('the change log is kept short:', ({ engine, openMigrated }) => {
  let database: Database;

  beforeEach(async () => {
    database = await openMigrated();
  });

  test('what every position has seen is forgotten, and nothing else', async () => {
    const first = await goodPosition(database);
    await addBeliefs(database, 1);
    const second = await goodPosition(database);
    await addBeliefs(database, 2);
    const third = await goodPosition(database);
    await addBeliefs(database, 3);

    expect(await trim(database, third, second)).toEqual(NOTHING_TO_DO);
    expect(await toldSince(database, second)).toEqual(beliefs(2, 3));
    expect(await toldSince(database, third)).toEqual(beliefs(3));
    expect(await toldSince(database, first)).toBe(TOO_OLD);
    expect((await logSize(database)).entries).toBe(2);

    // An older position does not bring back what is gone.
    await trim(database, second, first);
    await trim(database, third);
    expect(await toldSince(database, third)).toEqual(beliefs(3));
    expect(await toldSince(database, second)).toBe(TOO_OLD);

    await trim(database);
    expect(await toldSince(database, third)).toBe(TOO_OLD);
    expect((await logSize(database)).entries).toBe(0);
    expect(await toldSince(database, await goodPosition(database))).toEqual({});
  });

  test('a position of another log, or none at all, keeps nothing', async () => {
    const foreign = JSON.stringify({ ...(JSON.parse(await goodPosition(database)) as object), epoch: testId(1) });
    await addBeliefs(database, 1);
    const position = await goodPosition(database);
    await trim(database, 'nonsense', foreign, position);
    expect(await toldSince(database, position)).toEqual({});
    expect((await logSize(database)).entries).toBe(0);
  });

  test('a trim that is undone forgets nothing', async () => {
    const position = await goodPosition(database);
    await fillLog(database);
    const undone = database.transaction({}, async (session) => {
      await trimChangeLog(session, []);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    const told = await toldSince(database, position);
    expect((told as { sources: readonly string[] }).sources).toHaveLength(80_000);
  });

  test('the file of a large log is emptied when nobody needs it', async () => {
    await fillLog(database);
    const before = await logSize(database);
    expect(before.bytes).toBeGreaterThan(1024 * 1024);
    const position = await goodPosition(database);
    await addBeliefs(database, 1);
    expect(await trim(database, position)).toEqual({ giveUp: null, vacuum: engine === 'pglite' });
    expect(await logSize(database)).toEqual({ entries: 1, bytes: before.bytes });
    expect(await toldSince(database, position)).toEqual(beliefs(1));

    await vacuumChangeLog(database);
    await fillLog(database);
    expect((await logSize(database)).bytes).toBeLessThan(before.bytes + 10 * 8192);
    expect(await trim(database, await goodPosition(database))).toEqual(NOTHING_TO_DO);
    expect(await logSize(database)).toEqual({ entries: 0, bytes: 0 });
    expect(await toldSince(database, position)).toBe(TOO_OLD);
  });

  test('the oldest position is to be given up when it keeps half of what there may be', async () => {
    await setLimit(database, 2_000_000);
    const oldest = await goodPosition(database);
    await fillLog(database);
    const newer = await goodPosition(database);
    expect((await trim(database, newer, oldest)).giveUp).toBe(oldest);
    expect((await trim(database, newer)).giveUp).toBeNull();
    expect(await toldSince(database, newer)).toEqual({});
  });

  test('at its limit it stops, is trusted by nobody, and is begun anew', async () => {
    const before = await goodPosition(database);
    expect(await beginChangeLogAnew(database)).toBe('runs');
    await setLimit(database, 0);
    await addBeliefs(database, 1);
    const good = await goodPosition(database);
    expect(await toldSince(database, before)).toEqual(beliefs(1));
    await addBeliefs(database, 2);
    await addBeliefs(database, 3);
    expect((await logSize(database)).entries).toBe(2);
    expect(await positionOf(database)).toBeNull();
    expect(await toldSince(database, before)).toBe(STOPPED);
    expect(await toldSince(database, good)).toBe(STOPPED);
    expect(await trim(database, good)).toEqual(NOTHING_TO_DO);
    await setLimit(database, 64 * 1024 * 1024);
    await addBeliefs(database, 4);
    expect(await toldSince(database, good)).toBe(STOPPED);

    expect(await beginChangeLogAnew(database)).toBe('begun');
    expect(await toldSince(database, good)).toBe('the change log had to be begun anew');
    const anew = await goodPosition(database);
    await addBeliefs(database, 5);
    expect(await toldSince(database, anew)).toEqual(beliefs(5));
    expect(await beginChangeLogAnew(database)).toBe('runs');
  });

  test('a change that was undone does not stop it', async () => {
    const before = await goodPosition(database);
    await addBeliefs(database, 1);
    await setLimit(database, 0);
    const undone = database.transaction({}, async (session) => {
      await addBeliefs(session, 2);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await toldSince(database, before)).toEqual(beliefs(1));
  });
});

describe('the change log of a server that others use is kept short:', () => {
  test('it stays stopped until everybody who may have found it stopped has ended', async () => {
    await using server = await ServerDatabase.open();
    const { database } = server;
    const [one, two] = [await server.connect(), await server.connect()];
    await addBeliefs(database, 1);
    await setLimit(database, 0);
    // Each sees no stop yet, and leaves its own.
    await one.query(`BEGIN; INSERT INTO beliefs (id, content) VALUES ('${testId(2)}', 'x')`);
    await two.query(`BEGIN; INSERT INTO beliefs (id, content) VALUES ('${testId(3)}', 'x')`);
    const between = await goodPosition(database);
    await one.query('COMMIT');
    expect(await beginChangeLogAnew(database)).toBe('busy');
    await two.query('COMMIT');
    await setLimit(database, 64 * 1024 * 1024);
    // This one finds it stopped, and notes nothing.
    await setLimit(database, 0);
    await two.query(`BEGIN; INSERT INTO beliefs (id, content) VALUES ('${testId(4)}', 'x')`);
    expect(await beginChangeLogAnew(database)).toBe('busy');
    expect(await positionOf(database)).toBeNull();
    await two.query('COMMIT');
    expect(await beginChangeLogAnew(database)).toBe('begun');
    expect(await toldSince(database, between)).toBe('the change log had to be begun anew');
    expect(await toldSince(database, await goodPosition(database))).toEqual({});
  });

  test('a snapshot that reads the log, and a writer that is not done, keep their entries', async () => {
    await using server = await ServerDatabase.open();
    const { database } = server;
    const one = await server.connect();
    const first = await goodPosition(database);
    await fillLog(database);
    await one.query(`BEGIN; INSERT INTO beliefs (id, content) VALUES ('${testId(2)}', 'x')`);
    const second = await goodPosition(database);
    await snapshotSourceOf(database)(async (source) => {
      await trim(database, second);
      await one.query('COMMIT');
      const changes = await source.changesSince(first);
      expect(changes).toMatchObject({ kind: 'known', trees: [{ tree: { name: 'sources' } }] });
      expect(changes.kind === 'known' && changes.trees[0]!.keys.length).toBe(80_000);
    });
    expect(await toldSince(database, second)).toEqual(beliefs(2));
    expect(await toldSince(database, first)).toBe(TOO_OLD);
  });

  test('two that trim at once wait for one another', async () => {
    await using server = await ServerDatabase.open();
    const { database } = server;
    const first = await goodPosition(database);
    await addBeliefs(database, 1);
    const second = await goodPosition(database);
    let waiting: Promise<TrimReport> | undefined;
    await database.transaction({}, async (session) => {
      await trimChangeLog(session, [second]);
      waiting = trim(database, first);
    });
    await waiting;
    expect(await toldSince(database, second)).toEqual({});
    expect(await toldSince(database, first)).toBe(TOO_OLD);
  });
});
