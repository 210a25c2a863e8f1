import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { snapshotSourceOf } from '../../src/graph/snapshot/snapshot-source.ts';
import { contentRootOf } from '../../src/pipeline/read-trees.ts';
import type { Database } from '../../src/schema/database.ts';
import { formatVector } from '../../src/schema/vector-text.ts';
import { testEngine } from '../support/engines.ts';
import { testId } from '../support/substrate-rows.ts';

/** The content root says what the rows say: not in which order they came, in which batches, or in which engine they lie. */

const pglite = testEngine('pglite');
const postgres = testEngine('postgres');
const TIME = '2026-01-02T03:04:05.000006Z';
const MODEL = testId(0xffffff);

const SECRETS = {
  contentIdKey: Buffer.alloc(32, 1),
  boundaryKey: Buffer.alloc(32, 2),
  indexKey: Buffer.alloc(32, 3),
  maskKey: Buffer.alloc(32, 4),
};

interface Row {
  readonly number: number;
  readonly content: string;
  readonly confidence: number;
  readonly domains: readonly string[];
  readonly supports: number;
}

const row: fc.Arbitrary<Row> = fc.record({
  number: fc.integer({ min: 1, max: 0xfffff }),
  content: fc.string({ minLength: 1, maxLength: 400, unit: 'grapheme' }).filter((text) => !text.includes('\0')),
  confidence: fc.float({ min: 0, max: 1, noNaN: true }),
  domains: fc.array(fc.constantFrom('a', 'b b', 'ü', '"'), { maxLength: 3 }),
  supports: fc.nat(),
});

const knowledge = fc
  .uniqueArray(row, { selector: (one) => one.number, minLength: 0, maxLength: 250 })
  .chain((rows) =>
    fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }), fc.integer({ min: 1, max: 90 })),
  );

async function insert(database: Database, rows: readonly Row[], all: readonly Row[], batch: number): Promise<void> {
  for (let start = 0; start < rows.length; start += batch) {
    const some = rows.slice(start, start + batch);
    const beliefs = some.map(({ number, content, confidence, domains }) => ({
      id: testId(number),
      content,
      confidence,
      domains,
      created_at: TIME,
    }));
    await database.kysely.insertInto('beliefs').values(beliefs).execute();
  }
  const vectors = rows.map(({ number, confidence }) => ({
    belief_id: testId(number),
    model_id: MODEL,
    embedding: formatVector([confidence, number, -1]),
  }));
  if (vectors.length > 0) await database.kysely.insertInto('belief_embeddings').values(vectors).execute();
  const edges = rows.flatMap(({ number, supports }) => {
    const target = all[supports % all.length]!.number;
    return target === number
      ? []
      : [
          {
            id: testId(0x1000000 + number),
            source_id: testId(number),
            target_id: testId(target),
            type: 'supports' as const,
            created_at: TIME,
          },
        ];
  });
  if (edges.length > 0) await database.kysely.insertInto('belief_edges').values(edges).execute();
}

async function rootAfter(
  database: Database,
  rows: readonly Row[],
  all: readonly Row[],
  batch: number,
): Promise<string> {
  await database.execute('TRUNCATE valence.beliefs, valence.models CASCADE');
  await database.kysely
    .insertInto('models')
    .values({ id: MODEL, name: 'm', dimensions: 3, created_at: TIME })
    .execute();
  await insert(database, rows, all, batch);
  await normalizeTimes(database);
  return snapshotSourceOf(database)(async (source) => toHex((await contentRootOf(source, SECRETS)).contentRoot));
}

/** `updated_at` is the moment of insertion, which the two databases cannot share; everything else is the test's. */
async function normalizeTimes(database: Database): Promise<void> {
  await database.execute(
    `ALTER TABLE valence.beliefs DISABLE TRIGGER USER; UPDATE valence.beliefs SET updated_at = '${TIME}'; ALTER TABLE valence.beliefs ENABLE TRIGGER USER`,
  );
}

test('any order, any batches, either engine: one content root', async () => {
  const [embedded, server] = [await pglite.openMigrated(), await postgres.openMigrated()];
  await fc.assert(
    fc.asyncProperty(knowledge, async ([rows, shuffled, batch]) => {
      const here = await rootAfter(embedded, rows, rows, 1000);
      expect(await rootAfter(server, shuffled, rows, batch)).toBe(here);
    }),
    { seed: 20261121, numRuns: process.env['SLOW'] === '1' ? 300 : 25 },
  );
});

test('one changed bit is another content root, and taking it back the same again', async () => {
  const database = await postgres.openMigrated();
  const rows = Array.from({ length: 120 }, (_, i) => ({
    number: i + 1,
    content: `belief ${i}`,
    confidence: 0.5,
    domains: ['d'],
    supports: i + 7,
  }));
  const root = await rootAfter(database, rows, rows, 50);
  const changed = rows.map((one) => (one.number === 60 ? { ...one, confidence: 0.5000001 } : one));
  expect(await rootAfter(database, changed, changed, 50)).not.toBe(root);
  expect(await rootAfter(database, rows.toReversed(), rows, 7)).toBe(root);
});
