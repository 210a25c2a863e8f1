import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { ArraysCache } from '../../src/graph/arrays/arrays-cache.ts';
import type { GraphArrays } from '../../src/graph/arrays/graph-arrays.ts';
import { EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import { stepsFrom } from '../../src/graph/walk/adjacency.ts';
import { neighbourhood } from '../../src/graph/walk/neighbourhood.ts';
import { neighbors } from '../../src/graph/walk/neighbors.ts';
import { shortestPath } from '../../src/graph/walk/path.ts';
import { subgraph } from '../../src/graph/walk/subgraph.ts';
import type { WalkOptions } from '../../src/graph/walk/walk-options.ts';
import { walking } from '../../src/graph/walk/walk.ts';
import type { Walk } from '../../src/graph/walk/walk.ts';
import type { Database, Session } from '../../src/schema/database.ts';
import { forEachEngine } from '../support/engines.ts';
import { day, LAST_DAY, randomTypedGraph, seededNumbers, storeTypedGraph } from '../support/random-typed-graph.ts';
import type { TypedGraph } from '../support/random-typed-graph.ts';
import { failure } from '../support/sample-knowledge.ts';
import { edgesInView, inView, oracleDistances, oraclePath, oracleSteps, oracleTree } from '../support/walk-oracle.ts';
import type { OracleQuery } from '../support/walk-oracle.ts';

const GRAPHS = 20;
const QUERIES_EACH = 12;

interface Asked {
  readonly name: string;
  readonly graph: TypedGraph;
  readonly query: OracleQuery;
  readonly options: WalkOptions;
  /** Beliefs of the view, and one that may not be. */
  readonly there: readonly string[];
  readonly below: (below: number) => number;
}

function* questions(graphs: readonly TypedGraph[]): Generator<Asked> {
  for (const [index, graph] of graphs.entries()) {
    const below = seededNumbers(`questions ${index}`);
    for (let number = 0; number < QUERIES_EACH; number += 1) {
      const query: OracleQuery = {
        types: below(2) === 0 ? EDGE_TYPES : EDGE_TYPES.filter((_, type) => type === below(4) || below(3) === 0),
        direction: (['outgoing', 'incoming', 'both'] as const)[below(3)]!,
        ...(below(3) === 0 && { asOf: 1 + below(LAST_DAY) }),
        ...(below(3) === 0 && { knownAt: 2 + below(LAST_DAY) }),
      };
      const types = query.types.length === 0 ? EDGE_TYPES : query.types;
      const options = {
        ...{ types: query.types, direction: query.direction },
        as_of: query.asOf === undefined ? undefined : day(query.asOf),
        known_at: query.knownAt === undefined ? undefined : day(query.knownAt),
      };
      const there = graph.beliefs.filter((belief) => inView(belief, query) !== null).map(({ id }) => id);
      const name = `graph ${index}, question ${number}: ${JSON.stringify(options)}`;
      yield { name, graph, query: { ...query, types }, options, there, below };
    }
  }
}

forEachEngine('walks against a look at everything', ({ openMigrated }) => {
  const cache = new ArraysCache();

  async function stored(): Promise<{ database: Database; graphs: readonly TypedGraph[] }> {
    const database = await openMigrated();
    const graphs = Array.from({ length: GRAPHS }, (_, index) => randomTypedGraph(`graph ${index}`, 100 * (index + 1)));
    for (const graph of graphs) await storeTypedGraph(database, graph);
    return { database, graphs };
  }

  /** Over SQL, and with the graph in arrays: both say the same. */
  async function ask<T>(database: Database, run: (walk: Walk) => Promise<T>): Promise<T> {
    const answer = await walking(database, {}, { clock: systemClock }, run);
    const arrays = (session: Session): Promise<GraphArrays> => cache.get(session);
    expect(await walking(database, {}, { clock: systemClock, arrays }, run)).toEqual(answer);
    return answer;
  }

  test('steps, neighbors and subgraphs', async () => {
    const { database, graphs } = await stored();
    let [reached, induced] = [0, 0];
    for (const { name, graph, query, options, there, below } of questions(graphs)) {
      if (there.length === 0) continue;
      const [from, hops] = [there[below(there.length)]!, below(5)];
      const steps = await stepsFrom(database, {
        from: there,
        direction: query.direction,
        types: query.types,
        view: options,
      });
      const expected = there.flatMap((id) => oracleSteps(graph, id, query));
      expect(steps.map(({ edge, from: near, to }) => `${to} ${edge} ${near}`).toSorted(), name).toEqual(
        expected.map(({ edge, from: near, to }) => `${to} ${edge.id} ${near}`).toSorted(),
      );

      const around = await ask(database, (walk) => neighbors(walk, from, { ...options, hops }));
      const distances = oracleDistances(graph, [from], query, hops);
      expect(around, name).toMatchObject({ stopped: null, hops, belief: { id: from } });
      expect([[from, 0], ...around.beliefs.map(({ id, hops: away }) => [id, away])], name).toEqual(distances);
      for (const belief of [around.belief, ...around.beliefs]) {
        const { versions } = graph.beliefs.find(({ id }) => id === belief.id)!;
        const at = versions.indexOf(
          inView(
            graph.beliefs.find(({ id }) => id === belief.id)!,
            query,
          )!,
        );
        expect(belief.content, name).toBe(`version ${at + 1}`);
      }

      const seeds = there.filter((id) => id === from || below(4) === 0);
      const cut = await ask(database, (walk) => subgraph(walk, seeds, { ...options, hops }));
      const within = oracleDistances(graph, seeds, query, hops);
      const ids = new Set(within.map(([id]) => id));
      expect(cut, name).toMatchObject({ stopped: null, hops, seeds });
      expect(
        cut.beliefs.map(({ id, hops: away }) => [id, away]),
        name,
      ).toEqual(within);
      expect(
        cut.edges.map(({ id }) => id),
        name,
      ).toEqual(
        edgesInView(graph, query)
          .filter(({ source, target }) => ids.has(source) && ids.has(target))
          .map(({ id }) => id),
      );
      reached += around.beliefs.length;
      induced += cut.edges.length;
    }
    expect(reached).toBeGreaterThan(100);
    expect(induced).toBeGreaterThan(100);
  });

  test('shortest paths', async () => {
    const { database, graphs } = await stored();
    const outcomes = { found: 0, none: 0, limit: 0 };
    for (const { name, graph, query, options, there, below } of questions(graphs)) {
      if (there.length === 0) continue;
      for (let pair = 0; pair < 4; pair += 1) {
        const [from, to] = [there[below(there.length)]!, there[below(there.length)]!];
        const maxHops = below(3) === 0 ? 1 + below(3) : 10;
        const search = await ask(database, (walk) => shortestPath(walk, from, to, { ...options, maxHops }));
        outcomes[search.outcome] += 1;
        const expected = oraclePath(graph, from, to, query);
        const label = `${name}, ${from} to ${to} within ${maxHops}`;
        if (expected !== null && expected.edges.length <= maxHops) {
          const [path] = search.paths;
          expect(search, label).toMatchObject({ outcome: 'found', stopped: null, from, to });
          expect(
            path?.beliefs.map(({ id }) => id),
            label,
          ).toEqual(expected.beliefs);
          expect(
            path?.edges.map(({ id }) => id),
            label,
          ).toEqual(expected.edges);
          const edges = expected.edges.map((id) => graph.edges.find((edge) => edge.id === id)!);
          const turns = edges.filter(({ type }) => type === 'contradicts').length;
          expect(path, label).toMatchObject({
            hops: edges.length,
            strength: edges.reduce((product, { weight }) => product * weight, 1),
            polarity: turns % 2 === 0 ? 'supports' : 'opposes',
          });
        } else if (search.outcome === 'none') {
          expect(expected, label).toBeNull();
        } else {
          expect(search, label).toMatchObject({ outcome: 'limit', stopped: 'hops', paths: [] });
          // Nobody gives up where there is nothing left to look at.
          const [ahead] = oracleDistances(graph, [from], query).slice(-1);
          expect(ahead![1], label).toBeGreaterThan(0);
        }
      }
    }
    for (const [outcome, count] of Object.entries(outcomes)) expect(count, outcome).toBeGreaterThan(10);
  });

  test('what is shown around a belief', async () => {
    const { database, graphs } = await stored();
    let repeated = 0;
    for (const { name, graph, query, options, there, below } of questions(graphs)) {
      if (there.length === 0) continue;
      const [root, depth] = [there[below(there.length)]!, 1 + below(4)];
      const around = await ask(database, (walk) => neighbourhood(walk, root, { ...options, depth }));
      const shown = around.edges.map(({ edge, parent, belief, hops, polarity, repeated: again }) => {
        return { edge: edge.id, parent, to: belief.id, hops, polarity, repeated: again };
      });
      expect(shown, name).toEqual(oracleTree(graph, root, query, depth));
      for (const { edge, parent, direction } of around.edges) {
        expect(direction, name).toBe(edge.source === parent ? 'outgoing' : 'incoming');
      }
      expect(around, name).toMatchObject({ stopped: null, more: null, depth, belief: { id: root } });
      repeated += shown.filter((each) => each.repeated).length;
    }
    expect(repeated).toBeGreaterThan(10);
  });

  test('a belief that is not in the view is not found', async () => {
    const { database, graphs } = await stored();
    let tried = 0;
    for (const { name, graph, query, options } of questions(graphs)) {
      const absent = graph.beliefs.find((belief) => inView(belief, query) === null)?.id;
      if (absent === undefined) continue;
      tried += 1;
      const refusals = await Promise.all([
        failure(ask(database, (walk) => neighbors(walk, absent, options))),
        failure(ask(database, (walk) => neighbourhood(walk, absent, options))),
        failure(ask(database, (walk) => subgraph(walk, [absent], options))),
        failure(ask(database, (walk) => shortestPath(walk, absent, absent, options))),
      ]);
      expect(
        refusals.map(({ code }) => code),
        name,
      ).toEqual(Array.from({ length: 4 }, () => 'graph/not-found'));
    }
    expect(tried).toBeGreaterThan(5);
  });
});
