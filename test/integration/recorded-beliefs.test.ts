import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { addBelief, setBelief } from '../../src/graph/records/beliefs.ts';
import { beliefsInView, recordedBelief } from '../../src/graph/records/recorded-beliefs.ts';
import type { View } from '../../src/graph/walk/view.ts';
import type { Database } from '../../src/schema/database.ts';
import { forEachEngine } from '../support/engines.ts';
import { beliefId, failure, fixedMoment, importLines } from '../support/sample-knowledge.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** That many microseconds after the beginning of 2020. */
function at(micros: number): string {
  const seconds = new Date(Date.UTC(2020, 0, 1) + Math.floor(micros / 1_000_000) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1_000_000).padStart(6, '0')}Z`;
}

/** The belief with this content in these intervals of record, of which the last is open; as lines of an import. */
function versionLines(number: number, intervals: readonly (readonly [from: number, until: number])[]): unknown[] {
  const id = beliefId(number);
  const [now] = intervals.at(-1)!;
  const was = intervals.slice(0, -1);
  return [
    { id, content: `now ${now}`, version: intervals.length, created_at: at(0), updated_at: at(now) },
    ...was.map(([from, until], index) => ({
      ...{ version_of: id, version: index + 1, was: { content: `was ${index + 1}` } },
      ...{ recorded_at: at(from), replaced_at: at(until) },
    })),
  ];
}

async function content(database: Database, view: View, number = 1): Promise<string | undefined> {
  return (await beliefsInView(database, [beliefId(number)], view)).get(beliefId(number))?.content;
}

forEachEngine('beliefs as they were recorded', ({ openMigrated }) => {
  test('a version counts from the microsecond it was recorded at until the one it was replaced at', async () => {
    const database = await openMigrated();
    await importLines(
      database,
      versionLines(1, [
        [1_000_000, 2_000_001],
        [2_000_001, 3_000_000],
        [3_000_000, Infinity],
      ]),
    );
    expect(await content(database, { known_at: at(999_999) })).toBeUndefined();
    expect(await content(database, { known_at: at(1_000_000) })).toBe('was 1');
    expect(await content(database, { known_at: at(2_000_000) })).toBe('was 1');
    expect(await content(database, { known_at: at(2_000_001) })).toBe('was 2');
    expect(await content(database, { known_at: at(2_999_999) })).toBe('was 2');
    expect(await content(database, { known_at: at(3_000_000) })).toBe('now 3000000');
    expect(await content(database, { known_at: '2020-01-01T01:00:02.000001+01:00' })).toBe('was 2');
    expect(await content(database, {})).toBe('now 3000000');
    const [was] = (await beliefsInView(database, [beliefId(1)], { known_at: at(2_000_001) })).values();
    expect(was).toMatchObject({
      ...{ type: 'belief', id: beliefId(1), version: 2, updated_at: '2020-01-01T00:00:02.000001Z' },
      ...{ created_at: '2020-01-01T00:00:00Z', confidence: 1, domains: [], status: 'active', metadata: {} },
    });
  });

  test('of versions of one transaction only the last was ever known', async () => {
    const database = await openMigrated();
    const { id, updated_at: added } = await addBelief(database, { content: 'first' }, fixedMoment());
    await database.transaction({}, async (session) => {
      for (const text of ['second', 'third', 'fourth']) await setBelief(session, id, { content: text });
    });
    const { rows } = await sql<{ recorded_at: string; replaced_at: string }>`
      SELECT recorded_at, replaced_at FROM valence.belief_versions ORDER BY version`.execute(database.kysely);
    expect(rows).toHaveLength(3);
    const changed = rows[0]!.replaced_at;
    expect(rows.slice(1)).toEqual([1, 2].map(() => ({ recorded_at: changed, replaced_at: changed })));
    const { rows: before } = await sql<{ time: string }>`
      SELECT ${changed}::timestamptz - interval '1 microsecond' AS time`.execute(database.kysely);
    expect(await recordedBelief(database, id, { known_at: before[0]!.time })).toMatchObject({ content: 'first' });
    expect(await recordedBelief(database, id, { known_at: added })).toMatchObject({ version: 1 });
    expect(await recordedBelief(database, id, { known_at: changed })).toMatchObject({ content: 'fourth', version: 4 });
  });

  test('agrees with a search through every version, whatever times were imported', async () => {
    const database = await openMigrated();
    const random = seededRandom('recorded beliefs');
    const below = (end: number): number => Buffer.from(random.bytes(4)).readUInt32BE() % end;
    const histories = Array.from({ length: 60 }, () =>
      Array.from({ length: 1 + below(4) }, (): readonly [number, number] => [below(12), below(14)]),
    );
    await importLines(
      database,
      histories.flatMap((intervals, index) => versionLines(index, intervals)),
    );
    const ids = histories.map((_, index) => beliefId(index));
    for (let time = 0; time < 16; time += 1) {
      const expected = new Map(
        histories.flatMap((intervals, index): [string, string][] => {
          const [now] = intervals.at(-1)!;
          if (now <= time) return [[beliefId(index), `now ${now}`]];
          const version = intervals.slice(0, -1).findLastIndex(([from, until]) => from <= time && time < until);
          return version < 0 ? [] : [[beliefId(index), `was ${version + 1}`]];
        }),
      );
      const found = await beliefsInView(database, ids, { known_at: at(time) });
      expect(new Map([...found].map(([id, belief]) => [id, belief.content]))).toEqual(expected);
      expect(expected.size).toBeGreaterThan(0);
    }
  });

  test('validity is that of what was known', async () => {
    const database = await openMigrated();
    const id = beliefId(1);
    const line = { id, content: 'now', version: 2, created_at: at(0), updated_at: at(10) };
    const was = { content: 'was', valid_from: at(100), valid_until: at(200) };
    await importLines(database, [
      { ...line, valid_from: at(300) },
      { version_of: id, version: 1, was, recorded_at: at(0), replaced_at: at(10) },
    ]);
    for (const [asOf, knownAt, expected] of [
      [99, 9, undefined],
      [100, 9, 'was'],
      [199, 9, 'was'],
      [200, 9, undefined],
      [199, 10, undefined],
      [299, 10, undefined],
      [300, 10, 'now'],
    ] as const) {
      expect(await content(database, { as_of: at(asOf), known_at: at(knownAt) })).toBe(expected);
    }
    expect(await content(database, { as_of: at(150) })).toBeUndefined();
    expect(await content(database, { as_of: at(1_000_000) })).toBe('now');
  });

  test('says since when a belief is known, and when it is valid', async () => {
    const database = await openMigrated();
    await importLines(database, [
      ...versionLines(1, [
        [10, 20],
        [30, Infinity],
      ]),
      { id: beliefId(2), content: 'x', valid_from: at(5), valid_until: at(6), created_at: at(0), updated_at: at(0) },
    ]);
    await expect(recordedBelief(database, beliefId(1), { known_at: at(9) })).rejects.toThrow(
      `belief ${beliefId(1)} was not recorded before 2020-01-01T00:00:00.00001Z`,
    );
    expect(await failure(recordedBelief(database, beliefId(1), { known_at: at(9) }))).toEqual({
      code: 'graph/not-found',
      context: { id: beliefId(1), recorded_from: '2020-01-01T00:00:00.00001Z' },
    });
    await expect(recordedBelief(database, beliefId(1), { known_at: at(25) })).rejects.toThrow(/is not recorded$/);
    await expect(recordedBelief(database, beliefId(2), { as_of: at(6) })).rejects.toThrow(
      'is not valid at 2020-01-01T00:00:00.000006Z, only from 2020-01-01T00:00:00.000005Z until 2020-01-01T00:00:00.000006Z',
    );
    expect((await failure(recordedBelief(database, beliefId(2), { as_of: at(6) }))).code).toBe('graph/not-found');
    expect(await recordedBelief(database, beliefId(2), { as_of: at(5) })).toMatchObject({ content: 'x' });
    expect((await failure(recordedBelief(database, beliefId(3), {}))).code).toBe('graph/not-found');
    expect((await failure(recordedBelief(database, '00000000-0000-7000', {}))).code).toBe('graph/refused');
    for (const view of [{ as_of: 'today' }, { known_at: '2020-01-01' }]) {
      expect((await failure(recordedBelief(database, beliefId(1), view))).code).toBe('graph/refused');
      expect((await failure(beliefsInView(database, [], view))).code).toBe('graph/refused');
    }
    expect(await beliefsInView(database, [], {})).toEqual(new Map());
  });
});
