import type { EdgeType } from '../../../src/app/knowledge-calls.ts';
import { distances, walking } from './walks.ts';
import type { Seen, WorldEdge } from './world.ts';

/** What can be asked of a whole graph, each by its definition. */

export const CYCLE_TYPES: readonly EdgeType[] = ['supports', 'derives_from', 'supersedes'];

/** Members by id; largest first, then by the least id. */
export function components(seen: Seen, types?: readonly EdgeType[]): string[][] {
  const left = new Set(seen.beliefs.keys());
  const groups: string[][] = [];
  for (const id of [...left].sort()) {
    if (!left.has(id)) continue;
    const group = [...distances(seen, [id], walking({ types })).keys()].sort();
    for (const member of group) left.delete(member);
    groups.push(group);
  }
  return bySizeAndName(groups);
}

/** Beliefs that each lead to each other over these edges as they are directed: two or more; order as of components. */
export function cycles(seen: Seen, types: readonly EdgeType[] = CYCLE_TYPES): string[][] {
  const step = walking({ types, direction: 'outgoing' });
  const reach = new Map([...seen.beliefs.keys()].map((id) => [id, distances(seen, [id], step)]));
  const left = new Set(reach.keys());
  const groups: string[][] = [];
  for (const id of [...left].sort()) {
    if (!left.has(id)) continue;
    const group = [...reach.get(id)!.keys()].filter((other) => reach.get(other)!.has(id)).sort();
    for (const member of group) left.delete(member);
    if (group.length > 1) groups.push(group);
  }
  return bySizeAndName(groups);
}

/** Beliefs of a shortest way from one back to it; at least two. */
export function shortestCycle(seen: Seen, id: string, types: readonly EdgeType[] = CYCLE_TYPES): number {
  const step = walking({ types, direction: 'outgoing' });
  const reached = distances(seen, [id], step);
  const backs = seen.edges.filter((edge) => edge.source !== id || edge.edge_type === 'contradicts');
  const lengths = backs.flatMap((edge) => {
    const from = edge.target === id ? edge.source : edge.target;
    return step(edge, from) === id && reached.has(from) ? [reached.get(from)! + 1] : [];
  });
  return Math.min(...lengths);
}

function bySizeAndName(groups: string[][]): string[][] {
  return groups.sort((a, b) => b.length - a.length || (a[0]! < b[0]! ? -1 : 1));
}

/** Newman's modularity of groups over weights, direction ignored and `contradicts` left out; 0 where nothing is joined. */
export function modularity({ edges }: Seen, groups: readonly (readonly string[])[]): number {
  const joining = edges.filter(({ edge_type: type }) => type !== 'contradicts');
  const total = sum(joining.map(({ weight }) => Math.fround(weight)));
  if (total === 0) return 0;
  const parts = groups.map((group) => {
    const ends = joining.map(({ source, target }) => Number(group.includes(source)) + Number(group.includes(target)));
    const within = sum(joining.map(({ weight }, index) => (ends[index] === 2 ? Math.fround(weight) : 0)));
    const degree = sum(joining.map(({ weight }, index) => ends[index]! * Math.fround(weight)));
    return within / total - (degree / (2 * total)) ** 2;
  });
  return sum(parts);
}

const DAMPING = 0.85;

/** PageRank over votes, by power iteration until nothing changes any more; the sum is 1. */
export function pageRank({ beliefs, edges }: Seen): ReadonlyMap<string, number> {
  const votes = edges.flatMap(vote).filter(({ weight }) => weight > 0);
  const ids = [...beliefs.keys()];
  const cast = new Map(ids.map((id) => [id, sum(votes.filter(({ from }) => from === id).map(({ weight }) => weight))]));
  let rank = new Map(ids.map((id) => [id, 1 / ids.length]));
  for (let round = 0; round < 300; round += 1) {
    const undecided = sum(ids.filter((id) => cast.get(id) === 0).map((id) => rank.get(id)!));
    const next = new Map(ids.map((id) => [id, (1 - DAMPING + DAMPING * undecided) / ids.length]));
    for (const { from, to, weight } of votes) {
      next.set(to, next.get(to)! + (DAMPING * rank.get(from)! * weight) / cast.get(from)!);
    }
    rank = next;
  }
  return rank;
}

interface Vote {
  readonly from: string;
  readonly to: string;
  readonly weight: number;
}

function vote({ edge_type: type, source, target, weight }: WorldEdge): readonly Vote[] {
  if (type === 'contradicts') return [];
  const [from, to] = type === 'supersedes' ? [target, source] : [source, target];
  return [{ from, to, weight: Math.fround(weight) }];
}

/** Weight × confidence of what speaks for each belief, summed. */
export function supportRank({ beliefs, edges }: Seen): ReadonlyMap<string, number> {
  const speaking = (of: string, edge: WorldEdge): string | null => {
    if (edge.edge_type === 'supports' && edge.target === of) return edge.source;
    return edge.edge_type === 'derives_from' && edge.source === of ? edge.target : null;
  };
  return new Map(
    [...beliefs.keys()].map((id) => {
      const parts = edges.map((edge) => {
        const reason = beliefs.get(speaking(id, edge) ?? '');
        const counts = reason?.status === 'active' || reason?.status === 'disputed';
        return counts ? Math.fround(edge.weight) * reason.confidence : 0;
      });
      return [id, sum(parts)];
    }),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
