import { allPaths, polarity } from './paths.ts';
import type { OraclePath } from './paths.ts';
import { seenAt } from './world.ts';
import { randomView, randomWalk, answerOf, expectFrom, figure } from './question.ts';
import type { Asking, Question } from './question.ts';

/** One path by the fewest hops, the first in the order of the ids of its beliefs. */
export async function shortestPath(asking: Asking): Promise<Question> {
  const { world, valence, draw } = asking;
  const [from, to] = randomEnds(asking);
  const [walk, view] = [randomWalk(draw), randomView(draw)];
  const options = { ...walk, ...view, ...(draw.chance(0.5) && { maxHops: 1 + draw.int(4) }) };
  const seen = seenAt(world, view);
  const [best] = allPaths(seen, from, to, { ...walk, by: 'hops' });
  const isBeyond = best !== undefined && best.edges.length > (options.maxHops ?? 10);
  return {
    asked: `path ${from} ${to} ${JSON.stringify(options)}`,
    given: await answerOf(valence.graph.path(from, to, options), ({ outcome, paths, stopped }) => {
      // With few hops allowed, that there is none can be seen or not; both are true.
      if (outcome === 'limit' && best === undefined && options.maxHops !== undefined) return ['none', [], null];
      return [outcome, paths.map(pathAsGiven), stopped];
    }),
    expected: expectFrom(seen, [from, to], () => {
      if (isBeyond) return ['limit', [], 'hops'];
      return best === undefined ? ['none', [], null] : ['found', [pathAsExpected(best)], null];
    }),
  };
}

/** The strongest path, or some of the best by hops or strength. */
export async function bestPaths(asking: Asking): Promise<Question> {
  const { world, valence, draw } = asking;
  const [from, to] = randomEnds(asking);
  const [walk, view] = [randomWalk(draw), randomView(draw)];
  const strongest = draw.chance(0.6);
  const k = strongest && draw.chance(0.4) ? 1 : 2 + draw.int(6);
  const maxHops = draw.chance(0.4) ? 1 + draw.int(5) : undefined;
  const options = { ...walk, ...view, strongest, k, maxHops };
  const seen = seenAt(world, view);
  const all = allPaths(seen, from, to, { ...walk, by: strongest ? 'strength' : 'hops' });
  const within = all.filter(({ edges }) => edges.length <= (maxHops ?? (strongest ? Infinity : 10))).slice(0, k);
  const nothing = all.length === 0 ? 'none' : 'limit';
  return {
    asked: `best paths ${from} ${to} ${JSON.stringify(options)}`,
    given: await answerOf(valence.graph.path(from, to, options), ({ outcome, paths }) => [
      outcome,
      paths.map(pathAsGiven),
    ]),
    expected: expectFrom(seen, [from, to], () => [within.length > 0 ? 'found' : nothing, within.map(pathAsExpected)]),
  };
}

/** Mostly of one island, or there would be no path. */
function randomEnds({ world, draw }: Asking): readonly [string, string] {
  const island = draw.pick(world.islands.filter(({ length }) => length > 1));
  return [draw.pick(island), draw.chance(0.95) ? draw.pick(island) : draw.pick(draw.pick(world.islands))];
}

interface GivenPath {
  readonly hops: number;
  readonly strength: number;
  readonly polarity: string;
  readonly beliefs: readonly { readonly id: string }[];
  readonly edges: readonly { readonly id: string }[];
}

function pathAsGiven({ hops, strength, polarity: sign, beliefs, edges }: GivenPath): unknown {
  return [hops, figure(strength), sign, beliefs.map(({ id }) => id), edges.map(({ id }) => id)];
}

function pathAsExpected({ beliefs, edges, strength }: OraclePath): unknown {
  const steps = edges.map(({ id }) => id);
  return [edges.length, figure(strength), polarity(edges) === 1 ? 'supports' : 'opposes', beliefs, steps];
}
