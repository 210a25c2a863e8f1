import { EDGE_TYPES } from '../../../src/app/knowledge-calls.ts';
import { distances, walking } from './walks.ts';
import { components, cycles, CYCLE_TYPES, modularity, pageRank, shortestCycle, supportRank } from './whole-graph.ts';
import { seenAt } from './world.ts';
import { EVERYTHING, randomView, figure } from './question.ts';
import type { Asking, Question } from './question.ts';

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
