import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { loadArrays } from '../../src/graph/arrays/load-arrays.ts';
import type { GraphArrays } from '../../src/graph/arrays/graph-arrays.ts';
import { setBelief } from '../../src/graph/records/beliefs.ts';
import type { View } from '../../src/graph/walk/view.ts';
import { graphStats } from '../../src/graph/whole/answers/graph-stats.ts';
import { listCommunities } from '../../src/graph/whole/answers/list-communities.ts';
import { listComponents } from '../../src/graph/whole/answers/list-components.ts';
import { listCycles } from '../../src/graph/whole/answers/list-cycles.ts';
import { listRanks } from '../../src/graph/whole/answers/list-ranks.ts';
import type { Database, Session } from '../../src/schema/database.ts';
import { forEachEngine } from '../support/engines.ts';
import { beliefId, importLines, SAMPLE } from '../support/sample-knowledge.ts';

async function ask<Options extends View, Answer>(
  database: Database,
  query: (session: Session, arrays: GraphArrays, options: Options) => Promise<Answer>,
  options: Options,
): Promise<Answer> {
  return database.transaction({ mode: 'snapshot' }, async (session) =>
    query(session, await loadArrays(session, options), options),
  );
}

forEachEngine('queries over the whole graph', ({ openMigrated }) => {
  test('count every table as it is', async () => {
    const database = await openMigrated();
    await importLines(database, SAMPLE);
    await sql`UPDATE valence.belief_edges SET retired_at = now() WHERE type IN ('contradicts', 'supersedes')`.execute(
      database.kysely,
    );
    await sql`UPDATE valence.sources SET retired_at = now() WHERE type = 'web'`.execute(database.kysely);
    const stats = await ask(database, graphStats, {});
    expect(stats).toMatchObject({
      beliefs: { total: 9, active: 6, superseded: 1, disputed: 1, archived: 1, isolated: 4, without_source: 7 },
      edges: {
        ...{ live: 3, retired: 2 },
        types: [
          { edge_type: 'supports', live: 2, retired: 0 },
          { edge_type: 'contradicts', live: 0, retired: 1 },
          { edge_type: 'supersedes', live: 0, retired: 1 },
          { edge_type: 'derives_from', live: 1, retired: 0 },
        ],
      },
      degrees: { mean: 6 / 9, median: 1, p95: 2, max: 2 },
      components: { total: 6, largest: 3 },
      sources: { total: 2, retired: 1 },
      embeddings: [
        { model: 'large', dimensions: 4, beliefs: 1 },
        { model: 'small', dimensions: 3, beliefs: 2 },
      ],
      domains: { total: 2, top: [{ domain: 'naïve' }, { domain: 'physics', beliefs: 1 }] },
    });
    expect(stats.hubs.map(({ belief, outgoing, incoming }) => [belief.id, outgoing, incoming])).toEqual([
      [beliefId(2), 1, 1],
      [beliefId(1), 1, 0],
      [beliefId(4), 0, 1],
      [beliefId(5), 1, 0],
      [beliefId(6), 0, 1],
    ]);
    expect(stats.tables.map(({ table }) => table)).toContain('belief_embeddings');
    for (const { bytes } of stats.tables) expect(bytes).toBeGreaterThan(0);
  });

  test('ask what was known at a time, and show beliefs as they were then', async () => {
    const database = await openMigrated();
    const made = { created_at: '2020-01-01T00:00:00Z', updated_at: '2020-01-01T00:00:00Z' };
    await importLines(database, [
      ...[1, 2, 3].map((number) => ({ id: beliefId(number), content: `first ${number}`, ...made })),
      { source: beliefId(1), target: beliefId(2), type: 'supports', created_at: '2021-01-01T00:00:00Z' },
      { source: beliefId(2), target: beliefId(1), type: 'supports', created_at: '2022-01-01T00:00:00Z' },
      { source: beliefId(2), target: beliefId(3), type: 'supports', created_at: '2023-01-01T00:00:00Z' },
    ]);
    await sql`UPDATE valence.belief_edges SET retired_at = '2024-01-01T00:00:00Z' WHERE source_id = ${beliefId(1)}`.execute(
      database.kysely,
    );
    await setBelief(database, beliefId(1), { content: 'second 1' });
    const then = (year: number): View => ({ known_at: `${year}-06-01T00:00:00Z` });
    const sizes = async (view: View): Promise<number[]> =>
      (await ask(database, listComponents, view)).rows.map(({ size }) => size);
    expect(await sizes(then(2019))).toEqual([]);
    expect(await sizes(then(2020))).toEqual([1, 1, 1]);
    expect(await sizes(then(2021))).toEqual([2, 1]);
    expect(await sizes(then(2023))).toEqual([3]);
    expect(await sizes({})).toEqual([3]);
    const cycles = async (view: View): Promise<number> => (await ask(database, listCycles, view)).summary.cycles;
    expect([await cycles(then(2021)), await cycles(then(2022)), await cycles({})]).toEqual([0, 1, 0]);
    const named = async (view: View): Promise<string | undefined> =>
      (await ask(database, listCommunities, view)).rows[0]?.central.find(({ id }) => id === beliefId(1))?.content;
    expect([await named(then(2021)), await named({})]).toEqual(['first 1', 'second 1']);
    const ranks = await ask(database, listRanks, { ...then(2021), by: 'support' as const, limit: 1 });
    expect(ranks).toMatchObject({ rows: [{ score: 1, belief: { id: beliefId(2), content: 'first 2' } }] });
  });
});
