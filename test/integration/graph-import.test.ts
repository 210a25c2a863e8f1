import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { uuidV5 } from '../../src/core/ids.ts';
import { fileInput } from '../../src/graph/lines/import-input.ts';
import { importInputs } from '../../src/graph/lines/import.ts';
import type { Database } from '../../src/schema/database.ts';
import { forEachEngine } from '../support/engines.ts';
import { beliefId, exported, failure, fixedMoment, importLines, input, SAMPLE } from '../support/sample-knowledge.ts';

const belief = (number: number, more: object = {}): object => ({
  id: beliefId(number),
  content: `belief ${number}`,
  ...more,
});
const edge = (source: number, target: number, type: string, more: object = {}): object => ({
  source: beliefId(source),
  target: beliefId(target),
  type,
  ...more,
});

async function rowsOf<T>(database: Database, query: string): Promise<readonly T[]> {
  return (await sql<T>`${sql.raw(query)}`.execute(database.kysely)).rows;
}

async function count(database: Database, table: string): Promise<number> {
  const [row] = await rowsOf<{ count: number }>(database, `SELECT count(*)::int AS count FROM valence.${table}`);
  return row!.count;
}

/** `line: reason` of what an import of these lines is refused for. */
async function problems(
  database: Database,
  lines: readonly unknown[],
  options: object = {},
): Promise<readonly string[]> {
  const { code, context } = await failure(importLines(database, lines, options));
  expect(code).toBe('import/invalid');
  return (context['problems'] as { line: number; reason: string }[]).map(({ line, reason }) => `${line}: ${reason}`);
}

forEachEngine('import', ({ openMigrated }) => {
  test('takes in every field and counts what came', async () => {
    const database = await openMigrated();
    const counts = await importLines(database, SAMPLE);
    expect(counts).toEqual({ beliefs: 9, edges: 5, sources: 2, embeddings: 3, folded: 0, skipped: 0, updated: 0 });
    const edges = await rowsOf<{ id: string }>(
      database,
      `SELECT id FROM valence.belief_edges WHERE type = 'contradicts' AND source_id = '${beliefId(3)}'`,
    );
    expect(edges).toEqual([{ id: uuidV5(`${beliefId(3)} ${beliefId(4)} contradicts`) }]);
    const sources = await rowsOf(database, `SELECT id, type FROM valence.sources WHERE external_id = 'isbn:1'`);
    expect(sources).toEqual([{ id: uuidV5('source book isbn:1'), type: 'book' }]);
    const [stored] = await rowsOf<{ valid_from: string }>(
      database,
      `SELECT valid_from FROM valence.beliefs WHERE id = '${beliefId(4)}'`,
    );
    expect(stored).toEqual({ valid_from: '2024-02-29T18:29:59.123456Z' });
  });

  test('gives ids where a line has none, and reads files with gzip and byte order mark', async () => {
    const database = await openMigrated();
    const folder = await mkdtemp(join(tmpdir(), 'valence-import-'));
    try {
      await writeFile(join(folder, 'a'), gzipSync('\ufeff{"content": "one"}\r\n\n   \n{"content": "two"}'));
      await writeFile(join(folder, 'b'), '{"content": "three", "embedding": [1, 2]}\n');
      const files = [fileInput(join(folder, 'a')), fileInput(join(folder, 'b'))];
      const counts = await importInputs(database, files, { ...fixedMoment(), model: 'two-numbers' });
      expect(counts).toMatchObject({ beliefs: 3, embeddings: 1 });
      const ids = await rowsOf<{ id: string }>(database, 'SELECT id FROM valence.beliefs');
      for (const { id } of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      expect(await rowsOf(database, 'SELECT name, dimensions FROM valence.models')).toEqual([
        { name: 'two-numbers', dimensions: 2 },
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('reports every bad line of every kind and imports nothing', async () => {
    const database = await openMigrated();
    await importLines(database, [belief(1), belief(2), edge(1, 2, 'supersedes')]);
    const found = await problems(database, [
      belief(10), // 1
      belief(11, { confidence: 1.5, domain: [] }), // 2
      belief(10), // 3
      edge(10, 11, 'supports'), // 4
      edge(10, 11, 'supports', { id: beliefId(500) }), // 5
      edge(10, 99, 'supports'), // 6
      edge(11, 11, 'supports'), // 7
      edge(2, 10, 'supersedes'), // 8
      edge(10, 1, 'supersedes'), // 9
      '{"content": "NaN", "confidence": NaN}', // 10
      { content: 'c', source: beliefId(1), target: beliefId(2) }, // 11
      { id: beliefId(3) }, // 12
      '[]', // 13
      belief(1), // 14
      belief(12, { embedding: [1] }), // 15
      belief(13, { embeddings: { m: [1, 2] } }), // 16
      belief(14, { embeddings: { m: [1, 2, 3] } }), // 17
    ]);
    expect(found).toEqual([
      expect.stringMatching(
        /^2: (?=.*confidence is not a number from 0 to 1)(?=.*unknown field "domain"; did you mean "domains"\?)/,
      ),
      '3: the same belief as line 1',
      '5: the same edge as line 4',
      `6: no belief has the id ${beliefId(99)}`,
      '7: target is the source: an edge joins two beliefs',
      '8: a belief would supersede itself, directly or through others',
      '9: a belief would supersede itself, directly or through others',
      expect.stringMatching(/^10: not JSON/),
      '11: both a belief (it has content) and an edge (it has source and target)',
      '12: neither a belief (it has no content) nor an edge (it has no source and target)',
      '13: not a JSON object',
      '14: the database has a belief with this id',
      '15: embedding does not say of which model: name it with --model',
      '17: embeddings."m" has 3 dimensions, the model "m" has 2',
    ]);
    expect(await count(database, 'beliefs')).toBe(2);
    expect(await count(database, 'models')).toBe(0);
  });

  test('tells the first hundred problems and counts the rest, and names files', async () => {
    const database = await openMigrated();
    const bad = Array.from({ length: 150 }, () => ({ content: '' }));
    const good = [belief(1)];
    const { context } = await failure(
      importInputs(database, [input(good, 'one'), input([belief(1), ...bad], 'two')], fixedMoment()),
    );
    const listed = context['problems'] as { file: string; line: number; reason: string }[];
    expect(context['total']).toBe(151);
    expect(listed).toHaveLength(100);
    expect(listed[0]).toEqual({ file: 'two', line: 1, reason: 'the same belief as line 1 of one' });
    expect(listed[99]).toEqual({ file: 'two', line: 100, reason: 'content is empty' });
  });

  test('folds mirrored and repeated contradictions into one', async () => {
    const database = await openMigrated();
    const lines = [
      belief(1),
      belief(2),
      edge(2, 1, 'contradicts', { weight: 0.5 }),
      edge(1, 2, 'contradicts'),
      edge(2, 1, 'contradicts'),
    ];
    expect(await importLines(database, lines)).toMatchObject({ edges: 1, folded: 2 });
    expect(await rowsOf(database, 'SELECT source_id, weight FROM valence.belief_edges')).toEqual([
      { source_id: beliefId(1), weight: 0.5 },
    ]);
    const again = await importLines(database, [edge(2, 1, 'contradicts')], { onConflict: 'skip' });
    expect(again).toMatchObject({ edges: 0, skipped: 1 });
  });

  test('superseding an active belief keeps what it was as a version', async () => {
    const database = await openMigrated();
    await importLines(database, [belief(1), belief(2), edge(1, 2, 'supersedes')]);
    expect(await rowsOf(database, 'SELECT status, version FROM valence.beliefs ORDER BY id')).toEqual([
      { status: 'active', version: 1 },
      { status: 'superseded', version: 2 },
    ]);
    expect(await count(database, 'belief_versions')).toBe(1);
  });

  test('on conflict: error, skip, update', async () => {
    const database = await openMigrated();
    const first = [belief(1, { metadata: { kept: true } }), belief(2), edge(1, 2, 'supports', { weight: 0.5 })];
    await importLines(database, first);
    const changed = [
      belief(1, { content: 'changed', provenance: { source_type: 'a', source_id: 'b' }, embeddings: { m: [1] } }),
      belief(2),
      belief(3),
      edge(1, 2, 'supports', { id: beliefId(900), weight: 0.75 }),
    ];
    expect(await problems(database, changed)).toEqual([
      '1: the database has a belief with this id',
      '2: the database has a belief with this id',
      '4: the database has this edge under another id',
    ]);
    const before = await exported(database, true);
    expect(await importLines(database, changed, { onConflict: 'skip' })).toMatchObject({
      ...{ beliefs: 1, edges: 0, sources: 0, embeddings: 0, skipped: 3, updated: 0 },
    });
    expect((await exported(database, true)).filter((line) => before.includes(line))).toEqual(before);
    expect(await importLines(database, changed, { onConflict: 'update' })).toMatchObject({
      ...{ beliefs: 0, edges: 0, sources: 1, embeddings: 1, skipped: 2, updated: 2 },
    });
    expect(
      await rowsOf(database, `SELECT content, metadata, version FROM valence.beliefs WHERE id = '${beliefId(1)}'`),
    ).toEqual([{ content: 'changed', metadata: { kept: true }, version: 2 }]);
    expect(await rowsOf(database, 'SELECT weight, id FROM valence.belief_edges')).toEqual([
      { weight: 0.75, id: uuidV5(`${beliefId(1)} ${beliefId(2)} supports`) },
    ]);
    expect(await importLines(database, changed, { onConflict: 'update' })).toMatchObject({ updated: 0, skipped: 4 });
  });

  test('update: an edge retired by its line makes room for another in the same import; wrong updates are refused', async () => {
    const database = await openMigrated();
    await importLines(database, [belief(1, { valid_from: '2025-01-01T00:00:00Z' }), belief(2), edge(1, 2, 'supports')]);
    const id = uuidV5(`${beliefId(1)} ${beliefId(2)} supports`);
    const lines = [
      edge(1, 2, 'supports', { id, retired_at: '2026-01-01T00:00:00Z' }),
      edge(1, 2, 'supports', { id: beliefId(901), weight: 0.5 }),
    ];
    expect(await importLines(database, lines, { onConflict: 'update' })).toMatchObject({ edges: 1, updated: 1 });
    const wrong = [edge(2, 1, 'supports', { id: beliefId(901) }), belief(1, { valid_until: '2024-01-01T00:00:00Z' })];
    expect(await problems(database, wrong, { onConflict: 'update' })).toEqual([
      '1: the database has this id for an edge of other ends or type',
      '2: with what is stored, valid_until is not after valid_from',
    ]);
  });

  test('a model keeps its dimension, and an input that cannot be read says so', async () => {
    const database = await openMigrated();
    await importLines(database, [belief(1, { embedding: [1, 2, 3] })], { model: 'm' });
    expect(await problems(database, [belief(2, { embedding: [1, 2] })], { model: 'm' })).toEqual([
      '1: embedding has 2 dimensions, the model "m" has 3',
    ]);
    const missing = importInputs(database, [fileInput('/nonexistent/file')], fixedMoment());
    expect((await failure(missing)).code).toBe('import/invalid');
    const truncated = gzipSync(JSON.stringify(belief(7))).subarray(0, 30);
    const cut = {
      name: 'cut',
      async *open() {
        yield truncated;
      },
    };
    expect((await failure(importInputs(database, [cut], fixedMoment()))).code).toBe('import/invalid');
  });
});
