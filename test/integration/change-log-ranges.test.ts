import fc from 'fast-check';
import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type { KeyRange, SnapshotSource, TreeId } from '../../src/core/ports.ts';
import { layoutOf, openSnapshotSource, snapshotSourceOf } from '../../src/graph/snapshot/snapshot-source.ts';
import { keyShape } from '../../src/format/rows/row-key.ts';
import type { Database } from '../../src/schema/database.ts';
import { rowsByKey, seeState, treeLabel } from '../support/change-states.ts';
import type { SeenState } from '../support/change-states.ts';
import { forEachEngine, testEngine } from '../support/engines.ts';
import { rejection } from '../support/expect-code.ts';
import { testId } from '../support/substrate-rows.ts';

const bytes = (key: string | null): Uint8Array | null => (key === null ? null : Buffer.from(key, 'hex'));

/** Some rows in every table, with versions of one belief that sort as numbers only, and edges of all types. */
async function fill(database: Database, beliefs: number): Promise<void> {
  const id = (number: string): string =>
    `('00000000-0000-7000-8000-' || lpad(to_hex((${number}) * 7919 % 65536), 12, '0'))::uuid`;
  await database.execute(`
    INSERT INTO beliefs (id, content) SELECT ${id('i')}, repeat('x', i % 50 * 10 + 1) FROM generate_series(1, ${beliefs}) i;
    UPDATE beliefs SET confidence = 0.5 WHERE id = ${id('1')}; UPDATE beliefs SET confidence = 0.6 WHERE id <= ${id('9')};
    INSERT INTO sources (id, type, external_id) SELECT ${id('i')}, 'web', i::text FROM generate_series(1, 20) i;
    INSERT INTO belief_sources (belief_id, source_id) SELECT ${id('i')}, ${id('i % 20 + 1')} FROM generate_series(1, ${beliefs}) i;
    INSERT INTO belief_edges (id, source_id, target_id, type)
      SELECT gen_random_uuid(), least(${id('i')}, ${id('i % 3 + 4')}), greatest(${id('i')}, ${id('i % 3 + 4')}), t
      FROM generate_series(7, ${beliefs}) i, unnest('{supports,contradicts,derives_from}'::text[]) t;
    INSERT INTO models (id, name, dimensions) VALUES ('${testId(0xa0)}', 'one', 2), ('${testId(0xa1)}', 'two', 2);
    INSERT INTO belief_embeddings (belief_id, model_id, embedding) SELECT b.id, m.id, '[1,2]' FROM beliefs b, models m;
    ANALYZE`);
}

forEachEngine('rows of a range', ({ openMigrated }) => {
  let database: Database;
  let seen: SeenState;

  beforeEach(async () => {
    database = await openMigrated();
    await fill(database, 150);
    seen = await seeState(database);
  });

  async function rowsIn(
    source: SnapshotSource,
    tree: TreeId,
    after: string | null,
    upTo: string | null,
  ): Promise<string[]> {
    return [...(await rowsByKey(tree, source.rows(tree, [{ after: bytes(after), upTo: bytes(upTo) }]))).keys()];
  }

  test('are those above the one key and up to the other, in order', async () => {
    await snapshotSourceOf(database)(async (source) => {
      for (const tree of source.trees) {
        const keys = [...seen.trees.get(treeLabel(tree))!.keys()];
        expect(keys).toEqual(keys.toSorted());
        const bound = fc.option(
          fc.oneof(
            fc.constantFrom(...keys),
            fc.constantFrom(...keys).map((key) => neighbour(tree, key)),
          ),
        );
        await fc.assert(
          fc.asyncProperty(bound, bound, async (after, upTo) => {
            const expected = keys.filter((key) => (after === null || key > after) && (upTo === null || key <= upTo));
            expect(await rowsIn(source, tree, after, upTo)).toEqual(expected);
          }),
          { seed: 5, numRuns: 12 },
        );
        expect(await rowsIn(source, tree, null, keys[0]!)).toEqual([keys[0]]);
        expect(await rowsIn(source, tree, keys.at(-1)!, null)).toEqual([]);
      }
    });
  });

  test('hold the rows as a reading of the whole has them', async () => {
    await snapshotSourceOf(database)(async (source) => {
      for (const tree of source.trees) {
        const whole = seen.trees.get(treeLabel(tree))!;
        const middle = bytes([...whole.keys()][whole.size >> 1]!);
        const below = await rowsByKey(tree, source.rows(tree, [{ after: null, upTo: middle }]));
        const above = await rowsByKey(tree, source.rows(tree, [{ after: middle, upTo: null }]));
        expect([...below, ...above]).toEqual([...whole]);
        const ends = [...whole.keys()].filter((_, i) => i % 7 === 3).map((key) => bytes(key)!);
        const ranges = [null, ...ends].map((after, i) => ({ after, upTo: ends[i] ?? null }));
        expect([...(await rowsByKey(tree, source.rows(tree, ranges)))]).toEqual([...whole]);
        const some = ranges.filter((_, i) => i % 3 === 1);
        const inside = (key: string): boolean => some.some(({ after, upTo }) => holds(key, after, upTo));
        expect([...(await rowsByKey(tree, source.rows(tree, some))).keys()]).toEqual([...whole.keys()].filter(inside));
        expect([...(await rowsByKey(tree, source.rows(tree, [])))]).toEqual([]);
      }
    });
  });

  test('are refused for what is no key', async () => {
    await snapshotSourceOf(database)(async (source) => {
      for (const [tree, upTo] of [
        [{ name: 'beliefs' }, Buffer.alloc(15)],
        [{ name: 'beliefs' }, Buffer.alloc(17)],
        [{ name: 'belief_edges' }, Buffer.alloc(64, 0xff)],
      ] as const) {
        await rejection(rowsByKey(tree, source.rows(tree, [{ after: null, upTo }])), 'format/malformed');
      }
    });
  });
});

describe('rows of a range (postgres)', () => {
  const { openMigrated } = testEngine('postgres');

  test('are found by an index', async () => {
    const many = await openMigrated();
    await fill(many, 4000);
    const { trees } = await seeState(many);
    for (const [label, rows] of trees) {
      if (rows.size < 1000) continue;
      const [name = '', modelId] = label.split('/');
      const keys = [...rows.keys()];
      for (const count of [1, 60]) {
        const ranges = Array.from({ length: count }, (_, i) => ({
          after: bytes(keys[i * 15]!),
          upTo: bytes(keys[i * 15 + 10]!),
        }));
        const plan = await planOf(many, { name, modelId }, ranges);
        expect([label, plan]).toEqual([label, expect.stringMatching(/Index/)]);
        expect(plan).not.toMatch(/Seq Scan/);
      }
    }
  });
});

function holds(key: string, after: Uint8Array | null, upTo: Uint8Array | null): boolean {
  return (after === null || key > toHex(after)) && (upTo === null || key <= toHex(upTo));
}

/** A key between those of rows: text ends otherwise, numbers are one more. */
function neighbour(tree: TreeId, key: string): string {
  const last = keyShape(layoutOf(tree)).parts.at(-1)!;
  const at = (last.offset + last.bytes) * 2 - 2;
  return key.slice(0, at) + (Number.parseInt(key.slice(at), 16) ^ 1).toString(16).padStart(2, '0');
}

/** The nodes of the plan by which a range is read, from the top. */
async function planOf(database: Database, tree: TreeId, ranges: readonly KeyRange[]): Promise<string> {
  let query = '';
  await database.transaction({ mode: 'snapshot' }, async (session) => {
    const source = await openSnapshotSource(
      {
        ...session,
        engine: session.engine,
        kysely: session.kysely,
        execute: (statement) => session.execute(statement),
        copyOut: (statement) => {
          query = statement;
          return session.copyOut(statement);
        },
      },
      '',
    );
    await rowsByKey(tree, source.rows(tree, ranges));
  });
  const { rows } = await sql<{
    'QUERY PLAN': readonly [{ Plan: Plan }];
  }>`EXPLAIN (FORMAT json) ${sql.raw(query)}`.execute(database.kysely);
  return nodes(rows[0]!['QUERY PLAN'][0].Plan).join(' -> ');
}

interface Plan {
  readonly 'Node Type': string;
  readonly Plans?: readonly Plan[];
}

function nodes(plan: Plan): readonly string[] {
  return [plan['Node Type'], ...(plan.Plans ?? []).flatMap(nodes)];
}
