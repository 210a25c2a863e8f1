import { distances, edgesBetween, listed, walking } from './walks.ts';
import { seenAt } from './world.ts';
import { randomView, randomWalk, randomBelief, answerOf, expectFrom, reached } from './question.ts';
import type { Asking, Question } from './question.ts';

export async function neighbors(asking: Asking): Promise<Question> {
  const { world, valence, draw } = asking;
  const [id, walk, view] = [randomBelief(asking), randomWalk(draw), randomView(draw)];
  const options = { ...walk, ...view, ...(draw.chance(0.8) && { hops: 1 + draw.int(4) }) };
  const seen = seenAt(world, view);
  return {
    asked: `neighbors ${id} ${JSON.stringify(options)}`,
    given: await answerOf(valence.graph.neighbors(id, options), ({ beliefs, stopped }) => [reached(beliefs), stopped]),
    expected: expectFrom(seen, [id], () => [
      listed(distances(seen, [id], walking(walk), options.hops ?? 1)).slice(1),
      null,
    ]),
  };
}

export async function subgraph(asking: Asking): Promise<Question> {
  const { world, valence, draw } = asking;
  const [walk, view] = [randomWalk(draw), randomView(draw)];
  const seeds = Array.from({ length: 1 + draw.int(3) }, () => randomBelief(asking));
  const options = { ...walk, ...view, ...(draw.chance(0.8) && { hops: draw.int(4) }) };
  const seen = seenAt(world, view);
  return {
    asked: `subgraph ${seeds.join(' ')} ${JSON.stringify(options)}`,
    given: await answerOf(valence.graph.subgraph(seeds, options), ({ beliefs, edges, stopped }) => [
      reached(beliefs),
      edges.map(({ id }) => id),
      stopped,
    ]),
    expected: expectFrom(seen, seeds, () => {
      const found = distances(seen, seeds, walking(walk), options.hops ?? 2);
      return [listed(found), edgesBetween(seen, found, walk), null];
    }),
  };
}

/** The edges that are shown: those over which a step leads from a belief nearer than the depth. */
export async function show(asking: Asking): Promise<Question> {
  const { world, valence, draw } = asking;
  const [id, walk, view] = [randomBelief(asking), randomWalk(draw), randomView(draw)];
  const options = { ...walk, ...view, ...(draw.chance(0.8) && { depth: 1 + draw.int(3) }) };
  const seen = seenAt(world, view);
  return {
    asked: `show ${id} ${JSON.stringify(options)}`,
    given: await answerOf(valence.graph.show(id, options), ({ edges, more, stopped }) => {
      const signs = new Map([[id, 'supports']]);
      const isSound = edges.every(({ parent, edge, belief, polarity: sign, repeated }) => {
        const before = signs.get(parent);
        if (!repeated) signs.set(belief.id, sign);
        const turned = before === 'supports' ? 'opposes' : 'supports';
        return sign === (edge.edge_type === 'contradicts' ? turned : before);
      });
      return [
        edges.map(({ edge }) => edge.id).sort(),
        edges.map(({ hops }) => hops).sort(ascending),
        more,
        stopped,
        isSound,
      ];
    }),
    expected: expectFrom(seen, [id], () => {
      const step = walking(walk);
      const near = distances(seen, [id], step, (options.depth ?? 1) - 1);
      const hops = new Map<string, number>();
      for (const edge of seen.edges) {
        const ends = [edge.source, edge.target].filter((end) => near.has(end) && step(edge, end) !== null);
        if (ends.length > 0) hops.set(edge.id, 1 + Math.min(...ends.map((end) => near.get(end)!)));
      }
      return [[...hops.keys()].sort(), [...hops.values()].sort(ascending), null, null, true];
    }),
  };
}

function ascending(a: number, b: number): number {
  return a - b;
}
