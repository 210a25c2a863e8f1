import type { Edge } from '../graph/records/belief-records.ts';
import type { EdgeDraft } from '../graph/records/edges.ts';
import type { Neighbour, Neighbourhood, NeighbourhoodOptions } from '../graph/walk/neighbourhood.ts';
import type { Path, PathOptions as SearchOptions, PathSearch } from '../graph/walk/path.ts';

export type { Edge, EdgeDraft, Neighbour, Neighbourhood, NeighbourhoodOptions, Path, PathSearch };
export type PathOptions = Omit<SearchOptions, 'signal'>;

/** What `valence graph …` calls; `graph.ts` implements it. What each query means is docs/decisions/0016-graph-queries.md. */
export interface GraphCalls {
  /** A belief and the live edges around it, with what stands at their other ends. @throws `graph/not-found` */
  show(id: string, options?: NeighbourhoodOptions): Promise<Neighbourhood>;
  /** @throws `graph/not-found` for an end, `graph/refused` for a self-edge, a repeated edge or a circle of `supersedes` */
  addEdge(draft: EdgeDraft): Promise<Edge>;
  /** Takes it out of use; nothing is deleted. @throws `graph/not-found` */
  retireEdge(id: string): Promise<Edge>;
  /** A shortest path by hops over live edges. @throws `graph/not-found` for an end */
  path(from: string, to: string, options?: PathOptions): Promise<PathSearch>;
}
