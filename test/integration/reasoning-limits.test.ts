import { expect, test } from 'vitest';
import { loadArrays } from '../../src/graph/arrays/load-arrays.ts';
import { edgeId } from '../../src/graph/arrays/graph-arrays.ts';
import { lineage } from '../../src/graph/reasoning/lineage.ts';
import { removalOf } from '../../src/graph/reasoning/named-row.ts';
import { supersession } from '../../src/graph/reasoning/supersession.ts';
import { forEachEngine } from '../support/engines.ts';
import { beliefId, failure, fixedMoment, importLines } from '../support/sample-knowledge.ts';
import { ask } from '../support/budgeted-walk.ts';

const { clock } = fixedMoment();

forEachEngine('reasoning', ({ openMigrated }) => {
  const numbered = (count: number): object[] =>
    Array.from({ length: count }, (_, at) => ({ id: beliefId(at), content: `belief ${at}` }));
  const edge = (source: number, target: number, type: string, more: object = {}): object => ({
    ...{ source: beliefId(source), target: beliefId(target), type, ...more },
  });

  test('a lineage stops at its limits, and says which', async () => {
    const database = await openMigrated();
    const chain = Array.from({ length: 30 }, (_, at) => edge(at, at + 1, 'derives_from'));
    await importLines(database, [
      ...numbered(41),
      ...chain,
      ...Array.from({ length: 10 }, (_, at) => edge(31 + at, 0, 'supports')),
    ]);
    const found = async (options: object): Promise<readonly [number, string | null]> => {
      const { beliefs, stopped } = await ask(database, lineage, beliefId(0), { clock, ...options });
      return [beliefs.length, stopped];
    };
    expect(await found({})).toEqual([41, null]);
    expect(await found({ depth: 1 })).toEqual([12, 'hops']);
    expect(await found({ depth: 29 })).toEqual([40, 'hops']);
    expect(await found({ depth: 30 })).toEqual([41, null]);
    expect(await found({ maxBeliefs: 5 })).toEqual([5, 'beliefs']);
    expect(await found({ maxEdges: 3 })).toEqual([4, 'edges']);
    let now = 0;
    const ticking = { now: () => (now += 1000) };
    expect(await found({ clock: ticking, maxMs: 5000 })).toEqual([expect.any(Number), 'time']);
    expect((await ask(database, lineage, beliefId(30), { clock, dependents: true })).beliefs).toHaveLength(31);
  });

  test('the record of an earlier time has its own lineage and supersession', async () => {
    const database = await openMigrated();
    const old = { created_at: '2019-01-01T00:00:00Z' };
    await importLines(database, [
      ...numbered(4).map((belief) => ({ ...belief, ...old })),
      edge(0, 1, 'derives_from', { created_at: '2020-01-01T00:00:00Z', retired_at: '2022-01-01T00:00:00Z' }),
      edge(0, 2, 'derives_from', { created_at: '2021-06-01T00:00:00Z' }),
      edge(3, 0, 'supersedes', { created_at: '2024-01-01T00:00:00Z' }),
    ]);
    const rests = async (known_at: string): Promise<readonly string[]> =>
      (await ask(database, lineage, beliefId(0), { clock, known_at })).beliefs.map(({ id }) => id);
    expect(await rests('2019-06-01T00:00:00Z')).toEqual([beliefId(0)]);
    expect(await rests('2021-01-01T00:00:00Z')).toEqual([beliefId(0), beliefId(1)]);
    expect(await rests('2021-12-01T00:00:00Z')).toEqual([beliefId(0), beliefId(1), beliefId(2)]);
    expect(await rests('2023-01-01T00:00:00Z')).toEqual([beliefId(0), beliefId(2)]);
    expect((await failure(ask(database, lineage, beliefId(0), { clock, known_at: '2018-01-01T00:00:00Z' }))).code).toBe(
      'graph/not-found',
    );
    const versions = async (known_at: string): Promise<number> =>
      (await ask(database, supersession, beliefId(0), { clock, known_at })).beliefs.length;
    expect([await versions('2023-01-01T00:00:00Z')]).toEqual([1]);
    expect((await failure(ask(database, lineage, beliefId(0), { clock, as_of: 'yesterday' }))).code).toBe(
      'graph/refused',
    );
  });

  test('a chain of 10,000 versions is read in a few statements', async () => {
    const database = await openMigrated();
    const count = 10_001;
    await importLines(database, [
      ...numbered(count),
      ...Array.from({ length: count - 1 }, (_, at) => edge(at + 1, at, 'supersedes')),
    ]);
    const middle = await ask(database, supersession, beliefId(4000), { clock });
    expect(middle.beliefs.map(({ id }) => id)).toEqual(
      Array.from({ length: count }, (_, at) => beliefId(count - 1 - at)),
    );
    expect(middle.beliefs.filter(({ current }) => current).map(({ id }) => id)).toEqual([beliefId(count - 1)]);
    expect(middle).toMatchObject({ stopped: null });
    const few = await ask(database, supersession, beliefId(4000), { clock, maxBeliefs: 10 });
    expect([few.beliefs.length, few.stopped, few.beliefs.some(({ current }) => current)]).toEqual([
      10,
      'beliefs',
      false,
    ]);
    const unseen = await ask(database, supersession, beliefId(4000), { clock, maxEdges: 5 });
    expect([unseen.stopped, unseen.beliefs.some(({ current }) => current)]).toEqual(['edges', false]);
    let now = 0;
    const late = { now: () => (now += 1000) };
    const over = await ask(database, supersession, beliefId(4000), { clock: late, maxMs: 500 });
    expect([over.stopped, over.beliefs.map(({ current }) => current)]).toEqual(['time', [false]]);
  }, 300_000);

  test('branches of supersession have several current versions', async () => {
    const database = await openMigrated();
    await importLines(database, [
      ...numbered(4),
      ...[edge(1, 0, 'supersedes'), edge(2, 0, 'supersedes'), edge(3, 2, 'supersedes')],
    ]);
    const { beliefs } = await ask(database, supersession, beliefId(0), { clock });
    expect(beliefs.map(({ id, current }) => [id, current])).toEqual([
      [beliefId(3), true],
      [beliefId(1), true],
      [beliefId(2), false],
      [beliefId(0), false],
    ]);
  });

  test('a row is removed by its number, an unknown or retired one not at all', async () => {
    const database = await openMigrated();
    await importLines(database, [...numbered(3), edge(0, 1, 'supports', { id: beliefId(77) }), edge(1, 2, 'supports')]);
    const arrays = await loadArrays(database);
    const removal = await removalOf(database, arrays, [
      { kind: 'belief', id: beliefId(1) },
      { kind: 'belief', id: beliefId(1) },
      { kind: 'edge', id: beliefId(77) },
      { kind: 'edge', id: beliefId(78) },
    ]);
    expect(removal).toMatchObject({ beliefs: [1], sources: [] });
    expect(removal.edges.map((number) => edgeId(arrays, number))).toEqual([beliefId(77)]);
  });
});
