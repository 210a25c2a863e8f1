import { EDGE_TYPES } from '../../../src/app/knowledge-calls.ts';
import type { Valence } from '../../../src/app.ts';
import { isValenceError } from '../../../src/core/errors.ts';
import { sourceId } from '../../../src/graph/records/derived-ids.ts';
import { allPaths, polarity } from './paths.ts';
import type { OraclePath } from './paths.ts';
import { drawFrom, MOMENTS } from './random-world.ts';
import type { Draw } from './random-world.ts';
import { losses, openContradictions, standings } from './reasoning.ts';
import type { Fall } from './reasoning.ts';
import { bearing, distances, edgesBetween, listed, restingOn, supersession, walking } from './walks.ts';
import type { Walk } from './walks.ts';
import { components, cycles, CYCLE_TYPES, modularity, pageRank, shortestCycle, supportRank } from './whole-graph.ts';
import { seenAt } from './world.ts';
import type { Seen, View, World } from './world.ts';

/** A question to the library, and both answers in a form in which they are equal when they say the same. */
export interface Question {
  readonly asked: string;
  readonly given: unknown;
  readonly expected: unknown;
}

export interface Asking {
  readonly world: World;
  readonly valence: Valence;
  readonly draw: Draw;
}

export type Ask = (asking: Asking) => Promise<Question>;

/** Asks so many questions of a kind, and gives those that are answered wrongly. */
export async function wrongAnswers(
  ask: Ask,
  asking: Omit<Asking, 'draw'>,
  times: number,
): Promise<readonly Question[]> {
  const draw = drawFrom(`${ask.name} ${asking.world.beliefs[0]!.id}`);
  const wrong: Question[] = [];
  for (let time = 0; time < times; time += 1) {
    const question = await ask({ ...asking, draw });
    if (JSON.stringify(question.given) !== JSON.stringify(question.expected)) wrong.push(question);
  }
  return wrong;
}

const EVERYTHING = 100_000;
const NOT_IN_VIEW = 'graph/not-found';

function randomView(draw: Draw): View {
  return {
    ...(draw.chance(0.35) && { as_of: draw.pick(MOMENTS) }),
    ...(draw.chance(0.35) && { known_at: draw.pick(MOMENTS) }),
  };
}

function randomWalk(draw: Draw): Walk {
  return {
    ...(draw.chance(0.5) && { types: draw.some(EDGE_TYPES, 0.6) }),
    ...(draw.chance(0.7) && { direction: draw.pick(['outgoing', 'incoming', 'both'] as const) }),
  };
}

function randomBelief({ world, draw }: Asking): string {
  return draw.pick(draw.pick(world.islands));
}

/** The answer, or the code of its refusal. */
async function answerOf<T>(answer: Promise<T>, form: (answer: T) => unknown): Promise<unknown> {
  try {
    return form(await answer);
  } catch (error) {
    if (isValenceError(error)) return error.code;
    throw error;
  }
}

/** What is seen, if that can be asked from there. */
function expectFrom(seen: Seen, starts: readonly string[], form: () => unknown): unknown {
  return starts.every((id) => seen.beliefs.has(id)) ? form() : NOT_IN_VIEW;
}

function reached(beliefs: readonly { readonly id: string; readonly hops: number }[]): string[] {
  return beliefs.map(({ id, hops }) => `${hops} ${id}`);
}

/** To so many digits that single precision and the order of sums make no difference. */
function figure(value: number): string {
  return (Math.round(value * 1e6) / 1e6 + 0).toFixed(6);
}

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

export async function lineage(asking: Asking): Promise<Question> {
  const { world, valence, draw } = asking;
  const [id, view, dependents] = [randomBelief(asking), randomView(draw), draw.chance(0.5)];
  const options = { ...view, dependents };
  const seen = seenAt(world, view);
  return {
    asked: `lineage ${id} ${JSON.stringify(options)}`,
    given: await answerOf(valence.graph.lineage(id, options), ({ beliefs, sources, stopped }) => [
      reached(beliefs),
      sources.map(({ source_id: source }) => source).sort(),
      stopped,
    ]),
    expected: expectFrom(seen, [id], () => {
      const found = distances(seen, [id], dependents ? bearing : restingOn);
      const named = world.beliefs
        .filter((belief) => !dependents && found.has(belief.id))
        .flatMap(({ sources }) => sources);
      return [listed(found), [...new Set(named)].sort(), null];
    }),
  };
}

export async function supersessions(asking: Asking): Promise<Question> {
  const { world, valence, draw } = asking;
  const [id, view] = [randomBelief(asking), randomView(draw)];
  const seen = seenAt(world, view);
  return {
    asked: `supersession ${id} ${JSON.stringify(view)}`,
    given: await answerOf(valence.graph.supersession(id, view), ({ beliefs, stopped }) => {
      const related = (wanted: string): string[] =>
        reached(beliefs.filter(({ relation }) => relation === wanted)).sort();
      const newest = beliefs
        .filter(({ relation, current }) => current && relation !== 'older')
        .map((belief) => belief.id);
      return [related('older'), related('newer'), newest.sort(), stopped];
    }),
    expected: expectFrom(seen, [id], () => {
      const { supersedes, superseded_by: newer, current } = supersession(seen, id);
      return [supersedes.toSorted(), newer.toSorted(), current, null];
    }),
  };
}

export async function componentsOf({ world, valence, draw }: Asking): Promise<Question> {
  const [view, types] = [randomView(draw), draw.chance(0.5) ? draw.some(EDGE_TYPES, 0.6) : undefined];
  const options = { ...view, types, limit: EVERYTHING };
  const seen = seenAt(world, view);
  const expected = components(seen, types);
  const of = draw.pick(expected.length > 0 ? expected : [[]]);
  const { rows, summary } = await valence.graph.components(options);
  const one = of.length === 0 ? null : await valence.graph.components({ ...options, of: draw.pick(of) });
  return {
    asked: `components ${JSON.stringify(options)}`,
    given: [
      rows.map(({ name, size }) => `${size} ${name}`),
      [summary.components, summary.beliefs],
      one?.rows[0]?.members?.beliefs.map(({ id }) => id) ?? null,
    ],
    expected: [
      expected.map((group) => `${group.length} ${group[0]}`),
      [expected.length, seen.beliefs.size],
      of.length === 0 ? null : of,
    ],
  };
}

/** Each connected and within a component; of the modularity that is said, which joining two of them does not raise. */
export async function communitiesOf({ world, valence, draw }: Asking): Promise<Question> {
  const view = randomView(draw);
  const seen = seenAt(world, view);
  const { rows, summary } = await valence.graph.communities({ ...view, limit: EVERYTHING });
  const again = await valence.graph.communities({ ...view, limit: EVERYTHING });
  const groups: string[][] = [];
  for (const { name } of rows) {
    const [group] = (await valence.graph.communities({ ...view, of: name, limit: EVERYTHING })).rows;
    groups.push(group!.members!.beliefs.map(({ id }) => id).sort());
  }
  const joining = walking({ types: CYCLE_TYPES });
  const isConnected = (group: readonly string[]): boolean => {
    const inside = {
      beliefs: seen.beliefs,
      edges: seen.edges.filter(({ source, target }) => group.includes(source) && group.includes(target)),
    };
    return group.length === distances(inside, [group[0]!], joining).size;
  };
  const found = modularity(seen, groups);
  const improvable = groups.flatMap((one, index) =>
    groups.slice(index + 1).filter((other) => {
      const touches = seen.edges.some(({ source, target }) =>
        [one, other].every((side) => side.includes(source) || side.includes(target)),
      );
      if (!touches) return false;
      const joined = [...groups.filter((group) => group !== one && group !== other), [...one, ...other]];
      return modularity(seen, joined) > found + 1e-9;
    }),
  );
  return {
    asked: `communities ${JSON.stringify(view)}`,
    given: [
      groups.flat().sort(),
      groups.filter((group) => !isConnected(group)),
      figure(summary.modularity),
      improvable.length,
      JSON.stringify(again) === JSON.stringify({ rows, summary }),
      rows.map(({ name, size }) => `${size} ${name}`),
    ],
    expected: [
      [...seen.beliefs.keys()].sort(),
      [],
      figure(found),
      0,
      true,
      groups
        .toSorted((a, b) => b.length - a.length || (a[0]! < b[0]! ? -1 : 1))
        .map((group) => `${group.length} ${group[0]}`),
    ],
  };
}

export async function ranksOf({ world, valence, draw }: Asking): Promise<Question> {
  const [view, by] = [randomView(draw), draw.pick(['pagerank', 'support'] as const)];
  const options = { ...view, by, limit: EVERYTHING };
  const { rows } = await valence.graph.rank(options);
  const seen = seenAt(world, view);
  const expected = by === 'pagerank' ? pageRank(seen) : supportRank(seen);
  const isOrdered = rows.every(
    ({ score, belief }, index) =>
      index === 0 ||
      rows[index - 1]!.score > score ||
      (rows[index - 1]!.score === score && rows[index - 1]!.belief.id < belief.id),
  );
  return {
    asked: `rank ${JSON.stringify(options)}`,
    given: [rows.map(({ belief, score }) => `${belief.id} ${figure(score)}`).sort(), isOrdered],
    expected: [[...expected].map(([id, score]) => `${id} ${figure(score)}`).sort(), true],
  };
}

export async function cyclesOf({ world, valence, draw }: Asking): Promise<Question> {
  const [view, types] = [randomView(draw), draw.chance(0.5) ? draw.some(EDGE_TYPES, 0.6) : undefined];
  const options = { ...view, types, limit: EVERYTHING };
  const seen = seenAt(world, view);
  const walked = types === undefined || types.length === 0 ? CYCLE_TYPES : types;
  const step = walking({ types: walked, direction: 'outgoing' });
  const { rows } = await valence.graph.cycles(options);
  return {
    asked: `cycles ${JSON.stringify(options)}`,
    given: rows.map(({ name, size, length, beliefs, edges }) => {
      const isCycle = edges.every(({ id }, index) => {
        const edge = seen.edges.find((other) => other.id === id);
        return edge !== undefined && step(edge, beliefs[index]!.id) === beliefs[(index + 1) % length]!.id;
      });
      return [name, size, length, beliefs.length, new Set(beliefs.map(({ id }) => id)).size, beliefs[0]!.id, isCycle];
    }),
    expected: cycles(seen, walked).map((group) => {
      const length = shortestCycle(seen, group[0]!, walked);
      return [group[0], group.length, length, length, length, group[0], true];
    }),
  };
}

export async function contradictionsOf({ world, valence, draw }: Asking): Promise<Question> {
  const view = draw.chance(0.5) ? { as_of: draw.pick(MOMENTS) } : {};
  const { contradictions, total } = await valence.graph.contradictions({ ...view, grounds: true, limit: EVERYTHING });
  const expected = openContradictions(seenAt(world, view));
  return {
    asked: `contradictions ${JSON.stringify(view)}`,
    given: [
      total,
      contradictions.map(({ edge, at_stake: stake, grounds }) => [
        edge.id,
        figure(stake),
        grounds?.found,
        grounds?.nearest.map(({ belief, chains }) => `${chains[0].length + chains[1].length - 2} ${belief.id}`),
        grounds?.nearest.every(({ belief, chains }) =>
          [edge.source, edge.target].every(
            (end, side) => chains[side]![0] === belief.id && chains[side]!.at(-1) === end,
          ),
        ),
      ]),
    ],
    expected: [
      expected.length,
      expected.map(({ edge, stake, grounds }) => [edge, figure(stake), grounds.length, grounds.slice(0, 5), true]),
    ],
  };
}

export async function propagation({ world, valence, draw }: Asking): Promise<Question> {
  const view = draw.chance(0.6) ? { as_of: draw.pick(MOMENTS) } : {};
  const { beliefs } = await valence.graph.propagate({ ...view, all: true, limit: EVERYTHING });
  const expected = standings(world, seenAt(world, view));
  return {
    asked: `propagate ${JSON.stringify(view)}`,
    given: beliefs.map(({ id, grounded, strength }) => `${id} ${grounded} ${figure(strength)}`).sort(),
    expected: [...expected].map(([id, { grounded, strength }]) => `${id} ${grounded} ${figure(strength)}`).sort(),
  };
}

export async function whatIf(asking: Asking): Promise<Question> {
  const { world, valence, draw } = asking;
  const view = draw.chance(0.3) ? { as_of: draw.pick(MOMENTS) } : {};
  const without = {
    beliefs: Array.from({ length: draw.int(3) }, () => randomBelief(asking)),
    sources: draw.some(world.sources, 0.2).map(({ source_id: source }) => source),
    edges: draw.some(world.edges, 0.01).map(({ id }) => id),
  };
  const ids = [...without.beliefs, ...without.sources.map((source) => sourceId('book', source)), ...without.edges];
  const { lost } = await valence.graph.whatIf(ids, { ...view, limit: EVERYTHING });
  const expected = losses(world, seenAt(world, view), without);
  const all = [...expected.ungrounded, ...expected.weakened];
  const fall = new Map(lost.beliefs.map(({ id, before, after }) => [id, before.strength - after.strength]));
  return {
    asked: `what if ${ids.join(' ')} ${JSON.stringify(view)}`,
    given: [
      lost.ungrounded,
      lost.weakened,
      inOrder(
        lost.beliefs.map(({ id }) => ({ id, fall: fall.get(id)! })),
        lost.ungrounded,
      ),
    ],
    expected: [expected.ungrounded.length, expected.weakened.length, inOrder(all, expected.ungrounded.length)],
  };
}

/** Those whose falls are the same to six decimals, by id: the order of sums may tell them apart. */
function inOrder(falls: readonly Fall[], first: number): string[] {
  const part = (list: readonly Fall[]): string[] =>
    list
      .map(({ id, fall }) => ({ id, fall: figure(fall) }))
      .sort((a, b) => Number(b.fall) - Number(a.fall) || (a.id < b.id ? -1 : 1))
      .map(({ id, fall }) => `${id} ${fall}`);
  return [...part(falls.slice(0, first)), ...part(falls.slice(first))];
}
