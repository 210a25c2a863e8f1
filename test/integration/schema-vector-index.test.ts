import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../src/schema/database.ts';
import type { IndexedModel } from '../../src/schema/vector-index.ts';
import { buildVectorIndex, indexedType, missingVectorIndexes, vectorIndexName } from '../../src/schema/vector-index.ts';
import { forEachEngine, testEngine } from '../support/engines.ts';
import { addBeliefs, testId } from '../support/substrate-rows.ts';

forEachEngine('vector indexes', ({ openMigrated }) => {
  test.for([
    [3, 'vector(3)'],
    [2000, 'vector(2000)'],
    [2001, 'halfvec(2001)'],
    [4000, 'halfvec(4000)'],
  ] as const)('serve queries in %i dimensions', async ([dimensions, type]) => {
    const database = await openMigrated();
    const model = await addModel(database, 1, dimensions);
    expect(await missingVectorIndexes(database)).toEqual([model]);
    expect(await buildVectorIndex(database, model)).toBe('built');
    expect(await missingVectorIndexes(database)).toEqual([]);
    expect(await buildVectorIndex(database, model)).toBe('present');
    expect(indexedType(dimensions)?.type).toBe(type);
    expect(await plan(database, model)).toContain(`Index Scan using ${vectorIndexName(model.id)}`);
  });

  test('are not built above 4,000 dimensions', async () => {
    const database = await openMigrated();
    const model = await addModel(database, 1, 4001);
    expect(await missingVectorIndexes(database)).toEqual([]);
    expect(await buildVectorIndex(database, model)).toBe('none');
  });

  test('are one a model, also for models of equal dimensions', async () => {
    const database = await openMigrated();
    const [first, second] = [await addModel(database, 1, 3), await addModel(database, 2, 3)];
    await buildVectorIndex(database, first);
    expect(await missingVectorIndexes(database)).toEqual([second]);
    await buildVectorIndex(database, second);
    expect(await plan(database, second)).toContain(vectorIndexName(second.id));
  });
});

describe('vector indexes on a server', () => {
  const { openMigrated } = testEngine('postgres');

  test('are built again after an interruption', async () => {
    const database = await openMigrated();
    const model = await addModel(database, 1, 3);
    const duplicate = `CREATE UNIQUE INDEX CONCURRENTLY ${vectorIndexName(model.id)} ON belief_embeddings (dimensions)`;
    await expect(database.connection((session) => session.execute(duplicate))).rejects.toThrow(
      'could not create unique index',
    );
    expect(await missingVectorIndexes(database)).toEqual([model]);
    expect(await buildVectorIndex(database, model)).toBe('built');
    expect(await plan(database, model)).toContain(vectorIndexName(model.id));
  });

  test('are built by one process at a time', async () => {
    const database = await openMigrated();
    const model = await addModel(database, 1, 3);
    await database.connection(async (session) => {
      await session.execute(`SELECT pg_advisory_lock(hashtextextended('${vectorIndexName(model.id)}', 0))`);
      expect(await buildVectorIndex(database, model)).toBe('busy');
    });
    const outcomes = await Promise.all([1, 2, 3].map(() => buildVectorIndex(database, model)));
    expect(outcomes.filter((outcome) => outcome === 'built').length).toBeLessThanOrEqual(1);
    expect(await missingVectorIndexes(database)).toEqual([]);
  });
});

/** A model with three embeddings. */
async function addModel(database: Database, number: number, dimensions: number): Promise<IndexedModel> {
  const model = { id: testId(0xabc000 + number), name: `model ${number}`, dimensions };
  await addBeliefs(database, ...[1, 2, 3].map((belief) => number * 10 + belief));
  await database.kysely.insertInto('models').values(model).execute();
  await sql`INSERT INTO belief_embeddings (belief_id, model_id, embedding)
    SELECT id, ${model.id}::uuid, array_fill(random()::real, ARRAY[${sql.lit(dimensions)}])::vector FROM beliefs`.execute(
    database.kysely,
  );
  return model;
}

async function plan(database: Database, { id, dimensions }: IndexedModel): Promise<string> {
  const type = sql.raw(indexedType(dimensions)?.type ?? 'vector');
  return database.transaction({}, async (session) => {
    await session.execute('SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off');
    const { rows } = await sql<Record<string, string>>`EXPLAIN SELECT belief_id FROM belief_embeddings
      WHERE model_id = ${sql.lit(id)} ORDER BY embedding::${type} <=> array_fill(1, ARRAY[${sql.lit(dimensions)}])::vector::${type} LIMIT 2
    `.execute(session.kysely);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  });
}
