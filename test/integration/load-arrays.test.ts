import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { uuidText } from '../../src/core/ids.ts';
import type { GraphArrays, Validity } from '../../src/graph/arrays/graph-arrays.ts';
import { beliefId, edgeId } from '../../src/graph/arrays/graph-arrays.ts';
import { loadArrays } from '../../src/graph/arrays/load-arrays.ts';
import { FOR_EVER, SINCE_EVER } from '../../src/graph/arrays/validity.ts';
import { BELIEF_STATUSES, EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import { parseTimestamp } from '../../src/graph/records/timestamp.ts';
import type { Database } from '../../src/schema/database.ts';
import { forEachEngine } from '../support/engines.ts';
import { rejection } from '../support/expect-code.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { addBeliefs, addEdge, testId } from '../support/substrate-rows.ts';

const load = (database: Database, known_at?: string): Promise<GraphArrays> =>
  database.transaction({ mode: 'snapshot' }, (session) => loadArrays(session, { known_at }));

const window = (validity: Validity | null, number: number): readonly (bigint | null)[] =>
  validity === null ? [null, null] : [validity.from[number]!, validity.until[number]!];

/** What the arrays hold, as rows of texts and numbers. */
function rowsOf(arrays: GraphArrays): { beliefs: unknown[]; edges: unknown[] } {
  const { beliefs, edges } = arrays;
  return {
    beliefs: Array.from({ length: beliefs.count }, (_, n) => [
      beliefId(arrays, n),
      beliefs.confidence[n],
      BELIEF_STATUSES[beliefs.status[n]!],
      ...window(beliefs.validity, n),
    ]),
    edges: Array.from({ length: edges.count }, (_, n) => [
      edgeId(arrays, n),
      beliefId(arrays, edges.source[n]!),
      beliefId(arrays, edges.target[n]!),
      EDGE_TYPES[edges.type[n]!],
      edges.weight[n],
      ...window(edges.validity, n),
    ]),
  };
}

const time = (text: string): bigint => parseTimestamp(text)!;

forEachEngine('arrays of a graph', ({ openMigrated }) => {
  test('of an empty base are empty', async () => {
    const arrays = await load(await openMigrated());
    expect(rowsOf(arrays)).toEqual({ beliefs: [], edges: [] });
    expect([arrays.beliefs.validity, arrays.edges.validity, arrays.edges.orphans]).toEqual([null, null, 0]);
    expect([...arrays.outgoing.offsets]).toEqual([0]);
  });

  test('have every status and type, edges by their ends and type, and no retired one', async () => {
    const database = await openMigrated();
    await sql`INSERT INTO beliefs (id, content, confidence, status) VALUES
      (${testId(3)}, 'c', 0.3, 'disputed'), (${testId(1)}, 'a', 0.1, 'active'), (${testId(4)}, 'd', 0, 'archived'),
      (${testId(2)}, 'b', 1, 'superseded'), (${'ffffffff-ffff-4fff-bfff-ffffffffffff'}, 'e', 0.5, 'active')`.execute(
      database.kysely,
    );
    const ids = [
      await addEdge(database, 3, 4, 'derives_from'),
      await addEdge(database, 3, 4, 'supersedes'),
      await addEdge(database, 3, 4, 'contradicts'),
      await addEdge(database, 3, 4, 'supports'),
      await addEdge(database, 1, 3, 'derives_from'),
      await addEdge(database, 3, 1, 'supports'),
    ];
    await sql`UPDATE belief_edges SET weight = 0.25 WHERE id = ${ids[0]}`.execute(database.kysely);
    const gone = await addEdge(database, 1, 2, 'supports');
    await sql`UPDATE belief_edges SET retired_at = now() WHERE id = ${gone}`.execute(database.kysely);
    const arrays = await load(database);
    const open = [null, null];
    expect(rowsOf(arrays)).toEqual({
      beliefs: [
        [testId(1), Math.fround(0.1), 'active', ...open],
        [testId(2), 1, 'superseded', ...open],
        [testId(3), Math.fround(0.3), 'disputed', ...open],
        [testId(4), 0, 'archived', ...open],
        ['ffffffff-ffff-4fff-bfff-ffffffffffff', 0.5, 'active', ...open],
      ],
      edges: [
        [ids[4], testId(1), testId(3), 'derives_from', 1, ...open],
        [ids[5], testId(3), testId(1), 'supports', 1, ...open],
        [ids[3], testId(3), testId(4), 'supports', 1, ...open],
        [ids[2], testId(3), testId(4), 'contradicts', 1, ...open],
        [ids[1], testId(3), testId(4), 'supersedes', 1, ...open],
        [ids[0], testId(3), testId(4), 'derives_from', 0.25, ...open],
      ],
    });
    expect([...arrays.outgoing.ends]).toEqual([2, 0, 3, 3, 3, 3]);
    expect([...arrays.incoming.ends]).toEqual([2, 0, 2, 2, 2, 2]);
  });

  test('know validity, open at either end, and the longest times there are', async () => {
    const database = await openMigrated();
    await addBeliefs(database, ...Array.from({ length: 6 }, (_, number) => number));
    await sql`UPDATE beliefs SET valid_from = '2020-01-01T00:00:00.000001Z' WHERE id = ${testId(2)}`.execute(
      database.kysely,
    );
    await sql`UPDATE beliefs SET valid_from = '4713-01-01 00:00:00+00 BC', valid_until = '294276-12-31 23:59:59.999999+00'
      WHERE id = ${testId(4)}`.execute(database.kysely);
    expect((await load(database)).edges.validity).toBeNull();
    await addEdge(database, 0, 1);
    await sql`UPDATE belief_edges SET valid_until = '1999-12-31T23:59:59Z'`.execute(database.kysely);
    const arrays = await load(database);
    const open = [SINCE_EVER, FOR_EVER];
    expect(Array.from({ length: 6 }, (_, number) => window(arrays.beliefs.validity, number))).toEqual([
      open,
      open,
      [time('2020-01-01T00:00:00.000001Z'), FOR_EVER],
      open,
      [-211_810_204_800_000_000n, 9_223_371_331_199_999_999n],
      open,
    ]);
    expect(window(arrays.edges.validity, 0)).toEqual([SINCE_EVER, -1_000_000n]);
  });

  test('leave out and count edges whose ends are not there', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1, 2, 3);
    await sql`INSERT INTO beliefs (id, content, created_at, updated_at)
      VALUES (${testId(9)}, 'x', '2022-01-01T00:00:00Z', '2022-01-01T00:00:00Z')`.execute(database.kysely);
    await sql`UPDATE beliefs SET metadata = '{}'`.execute(database.kysely);
    for (const [source, target] of [
      [1, 9],
      [9, 2],
      [2, 3],
    ] as const)
      await addEdge(database, source, target);
    expect((await load(database)).edges).toMatchObject({ count: 3, orphans: 0 });
    await sql`UPDATE belief_edges SET created_at = '2021-01-01T00:00:00Z'`.execute(database.kysely);
    const arrays = await load(database, '2023-01-01T00:00:00Z');
    expect([arrays.beliefs.count, arrays.edges.count, arrays.edges.orphans]).toEqual([1, 0, 3]);
  });

  test('of what was known at a time are of the versions of that time', async () => {
    const database = await openMigrated();
    await sql`INSERT INTO beliefs (id, content, confidence, created_at, updated_at) VALUES
      (${testId(1)}, 'a', 0.25, '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z'),
      (${testId(2)}, 'b', 0.5, '2020-06-01T00:00:00Z', '2020-06-01T00:00:00Z')`.execute(database.kysely);
    const edge = await addEdge(database, 1, 2);
    await sql`UPDATE belief_edges SET created_at = '2020-06-01T00:00:00Z', retired_at = '2022-01-01T00:00:00Z'`.execute(
      database.kysely,
    );
    await sql`UPDATE beliefs SET confidence = 0.75, status = 'disputed', valid_from = '2000-01-01T00:00:00Z' WHERE id = ${testId(1)}`.execute(
      database.kysely,
    );
    const known = async (at: string): Promise<unknown> => {
      const { beliefs, edges } = rowsOf(await load(database, at));
      return [beliefs, edges.map((row) => (row as readonly unknown[])[0])];
    };
    const before = [testId(1), 0.25, 'active', null, null];
    const other = [testId(2), 0.5, 'active', null, null];
    expect(await known('2019-12-31T23:59:59.999999Z')).toEqual([[], []]);
    expect(await known('2020-01-01T00:00:00Z')).toEqual([[before], []]);
    expect(await known('2020-06-01T02:00:00+02:00')).toEqual([[before, other], [edge]]);
    expect(await known('2021-12-31T23:59:59.999999Z')).toEqual([[before, other], [edge]]);
    expect(await known('2022-01-01T00:00:00Z')).toEqual([[before, other], []]);
    expect(await known('9999-01-01T00:00:00Z')).toEqual([
      [
        [testId(1), 0.75, 'disputed', 0n, FOR_EVER],
        [testId(2), 0.5, 'active', SINCE_EVER, FOR_EVER],
      ],
      [],
    ]);
    // Versions that overlap, as an import may bring them: the newest counts, once.
    await sql`UPDATE beliefs SET confidence = 1 WHERE id = ${testId(1)}`.execute(database.kysely);
    await database.execute(`ALTER TABLE belief_versions DISABLE TRIGGER refuse_version_change;
      UPDATE belief_versions SET recorded_at = '2020-01-01T00:00:00Z', confidence = 0.125 WHERE version = 2`);
    expect(await known('2020-01-01T00:00:00Z')).toEqual([[[testId(1), 0.125, 'disputed', 0n, FOR_EVER]], []]);
  });

  test('refuse a time that is none, quotes and all', async () => {
    const database = await openMigrated();
    for (const at of ['yesterday', "2020-01-01T00:00:00Z'; DROP TABLE beliefs; --", '']) {
      await rejection(load(database, at), 'graph/refused');
    }
  });

  test('are whole where there are more rows than are read at once', async () => {
    const database = await openMigrated();
    const random = seededRandom('many rows');
    const ids = Array.from({ length: 45_000 }, () => uuidText(random.bytes(16))).toSorted();
    await sql`INSERT INTO beliefs (id, content) SELECT id, 'x' FROM unnest(${ids}::uuid[]) AS id`.execute(
      database.kysely,
    );
    await sql`INSERT INTO belief_edges (id, source_id, target_id, type, weight)
      SELECT md5(n::text)::uuid, ids[n], ids[n % 20000 + 20001], 'derives_from', n / 50000.0
      FROM generate_series(1, 20000) AS n, (SELECT ${ids}::uuid[] AS ids) AS all_ids`.execute(database.kysely);
    const counts: number[] = [];
    const arrays = await database.transaction({ mode: 'snapshot' }, (session) =>
      loadArrays(
        session,
        {},
        { progress: ({ stage, done }) => void (stage === 'reading beliefs' && counts.push(done!)) },
      ),
    );
    expect(Array.from({ length: 45_000 }, (_, number) => beliefId(arrays, number))).toEqual(ids);
    expect([...arrays.edges.source]).toEqual(Array.from({ length: 20_000 }, (_, n) => n));
    expect([...arrays.edges.target]).toEqual(Array.from({ length: 20_000 }, (_, n) => ((n + 1) % 20_000) + 20_000));
    expect([...arrays.edges.weight]).toEqual(Array.from({ length: 20_000 }, (_, n) => Math.fround((n + 1) / 50_000)));
    expect(counts.at(-1)).toBe(45_000);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  });

  test('end with the signal', async () => {
    const database = await openMigrated();
    await addBeliefs(database, 1);
    const reason = new Error('enough');
    const loading = database.transaction({ mode: 'snapshot' }, (session) =>
      loadArrays(session, {}, { signal: AbortSignal.abort(reason) }),
    );
    await expect(loading).rejects.toBe(reason);
    expect((await load(database)).beliefs.count).toBe(1);
  });
});
