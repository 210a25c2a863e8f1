import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Session } from '../../src/schema/database.ts';
import { formatVector } from '../../src/schema/vector-text.ts';
import { forEachEngine } from '../support/engines.ts';
import { expectRefused } from '../support/expect-code.ts';
import { addBeliefs, addEdge, testId } from '../support/substrate-rows.ts';

const CHECK = '23514';
const UNIQUE = '23505';
const FOREIGN_KEY = '23503';
const INTEGRITY = '23000';

forEachEngine('constraints', ({ openMigrated }) => {
  const BAD_BELIEFS = [
    ['empty content', "content = ''"],
    ['confidence above 1', 'confidence = 1.01'],
    ['confidence below 0', 'confidence = -0.01'],
    ['confidence that is no number', "confidence = 'NaN'"],
    ['dimensions that are no object', "dimensions = '[]'"],
    ['a null domain', 'domains = ARRAY[NULL]::text[]'],
    ['an empty domain', "domains = ARRAY['']"],
    ['domains that do not count from 1', "domains = '[0:0]={a}'"],
    ['an unknown status', "status = 'maybe'"],
    ['infinite validity', "valid_until = 'infinity'"],
    ['validity that ends before it begins', "valid_from = '2026-01-02', valid_until = '2026-01-01'"],
    ['metadata that is no object', "metadata = '1'"],
    ['an infinite creation', "created_at = '-infinity'"],
  ] as const;

  test('refuses malformed beliefs', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1);
    for (const [, assignment] of BAD_BELIEFS) {
      await expectRefused(database.execute(`UPDATE beliefs SET ${assignment}`), CHECK);
    }
    await expectRefused(database.execute('UPDATE beliefs SET content = NULL'), '23502');
  });

  test('refuses malformed edges', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2);
    await addEdge(database, 1, 2);
    for (const assignment of [
      'weight = 2',
      'target_id = source_id',
      "type = 'likes'",
      "retired_at = 'infinity'",
      "metadata = 'null'",
    ]) {
      await expectRefused(database.execute(`UPDATE belief_edges SET ${assignment}`), CHECK);
    }
    await expectRefused(addEdge(database, 1, 3), FOREIGN_KEY);
    await expectRefused(database.execute(`DELETE FROM beliefs WHERE id = '${testId(1)}'`), FOREIGN_KEY);
  });

  test('never changes an id or the dimensions of a model', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2);
    await addEdge(database, 1, 2);
    await database.execute(`
      INSERT INTO sources (id, type, external_id) VALUES ('${testId(1)}', 'book', 'b');
      INSERT INTO models (id, name, dimensions) VALUES ('${testId(1)}', 'm', 3);`);
    for (const table of ['beliefs', 'sources', 'belief_edges', 'models']) {
      await expectRefused(database.execute(`UPDATE ${table} SET id = '${testId(99)}'`), INTEGRITY);
    }
    await expectRefused(database.execute('UPDATE models SET dimensions = 4'), INTEGRITY);
    await database.execute("UPDATE models SET name = 'n'");
  });

  test('keeps one live edge a triple, and any number of retired ones', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2);
    const first = await addEdge(database, 1, 2);
    const again = `INSERT INTO belief_edges (id, source_id, target_id, type) VALUES (gen_random_uuid(), '${testId(1)}', '${testId(2)}', 'supports')`;
    await expectRefused(database.execute(again), UNIQUE);
    await database.execute('UPDATE belief_edges SET retired_at = now()');
    await database.execute(again);
    await expectRefused(database.execute(`UPDATE belief_edges SET retired_at = NULL WHERE id = '${first}'`), UNIQUE);
    await addEdge(database, 1, 2, 'derives_from');
    await addEdge(database, 2, 1);
  });

  test('stores a contradiction once, whichever way it is written', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2);
    await addEdge(database, 2, 1, 'contradicts');
    const edges = database.kysely.selectFrom('belief_edges').select(['source_id', 'target_id']);
    expect(await edges.execute()).toEqual([{ source_id: testId(1), target_id: testId(2) }]);
    await expectRefused(addEdge(database, 1, 2, 'contradicts'), UNIQUE);
    await addEdge(database, 2, 1, 'supports');
    await expectRefused(database.execute("UPDATE belief_edges SET type = 'contradicts'"), UNIQUE);
  });

  test('takes an embedding of exactly its model', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1);
    const models = [
      { id: testId(1), name: 'small', dimensions: 3 },
      { id: testId(2), name: 'large', dimensions: 16000 },
    ];
    await database.kysely.insertInto('models').values(models).execute();
    await addEmbedding(database, 1, 3);
    await addEmbedding(database, 2, 16000);
    await expectRefused(addEmbedding(database, 3, 3), FOREIGN_KEY);
    await expectRefused(database.execute("UPDATE belief_embeddings SET embedding = '[1,2]'"), FOREIGN_KEY);
    await addBeliefs(database, 2);
    const moved = `UPDATE belief_embeddings SET belief_id = '${testId(2)}', model_id = '${testId(2)}' WHERE dimensions = 3`;
    await expectRefused(database.execute(moved), FOREIGN_KEY);
    await expectRefused(database.execute(`DELETE FROM models WHERE id = '${testId(1)}'`), FOREIGN_KEY);
    await database.execute('DELETE FROM beliefs');
    const { rows } = await sql`SELECT FROM belief_embeddings`.execute(database.kysely);
    expect(rows).toHaveLength(0);
  });

  test('keeps what a belief said before, and lets nobody rewrite it', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2);
    await database.execute("UPDATE beliefs SET content = 'second', confidence = 0.5");
    await database.execute("UPDATE beliefs SET content = 'second', version = 40, updated_at = 'epoch'");
    await database.execute(`UPDATE beliefs SET status = 'archived', version = 40 WHERE id = '${testId(1)}'`);
    const versions = database.kysely
      .selectFrom('belief_versions')
      .select(['belief_id', 'version', 'content', 'confidence', 'status']);
    expect(await versions.orderBy('belief_id').orderBy('version').execute()).toEqual([
      { belief_id: testId(1), version: 1, content: 'belief 1', confidence: 1, status: 'active' },
      { belief_id: testId(1), version: 2, content: 'second', confidence: 0.5, status: 'active' },
      { belief_id: testId(2), version: 1, content: 'belief 2', confidence: 1, status: 'active' },
    ]);
    const beliefs = database.kysely.selectFrom('beliefs').select('version').orderBy('id');
    expect(await beliefs.execute()).toEqual([{ version: 3 }, { version: 2 }]);

    await expectRefused(database.execute("UPDATE belief_versions SET content = 'x'"), INTEGRITY);
    await expectRefused(database.execute('DELETE FROM belief_versions'), INTEGRITY);
    await expectRefused(database.execute('TRUNCATE belief_versions'), INTEGRITY);
    await expectRefused(
      database.execute(`INSERT INTO belief_versions SELECT belief_id, 3, content, confidence, dimensions, domains, status,
        valid_from, valid_until, metadata, recorded_at FROM belief_versions WHERE version = 2`),
      INTEGRITY,
    );
    await database.execute(`DELETE FROM beliefs WHERE id = '${testId(1)}'`);
    expect(await versions.execute()).toHaveLength(1);
    await database.execute('TRUNCATE beliefs CASCADE');
    expect(await versions.execute()).toHaveLength(0);
  });
});

forEachEngine('supersession', ({ openMigrated }) => {
  test('makes its target superseded in the same transaction, and keeps it so', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2, 3);
    await database.execute(`UPDATE beliefs SET status = 'disputed' WHERE id = '${testId(3)}'`);
    await addEdge(database, 1, 2, 'supersedes');
    await addEdge(database, 1, 3, 'supersedes');
    expect(await statuses(database)).toEqual(['active', 'superseded', 'disputed']);
    await expectRefused(database.execute("UPDATE beliefs SET status = 'active'"), INTEGRITY);
    await database.execute("UPDATE belief_edges SET retired_at = now(); UPDATE beliefs SET status = 'active'");
    expect(await statuses(database)).toEqual(['active', 'active', 'active']);
    await database.execute('UPDATE belief_edges SET retired_at = NULL');
    expect(await statuses(database)).toEqual(['active', 'superseded', 'superseded']);
  });

  test('has no cycles, by insert, by update or in one statement', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2, 3, 4);
    await addEdge(database, 1, 2, 'supersedes');
    await addEdge(database, 2, 3, 'supersedes');
    await expectRefused(addEdge(database, 3, 1, 'supersedes'), INTEGRITY);
    await expectRefused(addEdge(database, 2, 1, 'supersedes'), INTEGRITY);
    const edge = await addEdge(database, 3, 1, 'derives_from');
    await expectRefused(
      database.execute(`UPDATE belief_edges SET type = 'supersedes' WHERE id = '${edge}'`),
      INTEGRITY,
    );
    await database.execute(`UPDATE belief_edges SET retired_at = now() WHERE source_id = '${testId(1)}'`);
    await database.execute(`UPDATE belief_edges SET type = 'supersedes' WHERE id = '${edge}'`);
    await expectRefused(database.execute('UPDATE belief_edges SET retired_at = NULL'), INTEGRITY);
    const pair = [
      { id: testId(101), source_id: testId(1), target_id: testId(4), type: 'supersedes' as const },
      { id: testId(102), source_id: testId(4), target_id: testId(3), type: 'supersedes' as const },
    ];
    await expectRefused(database.kysely.insertInto('belief_edges').values(pair).execute(), INTEGRITY);
  });

  test('takes a diamond and a long chain in one statement', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2, 3, 4);
    const diamond = [
      [1, 2],
      [1, 3],
      [2, 4],
      [3, 4],
    ] as const;
    await database.kysely
      .insertInto('belief_edges')
      .values(
        diamond.map(([source, target], index) => ({
          id: testId(100 + index),
          source_id: testId(source),
          target_id: testId(target),
          type: 'supersedes' as const,
        })),
      )
      .execute();
    // 3,000 links are 4.5 million steps for a search from each, and 3,000 for the algorithm we use.
    await database.execute(`
      INSERT INTO beliefs (id, content) SELECT md5('b' || i)::uuid, 'link' FROM generate_series(0, 3000) i;
      INSERT INTO belief_edges (id, source_id, target_id, type)
        SELECT md5('e' || i)::uuid, md5('b' || i)::uuid, md5('b' || i - 1)::uuid, 'supersedes' FROM generate_series(1, 3000) i`);
    const superseded = await database.kysely
      .selectFrom('beliefs')
      .select('id')
      .where('status', '=', 'superseded')
      .execute();
    expect(superseded).toHaveLength(3 + 3000);
    const closing = `INSERT INTO belief_edges (id, source_id, target_id, type) VALUES (gen_random_uuid(), md5('b0')::uuid, md5('b3000')::uuid, 'supersedes')`;
    await expectRefused(database.execute(closing), INTEGRITY);
  });

  test('refuses every write when its guard is gone', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2);
    await database.execute('DELETE FROM supersedes_guard');
    await expectRefused(addEdge(database, 1, 2, 'supersedes'), INTEGRITY);
    await expectRefused(database.execute('INSERT INTO supersedes_guard (only_row) VALUES (false)'), CHECK);
  });
});

async function addEmbedding(session: Session, model: number, dimensions: number): Promise<void> {
  const embedding = formatVector(new Float32Array(dimensions).fill(0.5));
  await session.kysely
    .insertInto('belief_embeddings')
    .values({ belief_id: testId(1), model_id: testId(model), embedding })
    .execute();
}

async function statuses(session: Session): Promise<readonly string[]> {
  const rows = await session.kysely.selectFrom('beliefs').select('status').orderBy('id').execute();
  return rows.map(({ status }) => status);
}
