import { expect, test } from 'vitest';
import { addBelief, setBelief } from '../../src/graph/records/beliefs.ts';
import { addEdge, retireEdge } from '../../src/graph/records/edges.ts';
import { beliefHistory } from '../../src/graph/records/history.ts';
import type { HistoryChange } from '../../src/graph/records/history.ts';
import { retireSource } from '../../src/graph/records/sources.ts';
import { forEachEngine } from '../support/engines.ts';
import { beliefId, failure, fixedMoment, importLines } from '../support/sample-knowledge.ts';

const id = beliefId(1);
const day = (number: number): string => `2020-01-${String(number).padStart(2, '0')}T00:00:00Z`;

/** What changed, and on which day of January 2020. */
function told(changes: readonly HistoryChange[]): unknown[] {
  return changes.map((change) => [Number(change.at.slice(8, 10)), change.change]);
}

forEachEngine('the history of a belief', ({ openMigrated }) => {
  test('tells field by field how each version differs from the one before', async () => {
    const database = await openMigrated();
    const versions = [
      {
        content: 'water boils at 100 °C',
        confidence: 0.5,
        domains: ['physics', 'cooking'],
        metadata: { a: 1, b: null },
      },
      { content: 'water boils at 99.97 °C', confidence: 0.75, domains: ['cooking', 'chemistry'], metadata: { a: 1 } },
      { content: 'water boils at 99.97 °C', status: 'disputed', dimensions: { evidence: 0.5 }, valid_from: day(1) },
    ];
    const [now, was] = [versions[2]!, versions.slice(0, 2)];
    await importLines(database, [
      { id, ...now, version: 3, created_at: day(1), updated_at: day(9) },
      ...was.map((said, index) => ({
        ...{ version_of: id, version: index + 1, was: said },
        ...{ recorded_at: day([1, 5][index]!), replaced_at: day([5, 9][index]!) },
      })),
    ]);
    const { changes, total, ...rest } = await beliefHistory(database, id);
    expect(rest).toEqual({ type: 'history', id });
    expect(total).toBe(3);
    expect(changes[0]).toEqual({
      ...{ type: 'change', at: day(1), change: 'recorded', version: 1, until: day(5) },
      said: {
        ...{ content: 'water boils at 100 °C', content_length: 21, confidence: 0.5, status: 'active' },
        ...{ domains: ['physics', 'cooking'], valid_from: null, valid_until: null },
        ...{ dimensions: null, metadata: { a: 1, b: null } },
      },
    });
    expect(changes[1]).toEqual({
      ...{ type: 'change', at: day(5), change: 'changed', version: 2, from_version: 1, until: day(9) },
      fields: {
        content: {
          difference: [
            { kind: 'same', text: 'water boils at ' },
            { kind: 'removed', text: '100' },
            { kind: 'added', text: '99.97' },
            { kind: 'same', text: ' °C' },
          ],
          complete: true,
        },
        confidence: { before: 0.5, after: 0.75 },
        domains: {
          ...{ before: ['physics', 'cooking'], after: ['cooking', 'chemistry'] },
          ...{ added: ['chemistry'], removed: ['physics'] },
        },
        metadata: { b: { before: null } },
      },
    });
    expect(changes[2]).toEqual({
      ...{ type: 'change', at: day(9), change: 'changed', version: 3, from_version: 2, until: null },
      fields: {
        confidence: { before: 0.75, after: 1 },
        status: { before: 'active', after: 'disputed' },
        domains: { before: ['cooking', 'chemistry'], after: [], added: [], removed: ['cooking', 'chemistry'] },
        valid_from: { before: null, after: day(1) },
        dimensions: { evidence: { after: 0.5 } },
        metadata: { a: { before: 1 } },
      },
    });
  });

  test('edges and sources that came and went stand between the versions', async () => {
    const database = await openMigrated();
    const other = beliefId(2);
    await importLines(database, [
      {
        ...{ id, content: 'now', version: 4, created_at: day(1), updated_at: day(8) },
        provenance: [{ source_type: 'book', source_id: 'b', created_at: day(2) }],
      },
      { source_type: 'book', source_id: 'b', created_at: day(1), retired_at: day(7) },
      { version_of: id, version: 2, was: { content: 'was' }, recorded_at: day(4), replaced_at: day(8) },
      { id: other, content: 'long '.repeat(100), created_at: day(1), updated_at: day(1) },
      { source: id, target: other, type: 'supports', created_at: day(3), retired_at: day(6) },
      { source: other, target: id, type: 'derives_from', created_at: day(5) },
      { source: other, target: beliefId(3), type: 'supports', created_at: day(5) },
      { id: beliefId(3), content: 'no neighbour', created_at: day(1) },
    ]);
    const { changes, total } = await beliefHistory(database, id.toUpperCase());
    expect(told(changes)).toEqual([
      ...[
        [2, 'source-linked'],
        [3, 'edge-added'],
        [4, 'recorded'],
        [5, 'edge-added'],
      ],
      ...[
        [6, 'edge-retired'],
        [7, 'source-retired'],
        [8, 'changed'],
      ],
    ]);
    expect(total).toBe(7);
    expect(changes[1]).toMatchObject({
      ...{ direction: 'outgoing', edge: { edge_type: 'supports', retired_at: day(6) } },
      other: { id: other, label: 'long '.repeat(40) },
    });
    expect(changes[3]).toMatchObject({ direction: 'incoming', edge: { retired_at: null }, other: { id: other } });
    expect(changes[0]).toMatchObject({ source: { source_type: 'book', source_id: 'b' } });
    expect(changes[6]).toMatchObject({ version: 4, from_version: 2, until: null });
    for (const limit of [1, 2, 3, 6, 7, 8]) {
      const cut = await beliefHistory(database, id, { limit });
      expect(cut).toEqual({ type: 'history', id, total: 7, changes: changes.slice(-limit) });
    }
    expect((await beliefHistory(database, beliefId(3))).changes).toHaveLength(2);
  });

  test('what commands change is told in the order in which it happened', async () => {
    const [database, by] = [await openMigrated(), fixedMoment()];
    const provenance = [{ source_type: 'web', source_id: 'x' }];
    const first = await addBelief(database, { content: 'first', provenance }, by);
    const second = await addBelief(database, { content: 'second' }, by);
    const edge = await addEdge(database, { source: first.id, target: second.id, edge_type: 'supports' }, by);
    await retireEdge(database, edge.id, by.clock);
    await database.transaction({}, async (session) => {
      for (const confidence of [0.9, 0.8, 0.7]) await setBelief(session, first.id, { confidence });
    });
    const { changes } = await beliefHistory(database, first.id);
    await retireSource(database, changes.flatMap((each) => ('source' in each ? each.source.id : []))[0]!, by.clock);
    const again = await beliefHistory(database, first.id);
    expect(again.changes.map(({ change }) => change)).toEqual([
      ...['recorded', 'source-linked', 'edge-added', 'edge-retired', 'source-retired'],
      ...['changed', 'changed', 'changed'],
    ]);
    const confidences = again.changes.flatMap((each) => (each.change === 'changed' ? [each.fields] : []));
    expect(confidences).toEqual([
      { confidence: { before: 1, after: 0.9 } },
      { confidence: { before: 0.9, after: 0.8 } },
      { confidence: { before: 0.8, after: 0.7 } },
    ]);
  });

  test('nothing that differs is passed over: long content, the order of domains, digits beyond a number', async () => {
    const database = await openMigrated();
    const long = 'x '.repeat(40_000);
    const statement = (end: string, domains: string[], number: string): string =>
      `"content": "${long}${end}", "domains": ${JSON.stringify(domains)}, "metadata": {"n": ${number}, "m": 1}`;
    await importLines(database, [
      `{"id": "${id}", ${statement('b', ['y', 'x'], '12345678901234567891')}, "version": 2}`,
      `{"version_of": "${id}", "version": 1, "was": {${statement('a', ['x', 'y'], '12345678901234567890')}}, "recorded_at": "${day(1)}", "replaced_at": "${day(2)}"}`,
    ]);
    const change = (await beliefHistory(database, id)).changes[1]!;
    expect(change).toMatchObject({
      fields: {
        content: { complete: false },
        domains: { before: ['x', 'y'], after: ['y', 'x'], added: [], removed: [] },
        metadata: { n: { before: 12345678901234567000, after: 12345678901234567000 } },
      },
    });
    expect(JSON.stringify(change).length).toBeLessThan(100_000);
  });

  test('a hub is told to its limit', async () => {
    const database = await openMigrated();
    const numbers = Array.from({ length: 3000 }, (_, index) => index + 2);
    await importLines(database, [
      { id, content: 'hub' },
      ...numbers.map((number) => ({ id: beliefId(number), content: `leaf ${number}` })),
      ...numbers.map((number) => ({
        ...{ source: beliefId(number), target: id, type: 'supports' },
        created_at: `2027-01-01T00:00:00.${String(number).padStart(6, '0')}Z`,
      })),
    ]);
    const { changes, total } = await beliefHistory(database, id);
    expect(total).toBe(3001);
    expect(changes.map((change) => ('other' in change ? change.other.label : change.change))).toEqual(
      numbers.slice(-100).map((number) => `leaf ${number}`),
    );
  });

  test('ids that mean nothing, or several', async () => {
    const database = await openMigrated();
    await importLines(database, [
      { id, content: 'a' },
      { id: beliefId(2), content: 'b' },
    ]);
    expect((await failure(beliefHistory(database, beliefId(9)))).code).toBe('graph/not-found');
    expect((await failure(beliefHistory(database, id.slice(0, 9)))).code).toBe('graph/refused');
  });
});
