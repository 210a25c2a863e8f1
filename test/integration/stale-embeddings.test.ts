import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../src/schema/database.ts';
import { migrate } from '../../src/schema/migrator.ts';
import { readMigrations } from '../../src/schema/migrations.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { forEachEngine } from '../support/engines.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { merge, rowsOf } from '../support/merging.ts';
import { beliefId, importLines } from '../support/sample-knowledge.ts';

const belief = (number: number, fields: object = {}): object => ({
  ...{ id: beliefId(number), content: `belief ${number}`, embeddings: { one: [number, 1], two: [number, 1, 1] } },
  ...fields,
});

const id = (number: number): string => `'${beliefId(number)}'`;

/** `3 one [3,1]` for each embedding. */
async function embeddings(database: Database): Promise<readonly string[]> {
  const { rows } = await sql<{ line: string }>`
    SELECT concat_ws(' ', ltrim(right(belief_id::text, 12), '0'), m.name, embedding) AS line
    FROM belief_embeddings JOIN models m ON m.id = model_id ORDER BY belief_id, m.name`.execute(database.kysely);
  return rows.map(({ line }) => line);
}

forEachEngine('embeddings of a belief whose content changes', ({ open, openMigrated }) => {
  async function withThree(): Promise<Database> {
    const database = await openMigrated();
    await importLines(database, [belief(1), belief(2), belief(3)]);
    return database;
  }

  const ALL = ['1 one [1,1]', '1 two [1,1,1]', '2 one [2,1]', '2 two [2,1,1]', '3 one [3,1]', '3 two [3,1,1]'];

  test.each([
    ['update', `UPDATE beliefs SET content = 'x' WHERE id = ${id(2)}`],
    [
      'upsert',
      `INSERT INTO beliefs (id, content) VALUES (${id(2)}, 'x'), (${id(9)}, 'y')
       ON CONFLICT (id) DO UPDATE SET content = excluded.content`,
    ],
    [
      'MERGE',
      `MERGE INTO beliefs b USING (VALUES (${id(2)}::uuid)) n (id) ON n.id = b.id WHEN MATCHED THEN UPDATE SET content = 'x'`,
    ],
    [
      'one among others that stay',
      `UPDATE beliefs SET content = CASE id WHEN ${id(2)} THEN 'x' ELSE content END, confidence = 0`,
    ],
  ])('go, of every model: by %s', async (_, statement) => {
    const database = await withThree();
    await database.execute(statement);
    expect(await embeddings(database)).toEqual(ALL.filter((line) => !line.startsWith('2')));
  });

  test('stay when anything else changes, and when nothing does', async () => {
    const database = await withThree();
    await database.execute(`UPDATE beliefs SET confidence = 0.5, status = 'disputed', domains = '{a}', metadata = '{"a": 1}';
      UPDATE beliefs SET content = content`);
    expect(await embeddings(database)).toEqual(ALL);
  });

  test('go in a statement that changes very many, after one that changed one', async () => {
    const database = await withThree();
    await database.execute(`
      INSERT INTO beliefs (id, content) SELECT gen_random_uuid(), 'many' FROM generate_series(1, 20000);
      INSERT INTO belief_embeddings (belief_id, model_id, embedding)
        SELECT b.id, m.id, '[1,1]' FROM beliefs b, models m WHERE b.content = 'many' AND m.name = 'one';
      UPDATE beliefs SET content = 'x' WHERE id = ${id(1)};
      UPDATE beliefs SET content = 'y' WHERE content = 'many'`);
    expect(await embeddings(database)).toEqual(ALL.filter((line) => !line.startsWith('1')));
  });

  test('are replaced by those that an import brings with the new content', async () => {
    const database = await withThree();
    const lines = [
      belief(1, { content: 'other', embeddings: { one: [7, 7] } }),
      belief(2, { content: 'other', embeddings: { one: [2, 1] } }),
      belief(3, { confidence: 0.5, embeddings: { one: [9, 9] } }),
    ];
    const counts = await importLines(database, lines, { onConflict: 'update' });
    expect(counts).toMatchObject({ updated: 3, embeddings: 3 });
    expect(await embeddings(database)).toEqual(['1 one [7,7]', '2 one [2,1]', '3 one [9,9]', '3 two [3,1,1]']);
  });

  test('are replaced by those of a snapshot that overwrites the content, and come to no other content', async () => {
    const rows = await rowsOf(await withThree());
    const database = await openMigrated();
    await importLines(database, [
      belief(1, { content: 'other' }),
      belief(2, { content: 'other', embeddings: { one: [5, 5], local: [1] } }),
      belief(3, { content: 'other', embeddings: {} }),
    ]);
    const { merged: kept } = await merge(database, rows);
    expect(kept?.left.belief_embeddings).toBe(4);
    const before = await embeddings(database);
    expect(before).toEqual(['1 one [1,1]', '1 two [1,1,1]', '2 local [1]', '2 one [5,5]']);
    const { plan, merged } = await merge(database, rows, { overwrite: true });
    // Counted by what the plan compared, whatever became of them in between.
    expect(plan.tables.belief_embeddings).toEqual({ new: 3, same: 2, conflicting: 1, left: 0 });
    expect(merged?.overwritten).toMatchObject({ beliefs: 3, belief_embeddings: 1 });
    expect(await embeddings(database)).toEqual(ALL);
    expect((await merge(database, rows, { overwrite: true })).plan.nothingToDo).toBe(true);
  });

  test('are what they were before a database is brought up to date', async () => {
    const database = await open();
    const shipped = await readMigrations();
    await migrate(database, shipped.slice(0, 4));
    await importLines(database, [belief(1), belief(2), belief(3)]);
    expect(await migrate(database)).toEqual({ from: 4, to: shipped.length });
    expect(await embeddings(database)).toEqual(ALL);
    await database.execute(`UPDATE beliefs SET content = 'x'`);
    expect(await embeddings(database)).toEqual([]);
  });
});

describe('embeddings on a server', () => {
  test('go also when a role changes the belief that has no right to them', async () => {
    await using fresh = await freshDatabase();
    await using database = await openDatabase({ url: fresh.url });
    await migrate(database);
    await importLines(database, [belief(1), belief(2)]);
    await database.transaction({}, async (session) => {
      await session.execute(`
        CREATE ROLE valence_test_writer;
        GRANT USAGE ON SCHEMA valence TO valence_test_writer;
        GRANT SELECT, UPDATE ON beliefs TO valence_test_writer;
        GRANT INSERT, SELECT ON belief_versions TO valence_test_writer;
        SET LOCAL ROLE valence_test_writer;
        UPDATE beliefs SET content = 'x' WHERE id = ${id(1)};
        RESET ROLE;
        DROP OWNED BY valence_test_writer;
        DROP ROLE valence_test_writer`);
    });
    expect(await embeddings(database)).toEqual(['2 one [2,1]', '2 two [2,1,1]']);
  });

  test('are left to the server they come from where rows are replicated', async () => {
    await using fresh = await freshDatabase();
    await using database = await openDatabase({ url: fresh.url });
    await migrate(database);
    await importLines(database, [belief(1)]);
    await database.transaction({}, (session) =>
      session.execute(`SET LOCAL session_replication_role = replica; UPDATE beliefs SET content = 'x'`),
    );
    expect(await embeddings(database)).toHaveLength(2);
  });
});
