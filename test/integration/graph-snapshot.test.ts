import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { SnapshotSink, SnapshotSource } from '../../src/core/ports.ts';
import { substrateDigest } from '../../src/graph/snapshot/digest.ts';
import { snapshotSinkInto } from '../../src/graph/snapshot/snapshot-sink.ts';
import { snapshotSourceOf } from '../../src/graph/snapshot/snapshot-source.ts';
import type { Database } from '../../src/schema/database.ts';
import { buildVectorIndex, missingVectorIndexes } from '../../src/schema/vector-index.ts';
import { forEachEngine } from '../support/engines.ts';
import { beliefId, digestOf, exported, failure, importLines, SAMPLE } from '../support/sample-knowledge.ts';

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of stream) all.push(piece);
  return Buffer.concat(all);
}

/** Loads every tree of a source but those left out; gives the number of rows. */
async function copyAll(source: SnapshotSource, sink: SnapshotSink, leaveOut: readonly string[] = []): Promise<number> {
  let rows = 0;
  for (const tree of source.trees) {
    if (tree.name.endsWith('_reverse') || leaveOut.includes(tree.name)) continue;
    rows += await sink.load(tree, pieces(await bytesOf(source.rows(tree))));
  }
  return rows;
}

/** In pieces that end in the middle of tuples. */
async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let start = 0; start < bytes.length; start += 1009) yield bytes.subarray(start, start + 1009);
}

async function catalogOf(database: Database): Promise<readonly string[]> {
  const { rows } = await sql<{ line: string }>`
    SELECT concat_ws(' ', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid)) AS line FROM pg_constraint
      WHERE connamespace = 'valence'::regnamespace
    UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
      WHERE relnamespace = 'valence'::regnamespace
    UNION ALL SELECT concat_ws(' ', tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t JOIN pg_class ON pg_class.oid = tgrelid
      WHERE relnamespace = 'valence'::regnamespace AND NOT tgisinternal
    UNION ALL SELECT concat_ws(' ', table_name, column_name, is_nullable, column_default) FROM information_schema.columns
      WHERE table_schema = 'valence'
    ORDER BY 1`.execute(database.kysely);
  return rows.map(({ line }) => line);
}

forEachEngine('snapshot source and sink', ({ engine, open, openMigrated }) => {
  test('copies everything, and leaves keys, indexes and triggers as a migration makes them', async () => {
    const [first, second, plain] = [await openMigrated(), await open(), await openMigrated()];
    await importLines(first, SAMPLE);
    const copied = await snapshotSourceOf(first)((source) => {
      expect(source.trees.map(({ name }) => name)).toEqual([
        ...[
          'beliefs',
          'belief_versions',
          'sources',
          'belief_sources',
          'belief_edges',
          'belief_edges_reverse',
          'models',
        ],
        ...['belief_embeddings', 'belief_embeddings'],
      ]);
      expect(source.engine).toBe(first.version);
      return snapshotSinkInto(second)(async (sink) => {
        const rows = await copyAll(source, sink);
        const report = await sink.settle();
        return { rows, report, written: await substrateDigest(sink.written) };
      });
    });
    expect(copied.report.orphanEdges).toEqual([]);
    expect(copied.rows).toBe(Object.values(copied.written.counts).reduce((sum, rows) => sum + rows, 0));
    expect(copied.written.counts).toMatchObject({ beliefs: 9, belief_edges: 5, belief_embeddings: 3, models: 2 });
    expect(copied.written.digest).toBe(await digestOf(first));
    expect(await digestOf(second)).toBe(await digestOf(first));
    expect(await exported(second, true)).toEqual(await exported(first, true));
    expect(await catalogOf(second)).toEqual(await catalogOf(plain));
    for (const model of await missingVectorIndexes(second)) expect(await buildVectorIndex(second, model)).toBe('built');
  });

  test('rows come in key order, in as many streams as it takes', async () => {
    const database = await openMigrated();
    const many = Array.from({ length: 9000 }, (_, number) => ({
      id: beliefId((number * 7919) % 9000),
      content: `b${number}`,
    }));
    await importLines(database, many);
    await snapshotSourceOf(database)(async (source) => {
      const bytes = Buffer.from(await bytesOf(source.rows({ name: 'beliefs' })));
      const streams = bytes.toString('latin1').split('PGCOPY\n').length - 1;
      expect(streams).toBe(engine === 'postgres' ? 1 : 3);
      expect((await substrateDigest(source)).counts['beliefs']).toBe(9000);
    });
  });

  test('orphans are taken out and given back', async () => {
    const [first, second] = [await openMigrated(), await openMigrated()];
    await importLines(first, SAMPLE);
    const lost = await snapshotSourceOf(first)((source) =>
      snapshotSinkInto(second)(async (sink) => {
        await copyAll(source, sink, ['beliefs', 'models']);
        return (await sink.settle()).orphanEdges;
      }),
    );
    const tables = lost.map((row) =>
      row['table'] === undefined ? 'belief_edges' : JSON.stringify(row['table']).slice(1, -1),
    );
    expect(tables.toSorted()).toEqual([
      ...Array<string>(5).fill('belief_edges'),
      ...Array<string>(3).fill('belief_embeddings'),
      ...Array<string>(3).fill('belief_sources'),
    ]);
    const edges = (await exported(first, true)).filter((line) => line.startsWith('{"source":'));
    expect(
      lost
        .filter((row) => row['table'] === undefined)
        .map((row) => JSON.stringify(row))
        .toSorted(),
    ).toEqual(edges.map((line) => JSON.stringify(JSON.parse(line))).toSorted());
    expect(await exported(second, true)).toHaveLength(2);
  });

  test('refuses a target with rows, and leaves nothing when it fails', async () => {
    const [first, second] = [await openMigrated(), await open()];
    await importLines(first, SAMPLE);
    const again = snapshotSinkInto(first)(() => Promise.reject(new Error('not reached')));
    expect((await failure(again)).code).toBe('database/target-not-empty');
    await snapshotSourceOf(first)(async (source) => {
      const failing = snapshotSinkInto(second)(async (sink) => {
        await copyAll(source, sink);
        throw new Error('power cut');
      });
      await expect(failing).rejects.toThrow('power cut');
      const unsettled = snapshotSinkInto(second)(async (sink) => copyAll(source, sink));
      expect((await failure(unsettled)).code).toBe('internal/invariant');
      const repeated = snapshotSinkInto(second)(async (sink) => {
        await copyAll(source, sink);
        await sink.load({ name: 'belief_edges' }, pieces(await bytesOf(source.rows({ name: 'belief_edges' }))));
        return sink.settle();
      });
      expect((await failure(repeated)).code).toBe('database/failed');
    });
    expect(await exported(second, true)).toEqual([]);
    expect(await catalogOf(second)).toEqual(await catalogOf(first));
  });
});
