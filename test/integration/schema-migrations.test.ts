import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect, inject, test } from 'vitest';
import type { Database } from '../../src/schema/database.ts';
import { migrate } from '../../src/schema/migrator.ts';
import { readMigrations } from '../../src/schema/migrations.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { schemaState } from '../../src/schema/schema-state.ts';
import { forEachEngine } from '../support/engines.ts';
import { rejection } from '../support/expect-code.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { databaseOf, onServer, withDatabase } from '../support/postgres.ts';
import { addBeliefs } from '../support/substrate-rows.ts';

const shipped = await readMigrations();
const newest = shipped.length;

forEachEngine('migrations', ({ open, openMigrated }) => {
  test('bring an empty database to the newest schema, once', async () => {
    const database = await open();
    expect(await schemaState(database)).toEqual({ state: 'absent', version: null });
    expect(await migrate(database)).toEqual({ from: null, to: newest });
    expect(await schemaState(database)).toEqual({ state: 'empty', version: newest });
    expect(await migrate(database)).toEqual({ from: newest, to: newest });
    await addBeliefs(database, 1);
    expect(await schemaState(database)).toEqual({ state: 'populated', version: newest });
  });

  test('go on where an older program or a stopped one left off', async () => {
    const database = await open();
    await migrate(database, shipped.slice(0, 1));
    expect(await migrate(database)).toEqual({ from: 1, to: newest });
  });

  test('leave nothing behind of one that fails', async () => {
    const database = await openMigrated();
    const bad = {
      number: newest + 1,
      name: 'bad',
      sql: 'CREATE TABLE valence.half (); SELECT 1 / 0',
      digest: randomBytes(32),
    };
    expect((await rejection(migrate(database, [...shipped, bad]), 'database/failed')).context['sqlstate']).toBe(
      '22012',
    );
    expect(await schemaState(database)).toEqual({ state: 'empty', version: newest });
    const { rows } = await sql<{ half: string | null }>`SELECT to_regclass('valence.half')::text AS half`.execute(
      database.kysely,
    );
    expect(rows).toEqual([{ half: null }]);
  });

  test('refuse a database that a newer program has migrated', async () => {
    const database = await openMigrated();
    const next = { number: newest + 1, name: 'from_the_future', sql: 'SELECT 1', digest: randomBytes(32) };
    await migrate(database, [...shipped, next]);
    const error = await rejection(migrate(database), 'database/newer-schema');
    expect(error.message).toBe(
      `the database has migration ${newest + 1} (from_the_future), this program knows ${newest}`,
    );
    expect(error.hint).toContain('upgrade');
    expect((await schemaState(database)).version).toBe(newest + 1);
  });

  test('refuse a database whose applied migration is another one', async () => {
    const database = await openMigrated();
    await database.execute("UPDATE valence_catalog.migrations SET digest = sha256('tampered') WHERE number = 1");
    const error = await rejection(migrate(database), 'database/failed');
    expect(error.message).toContain('migration 1 (substrate)');
  });

  test('refuse a database with a hole in its migrations', async () => {
    const database = await openMigrated();
    await database.execute('DELETE FROM valence_catalog.migrations WHERE number = 1');
    await rejection(migrate(database), 'database/failed');
  });
});

describe('migrations on a server', () => {
  test('are applied once when twenty processes start at the same time', async () => {
    await using fresh = await freshDatabase();
    const databases = await Promise.all(Array.from({ length: 20 }, () => openDatabase({ url: fresh.url })));
    try {
      const reports = await Promise.all(databases.map((database) => migrate(database)));
      expect(reports.every(({ to }) => to === newest)).toBe(true);
      const applied = await databases[0]!.kysely.selectFrom('valence_catalog.migrations').select('number').execute();
      expect(applied).toHaveLength(newest);
      // The vector type is found by connections made before the extension was there.
      await Promise.all(databases.map((database) => database.execute("SELECT '[1]'::vector")));
    } finally {
      await Promise.all(databases.map((database) => database[Symbol.asyncDispose]()));
    }
  });

  test('need no superuser where the extension is installed', async () => {
    await using fresh = await freshDatabase();
    await using role = await ordinaryRole();
    await onServer(
      fresh.url,
      `CREATE EXTENSION vector; GRANT CREATE ON DATABASE ${databaseOf(fresh.url)} TO ${role.name}`,
    );
    await using database = await openAs(fresh.url, role);
    await migrate(database);
    await addBeliefs(database, 1);
    expect((await schemaState(database)).state).toBe('populated');
  });

  test('need no right on the database where the administrator made extension and schemas', async () => {
    await using fresh = await freshDatabase();
    await using role = await ordinaryRole();
    await onServer(
      fresh.url,
      `
      CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions; GRANT USAGE ON SCHEMA extensions TO ${role.name};
      CREATE SCHEMA valence AUTHORIZATION ${role.name}; CREATE SCHEMA valence_catalog AUTHORIZATION ${role.name};`,
    );
    await using database = await openAs(fresh.url, role);
    await migrate(database);
    await addBeliefs(database, 1);
  });

  test('say which right is missing', async () => {
    await using fresh = await freshDatabase();
    await using role = await ordinaryRole();
    await using database = await openAs(fresh.url, role);
    const error = await rejection(migrate(database), 'database/failed');
    expect(error.message).toBe('the database role may not create the schema valence');
    expect(error.hint).toContain('CREATE SCHEMA valence AUTHORIZATION');
    expect(await schemaState(database)).toEqual({ state: 'absent', version: null });
  });

  test('put the extension beside our tables where there is no public schema', async () => {
    await using fresh = await freshDatabase();
    await onServer(fresh.url, 'DROP SCHEMA public');
    await using database = await openDatabase({ url: fresh.url });
    await migrate(database);
    await database.execute("SELECT '[1]'::valence.vector");
  });

  test('refuse a database that does not keep text as UTF-8', async () => {
    const name = `valence_test_latin_${randomBytes(6).toString('hex')}`;
    const url = inject('postgresUrl');
    await onServer(url, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`);
    try {
      await using database = await openDatabase({ url: withDatabase(url, name) });
      const error = await rejection(migrate(database), 'database/failed');
      expect(error.message).toBe('the database keeps text as LATIN1, not as UTF8');
    } finally {
      await onServer(url, `DROP DATABASE ${name} WITH (FORCE)`);
    }
  });

  test('refuse a pgvector that is too old', async () => {
    await using fresh = await freshDatabase();
    await onServer(
      fresh.url,
      "CREATE EXTENSION vector; UPDATE pg_extension SET extversion = '0.6.2' WHERE extname = 'vector'",
    );
    await using database = await openDatabase({ url: fresh.url });
    const error = await rejection(migrate(database), 'database/failed');
    expect(error.message).toBe('pgvector is 0.6.2, at least 0.7 is needed');
    expect(error.hint).toContain('ALTER EXTENSION vector UPDATE');
  });
});

interface OrdinaryRole extends AsyncDisposable {
  readonly name: string;
  readonly password: string;
}

async function ordinaryRole(): Promise<OrdinaryRole> {
  const name = `valence_role_${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  const url = inject('postgresUrl');
  await onServer(url, `CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
  // What the role owned goes with its database, which a later declaration drops; the role is harmless if left over.
  return { name, password, [Symbol.asyncDispose]: () => onServer(url, `DROP ROLE ${name}`).catch(() => undefined) };
}

function openAs(url: string, role: OrdinaryRole): Promise<Database> {
  return openDatabase({ url: withDatabase(url, databaseOf(url), role) });
}
