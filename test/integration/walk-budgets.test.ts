import { sql } from 'kysely';
import { beforeEach, expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Budget } from '../../src/graph/walk/budget.ts';
import { neighbourhood, NEIGHBOURS_MAX } from '../../src/graph/walk/neighbourhood.ts';
import { neighbors } from '../../src/graph/walk/neighbors.ts';
import { shortestPath } from '../../src/graph/walk/path.ts';
import { subgraph } from '../../src/graph/walk/subgraph.ts';
import { walking } from '../../src/graph/walk/walk.ts';
import type { Walk } from '../../src/graph/walk/walk.ts';
import type { Database } from '../../src/schema/database.ts';
import { forEachEngine } from '../support/engines.ts';
import { beliefId } from '../support/sample-knowledge.ts';

/** Beliefs around the hub. */
const RIM = 3000;
const HUB = beliefId(0);

/** A clock that goes on by a second whenever it is looked at. */
function hurrying(): Clock {
  let now = 0;
  return { now: () => (now += 1000) };
}

forEachEngine('budgets of walks', ({ engine, openMigrated }) => {
  let database: Database;

  /** The hub supports all of the rim, of which number i leads on to 10000 + i; weights go round in tenths. */
  beforeEach(async () => {
    database = await openMigrated();
    await sql`INSERT INTO valence.beliefs (id, content)
      SELECT ('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, 'belief ' || i
      FROM generate_series(0, ${RIM}::int) AS i UNION ALL
      SELECT ('00000000-0000-7000-8000-' || lpad((10000 + i)::text, 12, '0'))::uuid, 'outside ' || i
      FROM generate_series(1, ${RIM}::int) AS i`.execute(database.kysely);
    await sql`INSERT INTO valence.belief_edges (id, source_id, target_id, type, weight)
      SELECT ('00000000-0000-7000-9000-' || lpad((i + part)::text, 12, '0'))::uuid,
        ('00000000-0000-7000-8000-' || lpad((CASE part WHEN 0 THEN 0 ELSE i END)::text, 12, '0'))::uuid,
        ('00000000-0000-7000-8000-' || lpad((i + part)::text, 12, '0'))::uuid, 'supports', (i % 10) / 10.0
      FROM generate_series(1, ${RIM}::int) AS i, (VALUES (0), (10000)) AS parts (part)`.execute(database.kysely);
  });

  function ask<T>(budget: Budget, run: (walk: Walk) => Promise<T>, clock: Clock = systemClock): Promise<T> {
    return walking(database, budget, { clock }, run);
  }

  test('that are just enough end nothing, and a level of thousands is walked like any other', async () => {
    const maxEdges = RIM + 2 * RIM;
    for (const view of [{}, { as_of: '2026-01-01T00:00:00Z' }]) {
      const all = await ask({ maxEdges, maxBeliefs: 2 * RIM + 1 }, (walk) =>
        neighbors(walk, HUB, { hops: 2, ...view }),
      );
      expect([all.stopped, all.beliefs.length]).toEqual([null, 2 * RIM]);
      expect(all.beliefs.slice(RIM).map(({ id }) => id)).toEqual(
        Array.from({ length: RIM }, (_, index) => beliefId(10_001 + index)),
      );
    }
    const cut = await ask({ maxEdges: maxEdges - 1 }, (walk) => neighbors(walk, HUB, { hops: 2 }));
    expect(cut.stopped).toBe('edges');
    const part = await ask({}, (walk) => subgraph(walk, [HUB]));
    expect([part.stopped, part.beliefs.length, part.edges.length]).toEqual([null, 2 * RIM + 1, 2 * RIM]);
  });

  test('beliefs', async () => {
    const found = await ask({ maxBeliefs: 11 }, (walk) => neighbors(walk, HUB, { hops: 2 }));
    expect(found.stopped).toBe('beliefs');
    expect(found.beliefs.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, index) => beliefId(index + 1)));
    const cut = await ask({ maxBeliefs: 5 }, (walk) => subgraph(walk, [HUB]));
    expect([cut.stopped, cut.beliefs.length, cut.edges.length]).toEqual(['beliefs', 5, 4]);
    const far = [beliefId(10_001), beliefId(10_002)] as const;
    expect(await ask({ maxBeliefs: 4 }, (walk) => shortestPath(walk, ...far))).toMatchObject({
      ...{ outcome: 'limit', stopped: 'beliefs', paths: [] },
    });
    expect(await ask({}, (walk) => shortestPath(walk, ...far))).toMatchObject({ outcome: 'found', stopped: null });
    const shown = await ask({ maxBeliefs: 4 }, (walk) => neighbourhood(walk, HUB));
    expect([shown.stopped, shown.edges.length, shown.more]).toEqual([
      ...['beliefs', 3],
      { edges: RIM - 3, atLeast: false },
    ]);
  });

  test('edges, and the same ones every time', async () => {
    const first = await ask({ maxEdges: 100 }, (walk) => neighbors(walk, HUB, { hops: 2 }));
    expect([first.stopped, first.beliefs.length]).toEqual(['edges', 100]);
    expect(first.beliefs.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, index) => beliefId(index + 1)));
    const cut = await ask({ maxEdges: 100 }, (walk) => subgraph(walk, [HUB], { maxEdges: 100 }));
    expect([cut.stopped, cut.beliefs.length, cut.edges.length]).toEqual(['edges', 101, 100]);
    const all = await ask({}, (walk) => subgraph(walk, [HUB], { hops: 1, maxEdges: 500 }));
    expect([all.stopped, all.beliefs.length, all.edges.length]).toEqual(['edges', RIM + 1, 500]);
    const search = await ask({ maxEdges: 50 }, (walk) => shortestPath(walk, beliefId(10_007), HUB));
    expect(search).toMatchObject({ outcome: 'found', stopped: null });
    const beyond = await ask({ maxEdges: 50 }, (walk) =>
      shortestPath(walk, beliefId(10_001), beliefId(10_002), { direction: 'incoming' }),
    );
    expect(beyond).toMatchObject({ outcome: 'none', stopped: null });
    const around = await ask({ maxEdges: 2 }, (walk) => shortestPath(walk, beliefId(10_001), beliefId(10_002)));
    expect(around).toMatchObject({ outcome: 'limit', stopped: 'edges' });
  });

  test('time', async () => {
    for (const [hops, reached] of [
      [1, 0],
      [3, RIM],
    ] as const) {
      const budget = { maxMs: hops === 1 ? 500 : 2500 };
      const found = await ask(budget, (walk) => neighbors(walk, HUB, { hops }), hurrying());
      expect([found.stopped, found.beliefs.length], `${hops} hops`).toEqual(['time', reached]);
    }
    const search = await ask({ maxMs: 500 }, (walk) => shortestPath(walk, HUB, beliefId(10_001)), hurrying());
    expect(search).toMatchObject({ outcome: 'limit', stopped: 'time' });
  });

  test('a hub is shown by its heaviest edges, and says how many more there are', async () => {
    const shown = await ask({}, (walk) => neighbourhood(walk, HUB, { depth: 2 }));
    expect(shown).toMatchObject({ stopped: 'edges', more: { edges: RIM - NEIGHBOURS_MAX, atLeast: false } });
    const heaviest = Array.from({ length: RIM }, (_, index) => index + 1)
      .toSorted((a, b) => (b % 10) - (a % 10) || a - b)
      .slice(0, NEIGHBOURS_MAX);
    expect(shown.edges.map(({ belief }) => belief.id)).toEqual(heaviest.map((number) => beliefId(number)));
    const glance = await ask({ maxEdges: 20 }, (walk) => neighbourhood(walk, HUB));
    expect(glance).toMatchObject({ stopped: 'edges', more: { edges: 0, atLeast: true } });
    expect(glance.edges.map(({ belief }) => belief.id).toSorted()).toEqual(
      Array.from({ length: 20 }, (_, index) => beliefId(index + 1)),
    );
  });

  test.runIf(engine === 'postgres')(
    'a statement that outlasts the time is broken off, and what was found stands',
    async () => {
      const found = await ask({ maxMs: 60_000 }, async (walk) => {
        const before = await walk.level((session) => sql<{ one: number }>`SELECT 1 AS one`.execute(session.kysely));
        await walk.session.execute("SET LOCAL statement_timeout = '20ms'");
        const slow = await walk.level((session) => sql`SELECT pg_sleep(600)`.execute(session.kysely));
        return { before: before?.rows, slow, stopped: walk.meter.stopped, after: await neighbors(walk, beliefId(7)) };
      });
      expect(found).toMatchObject({ before: [{ one: 1 }], slow: null, stopped: 'time', after: { beliefs: [] } });
    },
  );

  test.runIf(engine === 'postgres')('the server is told how much time is left', async () => {
    const limits = await ask({ maxMs: 20_000 }, (walk) =>
      walk.level((session) => sql`SHOW statement_timeout`.execute(session.kysely)),
    );
    expect(limits?.rows).toEqual([{ statement_timeout: '20s' }]);
    let now = 0;
    const late = await ask(
      { maxMs: 20_000 },
      async (walk) => {
        now = 15_000;
        return walk.level((session) => sql`SHOW statement_timeout`.execute(session.kysely));
      },
      { now: () => now },
    );
    expect(late?.rows).toEqual([{ statement_timeout: '5s' }]);
  });
});
