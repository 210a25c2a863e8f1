import type { EdgeType } from '../../../src/app/knowledge-calls.ts';
import type { Seen, WorldEdge } from './world.ts';

/** Walks by their definition: a level is all that one step leads to from the level before. */

export interface Walk {
  readonly types?: readonly EdgeType[] | undefined;
  readonly direction?: 'outgoing' | 'incoming' | 'both' | undefined;
}

/** How far each belief is that can be reached, in hops. */
export type Distances = ReadonlyMap<string, number>;

/** What one step over an edge leads to from a belief; `null`: it does not. */
export type Stepping = (edge: WorldEdge, from: string) => string | null;

export function walking({ types, direction = 'both' }: Walk = {}): Stepping {
  return (edge, from) => {
    if (types !== undefined && types.length > 0 && !types.includes(edge.edge_type)) return null;
    const isMutual = edge.edge_type === 'contradicts';
    if (edge.source === from && (direction !== 'incoming' || isMutual)) return edge.target;
    if (edge.target === from && (direction !== 'outgoing' || isMutual)) return edge.source;
    return null;
  };
}

/** From what a belief rests on, and so on. */
export const restingOn: Stepping = ({ edge_type: type, source, target }, from) => {
  if (type === 'derives_from' && source === from) return target;
  return type === 'supports' && target === from ? source : null;
};

/** To what rests on a belief; a chain of support goes the same way. */
export const bearing: Stepping = ({ edge_type: type, source, target }, from) => {
  if (type === 'derives_from' && target === from) return source;
  return type === 'supports' && source === from ? target : null;
};

export function distances(
  { edges }: Seen,
  starts: readonly string[],
  step: Stepping,
  hops: number = Infinity,
): Distances {
  const found = new Map(starts.map((id) => [id, 0]));
  for (let level = 0; level < hops; level += 1) {
    const before = found.size;
    for (const [id, distance] of [...found]) {
      if (distance !== level) continue;
      for (const edge of edges) {
        const next = step(edge, id);
        if (next !== null && !found.has(next)) found.set(next, level + 1);
      }
    }
    if (found.size === before) break;
  }
  return found;
}

/** By distance, then id, as `hops id`. */
export function listed(found: Distances): string[] {
  return [...found]
    .sort(([a, far], [b, further]) => far - further || (a < b ? -1 : 1))
    .map(([id, hops]) => `${hops} ${id}`);
}

/** Ids of the edges of the types between two of these, ascending. */
export function edgesBetween({ edges }: Seen, ids: ReadonlySet<string> | Distances, { types }: Walk): string[] {
  const wanted = edges.filter(
    ({ edge_type: type, source, target }) =>
      (types === undefined || types.length === 0 || types.includes(type)) && ids.has(source) && ids.has(target),
  );
  return wanted.map(({ id }) => id).sort();
}

export interface Supersession {
  /** By distance, then id. */
  readonly supersedes: readonly string[];
  readonly superseded_by: readonly string[];
  /** Ids, ascending, of those that supersede it and of itself, which nothing supersedes. */
  readonly current: readonly string[];
}

export function supersession(seen: Seen, id: string): Supersession {
  const over = (direction: 'outgoing' | 'incoming'): Map<string, number> =>
    new Map(distances(seen, [id], walking({ types: ['supersedes'], direction })));
  const [older, newer] = [over('outgoing'), over('incoming')];
  const isCurrent = (belief: string): boolean =>
    !seen.edges.some(({ edge_type: type, target }) => type === 'supersedes' && target === belief);
  const current = [...newer.keys()].filter(isCurrent).sort();
  older.delete(id);
  newer.delete(id);
  return { supersedes: listed(older), superseded_by: listed(newer), current };
}
