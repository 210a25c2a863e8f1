import { sourceId } from '../../../src/graph/records/derived-ids.ts';
import { MOMENTS } from './random-world.ts';
import { losses, openContradictions, standings } from './reasoning.ts';
import type { Fall } from './reasoning.ts';
import { bearing, distances, listed, restingOn, supersession } from './walks.ts';
import { seenAt } from './world.ts';
import { EVERYTHING, randomView, randomBelief, answerOf, expectFrom, reached, figure } from './question.ts';
import type { Asking, Question } from './question.ts';

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
