import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { Session } from '../../src/schema/database.ts';
import { SUBSTRATE_TABLES } from '../../src/schema/tables.ts';
import { forEachEngine, testEngine } from '../support/engines.ts';
import { expectRefused, rejection } from '../support/expect-code.ts';
import { addBeliefs, testId } from '../support/substrate-rows.ts';

/** Values at the edges of every column type. */
const EDGE_VALUES = `
  INSERT INTO beliefs (id, content, confidence, dimensions, domains, valid_from, valid_until, metadata, created_at, updated_at) VALUES
    ('${testId(1)}', E'\\u0001 line\\nfeed, tab\\t, 🦉 and \\u00e9', 0.1, '{"a": 0.30, "b": 1e-7}', '{a,"b,c",é}',
     '0044-03-15 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00', '{"z": null, "a": {"é": [1, 2.50, "x"]}}',
     '2026-01-02 03:04:05.000006+00', '2026-01-02 03:04:05.999999+00'),
    ('${testId(2)}', repeat('long ', 20000), '-0', NULL, '{}', NULL, NULL, '{}', '1970-01-01', '1970-01-01'),
    ('${testId(3)}', 'tiny', 1e-45, '{}', '{wordnet}', NULL, NULL, '{}', '1970-01-01', '1970-01-01');
  UPDATE beliefs SET content = 'changed' WHERE id = '${testId(3)}';
  INSERT INTO sources (id, type, external_id, title, created_at) VALUES ('${testId(4)}', 'book', 'isbn', NULL, '2026-01-01');
  INSERT INTO belief_sources (belief_id, source_id, created_at) VALUES ('${testId(1)}', '${testId(4)}', '2026-01-01');
  INSERT INTO belief_edges (id, source_id, target_id, type, weight, retired_at, created_at) VALUES
    ('${testId(5)}', '${testId(2)}', '${testId(1)}', 'contradicts', 0.7, NULL, '2026-01-01'),
    ('${testId(6)}', '${testId(1)}', '${testId(2)}', 'supersedes', 1, NULL, '2026-01-01'),
    ('${testId(7)}', '${testId(3)}', '${testId(2)}', 'derives_from', 0, '2026-01-02', '2026-01-01');
  INSERT INTO models (id, name, dimensions, created_at) VALUES ('${testId(8)}', 'm', 3, '2026-01-01');
  INSERT INTO belief_embeddings VALUES ('${testId(1)}', '${testId(8)}', '[0.1,-0,3e-45]'), ('${testId(2)}', '${testId(8)}', '[0,0,0]');`;

describe('COPY', () => {
  const engines = { pglite: testEngine('pglite'), postgres: testEngine('postgres') };

  test.for([
    ['pglite', 'postgres'],
    ['postgres', 'pglite'],
  ] as const)('carries every column from %s to %s and back, byte for byte', async ([from, to]) => {
    const [source, target] = [await engines[from].openMigrated(), await engines[to].openMigrated()];
    await source.execute(EDGE_VALUES);
    await target.transaction({}, async (session) => {
      for (const table of SUBSTRATE_TABLES) {
        const { columns, query } = await copyQuery(source, table);
        const rows = await session.copyIn(`${table} (${columns})`, source.copyOut(query));
        expect(rows, table).toBeGreaterThan(0);
      }
    });
    for (const table of SUBSTRATE_TABLES) {
      const { query } = await copyQuery(source, table);
      expect(await bytesOf(target, query), table).toEqual(await bytesOf(source, query));
    }
  });
});

forEachEngine('COPY', ({ engine, openMigrated }) => {
  test('hands out a result of any size in pieces', async () => {
    const database = await openMigrated();
    const query = "SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) i";
    let [pieces, bytes] = [0, 0];
    for await (const piece of database.copyOut(query)) {
      pieces += 1;
      bytes += piece.length;
    }
    expect(pieces).toBeGreaterThan(4);
    expect(bytes).toBe(19 + 5000 * (2 + 4 + 4 + 4 + 1000) + 2);
  });

  test('tells of a query that fails, at once or in the middle', async () => {
    const database = await openMigrated();
    await expectRefused(bytesOf(database, 'SELECT nothing FROM nowhere'), '42P01');
    await expectRefused(
      bytesOf(database, 'SELECT 1 / (5000 - i), repeat(chr(97), 100) FROM generate_series(1, 9000) i'),
      '22012',
    );
    expect(await bytesOf(database, 'SELECT 1')).toHaveLength(19 + 2 + 4 + 4 + 2);
    await expectRefused(
      database.transaction({}, (session) => bytesOf(session, 'SELECT 1 / 0')),
      '22012',
    );
    expect(await bytesOf(database, 'SELECT 1')).toHaveLength(19 + 2 + 4 + 4 + 2);
  });

  test('stops when its reader leaves or its signal is aborted', async () => {
    const database = await openMigrated();
    const query = "SELECT repeat('x', 1000) FROM generate_series(1, 20000)";
    for await (const piece of database.copyOut(query)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    const abort = new AbortController();
    const reason = new Error('enough');
    const reading = async (session: Session): Promise<void> => {
      for await (const piece of session.copyOut(query, abort.signal)) {
        expect(piece.length).toBeGreaterThan(0);
        abort.abort(reason);
      }
    };
    await expect(reading(database)).rejects.toBe(reason);
    await expect(database.transaction({}, reading)).rejects.toBe(reason);
    await addBeliefs(database, 1);
  });

  test('ends the transaction of a reader that left on a server, and only there', async () => {
    const database = await openMigrated();
    const leaving = database.transaction({}, async (session) => {
      for await (const piece of session.copyOut("SELECT repeat('x', 1000) FROM generate_series(1, 90000)")) {
        if (piece.length > 0) break;
      }
      await session.execute('SELECT 1');
    });
    if (engine === 'postgres') await rejection(leaving, 'database/unavailable');
    else await leaving;
    await addBeliefs(database, 1);
  });

  test('takes all rows or none', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2);
    const { query, columns } = await copyQuery(database, 'beliefs');
    const whole = await bytesOf(database, query);
    const target = `beliefs (${columns})`;
    await expectRefused(database.copyIn(target, inPieces(whole)), '23505');
    await database.execute(`DELETE FROM beliefs WHERE id = '${testId(1)}'`);
    await expectRefused(database.copyIn(target, inPieces(whole)), '23505');
    await database.execute('DELETE FROM beliefs');
    await expectRefused(database.copyIn(target, inPieces(whole.subarray(0, -20))), '22P04');
    await expectRefused(database.copyIn(target, inPieces(Buffer.from('not binary at all, not in any way'))), '22P04');
    expect(await database.copyIn(target, inPieces(whole))).toBe(2);
  });

  test('passes the failure of its source on unchanged, and a signal’s reason', async () => {
    const database = await openMigrated();
    const reason = new Error('source broke');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(0);
      throw reason;
    }
    await expect(database.copyIn('beliefs (id, content)', broken())).rejects.toBe(reason);
    await expect(database.transaction({}, (session) => session.copyIn('beliefs (id, content)', broken()))).rejects.toBe(
      reason,
    );
    const abort = new AbortController();
    async function* aborting(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('PGCOPY');
      abort.abort(reason);
      yield Buffer.from('\n');
    }
    await expect(database.copyIn('beliefs (id, content)', aborting(), abort.signal)).rejects.toBe(reason);
    await addBeliefs(database, 1);
  });
});

async function copyQuery(session: Session, table: string): Promise<{ columns: string; query: string }> {
  const { rows } = await sql<{ name: string }>`SELECT attname::text AS name FROM pg_attribute
    WHERE attrelid = ${table}::regclass AND attnum > 0 AND attgenerated = '' ORDER BY attnum`.execute(session.kysely);
  const columns = rows.map(({ name }) => name).join(', ');
  return {
    columns,
    query: `SELECT ${columns} FROM ${table} ORDER BY ${table === 'belief_versions' ? 'belief_id, version' : '1, 2'}`,
  };
}

async function bytesOf(session: Session, query: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of session.copyOut(query)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 7) yield bytes.subarray(start, start + 7);
}
