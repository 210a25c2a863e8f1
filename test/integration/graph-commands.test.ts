import { expect, test } from 'vitest';
import { addBelief, listBeliefs, retireBelief, setBelief, showBelief } from '../../src/graph/records/beliefs.ts';
import { addEdge, retireEdge } from '../../src/graph/records/edges.ts';
import { neighbourhood } from '../../src/graph/walk/neighbourhood.ts';
import type { NeighbourhoodOptions } from '../../src/graph/walk/neighbourhood.ts';
import { shortestPath } from '../../src/graph/walk/path.ts';
import type { PathOptions } from '../../src/graph/walk/path.ts';
import { walking } from '../../src/graph/walk/walk.ts';
import { addSource, listSources, retireSource } from '../../src/graph/records/sources.ts';
import type { EdgeType } from '../../src/graph/records/vocabulary.ts';
import type { Database } from '../../src/schema/database.ts';
import { forEachEngine } from '../support/engines.ts';
import { beliefId, failure, fixedMoment, importLines } from '../support/sample-knowledge.ts';

const NOW = '2026-01-31T12:00:00Z';

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

const link = (
  source: number,
  target: number,
  edgeType: EdgeType,
): { source: string; target: string; edge_type: EdgeType } => ({
  source: beliefId(source),
  target: beliefId(target),
  edge_type: edgeType,
});

/** 1 → 2 → 3 → 4 → 5, 6 → 1, 6 → 5 by a retired edge, 4 ⇄ 7 contradicting, 8 alone. */
async function chain(database: Database, by = fixedMoment()): Promise<void> {
  await importLines(
    database,
    Array.from({ length: 8 }, (_, index) => ({ id: beliefId(index + 1), content: `belief ${index + 1}` })),
  );
  for (const number of [1, 2, 3, 4]) await addEdge(database, link(number, number + 1, 'supports'), by);
  await addEdge(database, link(6, 1, 'derives_from'), by);
  const { id } = await addEdge(database, link(6, 5, 'supports'), by);
  await retireEdge(database, id, by.clock);
  await addEdge(database, link(7, 4, 'contradicts'), by);
}

forEachEngine('graph commands', ({ openMigrated }) => {
  test('a belief is added, shown, listed, changed and retired', async () => {
    const [database, by] = [await openMigrated(), fixedMoment()];
    const provenance = [{ source_type: 'book', source_id: 'b' }];
    const added = await addBelief(
      database,
      { content: 'first', confidence: 0.7, domains: ['x'], metadata: { a: [1] }, provenance },
      by,
    );
    expect(added).toMatchObject({
      type: 'belief',
      confidence: 0.7,
      domains: ['x'],
      status: 'active',
      version: 1,
      created_at: NOW,
    });
    const second = await addBelief(
      database,
      { content: 'second', valid_from: '2020-01-01T00:00:00+01:00', provenance },
      by,
    );
    expect(second.valid_from).toBe('2019-12-31T23:00:00Z');
    expect((await all(listBeliefs(database))).map(({ id }) => id)).toEqual(
      [added.id, second.id].toSorted().toReversed(),
    );
    expect((await all(listBeliefs(database, { domain: 'x' }))).map(({ id }) => id)).toEqual([added.id]);
    expect(await all(listBeliefs(database, { limit: 1 }))).toHaveLength(1);
    expect(await setBelief(database, added.id, { confidence: 0.8 })).toMatchObject({
      content: 'first',
      confidence: 0.8,
      version: 2,
    });
    expect(await setBelief(database, added.id, {})).toMatchObject({ version: 2 });
    expect(await retireBelief(database, added.id)).toMatchObject({ status: 'archived', version: 3 });
    expect(await all(listBeliefs(database, { status: 'active' }))).toHaveLength(1);
    await addEdge(database, { source: second.id, target: added.id, edge_type: 'supersedes' }, by);
    const shown = await showBelief(database, added.id.slice(0, 20));
    expect(shown).toMatchObject({
      sources: [{ source_type: 'book', source_id: 'b', title: null }],
      edges: { outgoing: 0, incoming: 1 },
    });
    expect(shown.versions.map(({ version, confidence }) => [version, confidence])).toEqual([
      [1, 0.7],
      [2, 0.8],
    ]);
  });

  test('lists more than one page', async () => {
    const database = await openMigrated();
    await importLines(
      database,
      Array.from({ length: 2500 }, (_, index) => ({
        ...{ id: beliefId(index), content: 'x', provenance: { source_type: 't', source_id: `${index}` } },
      })),
    );
    const ids = (await all(listBeliefs(database))).map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted().toReversed());
    expect(new Set(ids).size).toBe(2500);
    expect(await all(listBeliefs(database, { limit: 1500 }))).toHaveLength(1500);
    expect(await all(listSources(database))).toHaveLength(2500);
  });

  test('ids may be shortened; what is unknown or ambiguous is refused', async () => {
    const database = await openMigrated();
    await importLines(database, [
      { id: 'aaaa0000-0000-4000-8000-000000000000', content: 'a' },
      { id: 'aaaa1000-0000-4000-8000-000000000000', content: 'b' },
    ]);
    expect((await showBelief(database, 'AAAA1')).content).toBe('b');
    expect((await failure(showBelief(database, 'aaaa'))).context['candidates']).toHaveLength(2);
    expect((await failure(showBelief(database, 'aaaa'))).code).toBe('graph/refused');
    for (const id of ['bbbb', 'aaa', "x'; --", beliefId(1)]) {
      expect((await failure(showBelief(database, id))).code).toBe('graph/not-found');
    }
  });

  test('what the constraints refuse is said in words', async () => {
    const [database, by] = [await openMigrated(), fixedMoment()];
    await chain(database, by);
    const refused: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
      [() => addBelief(database, { content: '' }, by), /neither empty nor longer/],
      [() => addBelief(database, { content: 'x', confidence: 2 }, by), /between 0 and 1/],
      [() => addBelief(database, { content: 'x', id: beliefId(1) }, by), /with this id already/],
      [() => addBelief(database, { content: 'x', domains: [''] }, by), /none of them empty/],
      [() => addBelief(database, { content: 'x', valid_from: 'tomorrow' }, by), /not an ISO 8601 time/],
      [() => addBelief(database, { content: 'x\0' }, by), /invalid byte sequence/],
      [() => setBelief(database, beliefId(1), { valid_from: NOW, valid_until: NOW }), /valid until a later one/],
      [() => addEdge(database, link(1, 1, 'supports'), by), /two different beliefs/],
      [() => addEdge(database, link(1, 2, 'supports'), by), /a live edge of this type/],
      [() => addEdge(database, link(4, 7, 'contradicts'), by), /a live edge of this type/],
      [() => addEdge(database, { ...link(1, 3, 'supports'), weight: -1 }, by), /a weight lies/],
    ];
    for (const [change, reason] of refused) {
      await expect(change()).rejects.toThrow(reason);
      expect((await failure(change())).code).toBe('graph/refused');
    }
    await addEdge(database, link(1, 2, 'supersedes'), by);
    await expect(addEdge(database, link(2, 1, 'supersedes'), by)).rejects.toThrow(/cannot supersede itself/);
    await expect(setBelief(database, beliefId(2), { status: 'active' })).rejects.toThrow(/cannot become active/);
  });

  test('sources are added, listed and retired', async () => {
    const [database, by] = [await openMigrated(), fixedMoment()];
    const source = await addSource(database, { source_type: 'web', source_id: 'https://b', title: 'B' }, by.clock);
    await addSource(database, { source_type: 'book', source_id: '1' }, by.clock);
    expect(source).toMatchObject({
      type: 'source',
      title: 'B',
      uri: null,
      metadata: {},
      created_at: NOW,
      retired_at: null,
    });
    expect((await failure(addSource(database, { source_type: 'web', source_id: 'https://b' }, by.clock))).code).toBe(
      'graph/refused',
    );
    expect((await all(listSources(database))).map((each) => each.source_type)).toEqual(['book', 'web']);
    expect(await retireSource(database, source.id, by.clock)).toMatchObject({ retired_at: NOW });
    expect(await all(listSources(database))).toHaveLength(1);
    expect(await all(listSources(database, { all: true, source_type: 'web' }))).toHaveLength(1);
  });

  test('shows what stands around a belief', async () => {
    const database = await openMigrated();
    await chain(database);
    const around = async (options: NeighbourhoodOptions): Promise<string[]> => {
      const { edges } = await walking(database, {}, fixedMoment(), (walk) => neighbourhood(walk, beliefId(4), options));
      return edges.map(({ hops, direction, belief }) => `${hops} ${direction} ${belief.content}`).toSorted();
    };
    expect(await around({})).toEqual(['1 incoming belief 3', '1 outgoing belief 5', '1 outgoing belief 7']);
    expect(await around({ direction: 'incoming' })).toEqual(['1 incoming belief 3', '1 outgoing belief 7']);
    expect(await around({ types: ['supports'], depth: 3 })).toEqual([
      ...['1 incoming belief 3', '1 outgoing belief 5', '2 incoming belief 2', '3 incoming belief 1'],
    ]);
    expect(await around({ types: [] })).toHaveLength(3);
  });

  test('finds a shortest path, and tells none from too far', async () => {
    const database = await openMigrated();
    await chain(database);
    const found = async (from: number, to: number, options: PathOptions = {}): Promise<string> => {
      const ends = [beliefId(from), beliefId(to)] as const;
      const { outcome, paths } = await walking(database, {}, fixedMoment(), (walk) =>
        shortestPath(walk, ...ends, options),
      );
      return paths[0] === undefined ? outcome : paths[0].beliefs.map(({ content }) => content.slice(7)).join('');
    };
    expect(await found(1, 5)).toBe('12345');
    expect(await found(5, 1)).toBe('54321');
    expect(await found(5, 6)).toBe('543216');
    expect(await found(3, 3)).toBe('3');
    expect(await found(1, 8)).toBe('none');
    expect(await found(8, 1)).toBe('none');
    expect(await found(1, 5, { maxHops: 3 })).toBe('limit');
    expect(await found(1, 5, { maxHops: 4 })).toBe('12345');
    expect(await found(5, 1, { direction: 'outgoing' })).toBe('none');
    expect(await found(6, 7, { direction: 'outgoing' })).toBe('612347');
    expect(await found(7, 5, { direction: 'outgoing' })).toBe('745');
    expect(await found(6, 5, { types: ['supports'] })).toBe('none');
    expect(await found(5, 1, { direction: 'incoming' })).toBe('54321');
    const path = await walking(database, {}, fixedMoment(), (walk) => shortestPath(walk, beliefId(7), beliefId(3)));
    expect(path).toMatchObject({
      ...{ type: 'path-search', outcome: 'found', direction: 'both', stopped: null },
      paths: [{ type: 'path', hops: 2, edges: [{ edge_type: 'contradicts' }, { edge_type: 'supports' }] }],
    });
  });
});
