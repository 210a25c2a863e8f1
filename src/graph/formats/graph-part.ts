import { invariant } from '../../core/errors.ts';
import type { Belief, Edge } from '../records/belief-records.ts';

/**
 * A part of the graph, as queries give it: a subgraph is one as it is, and the beliefs and edges of any other answer make
 * one. Both ends of each edge are among the beliefs.
 */
export interface GraphPart {
  readonly beliefs: readonly Belief[];
  readonly edges: readonly Edge[];
  /** Ids of beliefs that were asked for, to be told from those around them. */
  readonly seeds?: readonly string[] | undefined;
}

/** The same in the order of ids, each once: so that a format depends on what the part holds, not on how it was found. */
export function ordered({ beliefs, edges, seeds = [] }: GraphPart): Required<GraphPart> {
  const known = byId(beliefs);
  const sorted = byId(edges);
  for (const { id, source, target } of sorted.values()) {
    invariant(known.has(source) && known.has(target), `an end of the edge ${id} is missing`);
  }
  return {
    beliefs: [...known.values()],
    edges: [...sorted.values()],
    seeds: [...new Set(seeds)].filter((id) => known.has(id)).sort(),
  };
}

function byId<T extends { readonly id: string }>(records: readonly T[]): ReadonlyMap<string, T> {
  const found = new Map(records.map((record) => [record.id, record]));
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
