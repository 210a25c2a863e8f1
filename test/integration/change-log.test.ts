import { beforeEach, describe, expect, test } from 'vitest';
import { openSnapshotSource } from '../../src/graph/snapshot/snapshot-source.ts';
import type { Database } from '../../src/schema/database.ts';
import { migrate } from '../../src/schema/migrator.ts';
import { differences, expectCovers, goodPosition, seeState, toldSince } from '../support/change-states.ts';
import type { Told } from '../support/change-states.ts';
import { forEachEngine } from '../support/engines.ts';
import { importLines } from '../support/sample-knowledge.ts';
import { addBeliefs, addEdge, testId } from '../support/substrate-rows.ts';

const MODEL = testId(0xa0);
const OTHER_MODEL = testId(0xa1);
const SOURCE = testId(0xb0);

/** Keys as the log tells them, from UUIDs and texts. */
function key(...parts: readonly (string | number)[]): string {
  return parts
    .map((part) => {
      if (typeof part === 'number') return part.toString(16).padStart(8, '0');
      return /^[0-9a-f]{8}-/.test(part) ? part.replaceAll('-', '') : Buffer.from(part).toString('hex').padEnd(32, '0');
    })
    .join('');
}

forEachEngine('the change log', ({ openMigrated }) => {
  let database: Database;

  beforeEach(async () => {
    database = await openMigrated();
    await addBeliefs(database, 1, 2, 3, 4, 5);
    await addEdge(database, 1, 2);
    await addEdge(database, 3, 4, 'derives_from');
    await database.execute(`
      UPDATE beliefs SET content = 'changed' WHERE id = '${testId(1)}';
      INSERT INTO sources (id, type, external_id) VALUES ('${SOURCE}', 'book', '1');
      INSERT INTO belief_sources (belief_id, source_id) VALUES ('${testId(1)}', '${SOURCE}');
      INSERT INTO models (id, name, dimensions) VALUES ('${MODEL}', 'small', 2), ('${OTHER_MODEL}', 'other', 2);
      INSERT INTO belief_embeddings (belief_id, model_id, embedding)
        VALUES ('${testId(1)}', '${MODEL}', '[1,2]'), ('${testId(1)}', '${OTHER_MODEL}', '[1,2]'), ('${testId(2)}', '${MODEL}', '[3,4]');`);
  });

  /** What the log tells of these statements, after seeing that no difference is missing. */
  async function toldOf(act: () => Promise<unknown>): Promise<Told> {
    const before = await seeState(database);
    await act();
    const told = await toldSince(database, before.position);
    expectCovers(told, before, await seeState(database));
    return told;
  }

  const toldOfSql = (statements: string): Promise<Told> => toldOf(() => database.execute(statements));

  describe('tells the keys that were touched by', () => {
    test('nothing', async () => {
      expect(await toldOfSql('SELECT 1; UPDATE beliefs SET content = content WHERE false')).toEqual({});
    });

    test('insert', async () => {
      expect(await toldOf(() => addBeliefs(database, 8, 7))).toEqual({ beliefs: [key(testId(7)), key(testId(8))] });
    });

    test('update, with the version that a trigger keeps', async () => {
      expect(
        await toldOfSql(`UPDATE beliefs SET confidence = 0.5 WHERE id IN ('${testId(1)}', '${testId(2)}')`),
      ).toEqual({
        beliefs: [key(testId(1)), key(testId(2))],
        belief_versions: [key(testId(1), 2), key(testId(2), 1)],
      });
    });

    test('update of what beliefs say, whose embeddings go', async () => {
      expect(
        await toldOfSql(`UPDATE beliefs SET content = 'other', confidence = 0.5 WHERE id = '${testId(1)}';
          UPDATE beliefs SET confidence = 0.5 WHERE id = '${testId(2)}'`),
      ).toEqual({
        beliefs: [key(testId(1)), key(testId(2))],
        belief_versions: [key(testId(1), 2), key(testId(2), 1)],
        [`belief_embeddings/${MODEL}`]: [key(testId(1))],
        [`belief_embeddings/${OTHER_MODEL}`]: [key(testId(1))],
      });
    });

    test('update of the key of an edge', async () => {
      const id = await addEdge(database, 1, 3);
      expect(await toldOfSql(`UPDATE belief_edges SET target_id = '${testId(4)}' WHERE id = '${id}'`)).toEqual({
        belief_edges: [3, 4].map((target) => key(testId(1), 'supports', testId(target), id)),
        belief_edges_reverse: [3, 4].map((target) => key(testId(target), 'supports', testId(1), id)),
      });
    });

    test('an edge that a trigger turns round, and one that retires its target', async () => {
      const mirrored = await toldOf(() => addEdge(database, 5, 2, 'contradicts'));
      expect(JSON.stringify(mirrored)).toContain(key(testId(2), 'contradicts', testId(5)));
      expect(await toldOf(() => addEdge(database, 5, 4, 'supersedes'))).toMatchObject({
        beliefs: [key(testId(4))],
        belief_versions: [key(testId(4), 1)],
      });
    });

    test('delete, and what goes with it', async () => {
      await database.execute(`DELETE FROM belief_edges`);
      expect(
        await toldOfSql(`DELETE FROM beliefs WHERE id IN ('${testId(1)}', '${testId(2)}', '${testId(9)}')`),
      ).toEqual({
        beliefs: [key(testId(1)), key(testId(2))],
        belief_versions: [key(testId(1), 1)],
        belief_sources: [key(testId(1), SOURCE)],
        [`belief_embeddings/${MODEL}`]: [key(testId(1)), key(testId(2))],
        [`belief_embeddings/${OTHER_MODEL}`]: [key(testId(1))],
      });
    });

    test('a model that goes, and comes again', async () => {
      await database.execute(`DELETE FROM belief_embeddings WHERE model_id = '${OTHER_MODEL}'`);
      const before = await goodPosition(database);
      await database.execute(`DELETE FROM models WHERE id = '${OTHER_MODEL}'`);
      expect(await toldSince(database, before)).toEqual({ models: [key(OTHER_MODEL)] });
      await database.execute(`
        INSERT INTO models (id, name, dimensions) VALUES ('${OTHER_MODEL}', 'other', 3);
        INSERT INTO belief_embeddings (belief_id, model_id, embedding) VALUES ('${testId(5)}', '${OTHER_MODEL}', '[1,2,3]')`);
      expect(await toldSince(database, before)).toEqual({
        models: [key(OTHER_MODEL)],
        [`belief_embeddings/${OTHER_MODEL}`]: [key(testId(5))],
      });
    });

    test('truncate', async () => {
      expect(await toldOfSql('TRUNCATE belief_edges')).toEqual({ belief_edges: 'all', belief_edges_reverse: 'all' });
      expect(await toldOfSql('TRUNCATE belief_embeddings')).toEqual({
        [`belief_embeddings/${MODEL}`]: 'all',
        [`belief_embeddings/${OTHER_MODEL}`]: 'all',
      });
      expect(await toldOfSql('TRUNCATE beliefs CASCADE')).toEqual({
        beliefs: 'all',
        belief_versions: 'all',
        belief_sources: 'all',
        belief_edges: 'all',
        belief_edges_reverse: 'all',
        [`belief_embeddings/${MODEL}`]: 'all',
        [`belief_embeddings/${OTHER_MODEL}`]: 'all',
      });
    });

    test('COPY and bulk import', async () => {
      const state = await seeState(database);
      const copied: Uint8Array[] = [];
      await database.transaction({ mode: 'snapshot' }, async (session) => {
        const query = `SELECT gen_random_uuid(), 'copied ' || i FROM generate_series(1, 1200) i`;
        for await (const piece of session.copyOut(query)) copied.push(piece);
      });
      const told = await toldOf(() =>
        database.copyIn(
          'beliefs (id, content)',
          (async function* () {
            yield* copied;
          })(),
        ),
      );
      expect((told as { beliefs: readonly string[] }).beliefs).toHaveLength(1200);
      await toldOf(() =>
        importLines(database, [
          {
            id: testId(50),
            content: 'imported',
            embeddings: { new: [1, 2, 3] },
            provenance: { source_type: 'book', source_id: '2' },
          },
          { id: testId(51), content: 'imported, too' },
          { source: testId(50), target: testId(51), type: 'supports' },
        ]),
      );
      expectCovers(await toldSince(database, state.position), state, await seeState(database));
    });

    test('INSERT … ON CONFLICT', async () => {
      const insert = `INSERT INTO beliefs (id, content) VALUES ('${testId(1)}', 'x'), ('${testId(9)}', 'y') ON CONFLICT (id)`;
      expect(await toldOfSql(`${insert} DO NOTHING`)).toEqual({ beliefs: [key(testId(9))] });
      expect(
        await toldOfSql(`${insert} DO UPDATE SET content = excluded.content WHERE beliefs.id = '${testId(1)}'`),
      ).toEqual({
        beliefs: [key(testId(1))],
        belief_versions: [key(testId(1), 2)],
        [`belief_embeddings/${MODEL}`]: [key(testId(1))],
        [`belief_embeddings/${OTHER_MODEL}`]: [key(testId(1))],
      });
    });

    test('MERGE', async () => {
      const merge = `MERGE INTO beliefs b USING (VALUES ('${testId(1)}'::uuid), ('${testId(2)}'), ('${testId(6)}')) AS n (id) ON n.id = b.id
        WHEN MATCHED AND b.id = '${testId(1)}' THEN UPDATE SET content = 'merged'
        WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (id, content) VALUES (n.id, 'new')`;
      expect(await toldOfSql(merge)).toMatchObject({ beliefs: [key(testId(1)), key(testId(6))] });
    });

    test('statements with session_replication_role = replica, which fires few triggers', async () => {
      const told = await toldOf(() =>
        database.transaction({}, (session) =>
          session.execute(`
            SET LOCAL session_replication_role = replica;
            INSERT INTO beliefs (id, content) VALUES ('${testId(6)}', 'x');
            UPDATE beliefs SET id = '${testId(7)}' WHERE id = '${testId(5)}';
            DELETE FROM belief_sources`),
        ),
      );
      expect(told).toEqual({
        beliefs: [5, 6, 7].map((number) => key(testId(number))),
        belief_sources: [key(testId(1), SOURCE)],
      });
    });
  });

  test('tells nothing of what was undone, and all of what was kept', async () => {
    const told = await toldOf(async () => {
      await expect(
        database.transaction({}, async (session) => {
          await addBeliefs(session, 6);
          throw new Error('undone');
        }),
      ).rejects.toThrow('undone');
      await database.transaction({}, async (session) => {
        await addBeliefs(session, 7);
        await session.execute('SAVEPOINT a');
        await addBeliefs(session, 8);
        await session.execute('SAVEPOINT b');
        await addBeliefs(session, 9);
        await session.execute('RELEASE b; ROLLBACK TO a');
        await addBeliefs(session, 10);
        await session.execute('SAVEPOINT c');
        await addBeliefs(session, 11);
        await session.execute('RELEASE c');
      });
    });
    expect(told).toEqual({ beliefs: [7, 10, 11].map((number) => key(testId(number))) });
  });

  test('tells each snapshot what it alone has not seen', async () => {
    const first = await goodPosition(database);
    await addBeliefs(database, 6);
    const second = await goodPosition(database);
    await addBeliefs(database, 7);
    expect(await toldSince(database, first)).toEqual({ beliefs: [key(testId(6)), key(testId(7))] });
    expect(await toldSince(database, second)).toEqual({ beliefs: [key(testId(7))] });
    expect(await toldSince(database, await goodPosition(database))).toEqual({});
  });

  test('is trusted again by a position after something it rests on was changed, not before', async () => {
    const before = await goodPosition(database);
    await database.execute('CREATE INDEX ON beliefs (created_at); ANALYZE');
    await database.execute('VACUUM beliefs');
    expect(await toldSince(database, before)).toEqual({});
    const changed = 'a table, or a trigger of the change log, was changed';
    const off = 'a trigger of the change log is missing, changed or switched off';
    for (const [change, undo, meanwhile] of [
      ['ALTER TABLE beliefs DISABLE TRIGGER log_update', 'ALTER TABLE beliefs ENABLE ALWAYS TRIGGER log_update', off],
      ['ALTER TABLE sources ENABLE TRIGGER log_insert', 'ALTER TABLE sources ENABLE ALWAYS TRIGGER log_insert', off],
      [
        'ALTER TABLE models DISABLE TRIGGER log_replicated_row',
        'ALTER TABLE models ENABLE REPLICA TRIGGER log_replicated_row',
        off,
      ],
      [
        'ALTER FUNCTION valence_catalog.log_beliefs() SECURITY INVOKER',
        'ALTER FUNCTION valence_catalog.log_beliefs() SECURITY DEFINER',
        off,
      ],
      ['CREATE TABLE child () INHERITS (belief_sources)', 'DROP TABLE child', off],
      [
        'CREATE RULE r AS ON INSERT TO valence_catalog.changes DO INSTEAD NOTHING',
        'DROP RULE r ON valence_catalog.changes',
        off,
      ],
      ['ALTER TABLE sources ALTER title TYPE varchar', 'ALTER TABLE sources ALTER title TYPE text', changed],
    ] as const) {
      const trusted = await goodPosition(database);
      await database.execute(change);
      expect([change, await toldSince(database, trusted)]).toEqual([change, meanwhile]);
      await database.execute(undo);
      const again = await goodPosition(database);
      if (!change.startsWith('CREATE')) expect([undo, await toldSince(database, trusted)]).toEqual([undo, changed]);
      expect(await toldSince(database, again)).toEqual({});
    }
    await database.execute('ALTER TABLE beliefs DISABLE TRIGGER ALL; ALTER TABLE beliefs ENABLE TRIGGER ALL');
    expect(await toldSince(database, before)).toBe(off);
    await database.execute('DROP TRIGGER log_truncate ON beliefs');
    expect(await toldSince(database, before)).toBe(off);
  });

  test('is not trusted about another database, another schema, or a time it no longer covers', async () => {
    const position = await goodPosition(database);
    const fields = JSON.parse(position) as Record<string, unknown>;
    const told = (change: Record<string, unknown>): Promise<Told> =>
      toldSince(database, JSON.stringify({ ...fields, ...change }));
    expect(await told({})).toEqual({});
    expect(await told({ system: '1' })).toBe('the database was restored or moved');
    expect(await told({ database: '1' })).toBe('the database was restored or moved');
    expect(await told({ timeline: '0000000F' })).toBe("the server's timeline changed");
    expect(await told({ schemaVersion: 1 })).toBe('the schema was migrated');
    expect(await told({ epoch: testId(1) })).toBe('the change log had to be begun anew');
    expect(await told({ snapshot: '900000:900000:' })).toBe('the database was set back to an earlier state');
    const unreadable = 'what is remembered of the last snapshot cannot be read';
    for (const text of ['', 'x', 'null', '[]', '{}', '"a"', position.slice(1)]) {
      expect(await toldSince(database, text)).toBe(unreadable);
    }
    for (const snapshot of [7, '', '1:2', '5:4:', '1:9:9', '1:9:3,2', '0:9:', "1:2:'", `1:${'9'.repeat(20)}:`]) {
      expect(await told({ snapshot })).toBe(unreadable);
    }
    for (const field of Object.keys(fields)) expect(await told({ [field]: undefined })).toBe(unreadable);
  });

  test('says so of an entry that makes no sense', async () => {
    const position = await goodPosition(database);
    await database.execute(`INSERT INTO valence_catalog.changes (tree, keys) VALUES (1, '\\x00')`);
    expect(await toldSince(database, position)).toBe('the change log holds an entry that makes no sense');
  });

  test('is begun anew when somebody takes entries out', async () => {
    for (const statement of ['TRUNCATE', 'DELETE FROM', 'UPDATE']) {
      const position = await goodPosition(database);
      await addBeliefs(database, 20 + statement.length);
      await database.execute(`${statement} valence_catalog.changes${statement === 'UPDATE' ? ' SET keys = NULL' : ''}`);
      expect(await toldSince(database, position)).toBe('the change log had to be begun anew');
      expect(await toldSince(database, await goodPosition(database))).toEqual({});
    }
  });

  test('a state with changes of its own is no position', async () => {
    await database.transaction({}, async (session) => {
      expect((await openSnapshotSource(session, '')).position).not.toBeNull();
      await addBeliefs(session, 6);
      expect((await openSnapshotSource(session, '')).position).toBeNull();
    });
  });

  test('is the same on a database that was set up twice', async () => {
    const position = await goodPosition(database);
    await migrate(database);
    expect(await toldSince(database, position)).toEqual({});
    expect(differences(await seeState(database), await seeState(database))).toEqual({});
  });
});
