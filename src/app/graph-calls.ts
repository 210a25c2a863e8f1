import type { GraphFormat } from '../graph/formats/format-names.ts';
import type { GraphPart } from '../graph/formats/graph-part.ts';
import type { Edge } from '../graph/records/belief-records.ts';
import type { EdgeDraft } from '../graph/records/edges.ts';
import type {
  ProjectionDropped,
  ProjectionOptions,
  ProjectionReport,
  ProjectionStatus,
} from '../graph/projection/project.ts';
import type { Neighbour, Neighbourhood, NeighbourhoodOptions } from '../graph/walk/neighbourhood.ts';
import type { Neighbors, NeighborsOptions } from '../graph/walk/neighbors.ts';
import type { Path, PathSearch } from '../graph/walk/path-records.ts';
import type { PathOptions as ShortestPathOptions } from '../graph/walk/path.ts';
import type { Polarity } from '../graph/walk/polarity.ts';
import type { Subgraph, SubgraphOptions } from '../graph/walk/subgraph.ts';
import type { ReachedBelief, Walked, WalkOptions } from '../graph/walk/walk-options.ts';
import type { GraphStats, Hub } from '../graph/whole/answers/graph-stats.ts';
import type { GroupOptions as ComponentOptions } from '../graph/whole/answers/groups.ts';
import type { CommunitiesSummary, Community, CommunityOptions } from '../graph/whole/answers/list-communities.ts';
import type { Component, ComponentsSummary } from '../graph/whole/answers/list-components.ts';
import type { Cycle, CyclesSummary } from '../graph/whole/answers/list-cycles.ts';
import type { Rank, Ranking, RankOptions, RanksSummary } from '../graph/whole/answers/list-ranks.ts';
import type { Listing, Members, WholeOptions } from '../graph/whole/answers/whole-query.ts';
import type { ReasoningCalls } from './reasoning-calls.ts';

export { GRAPH_FORMATS } from '../graph/formats/format-names.ts';
export type { GraphFormat, GraphPart };
export type { Edge, EdgeDraft, Neighbour, Neighbourhood, NeighbourhoodOptions, Path, PathSearch };
export type { Neighbors, NeighborsOptions, Polarity, ReachedBelief, Subgraph, SubgraphOptions, Walked, WalkOptions };

export interface PathOptions extends ShortestPathOptions {
  /** By the greatest product of weights instead of the fewest hops. */
  readonly strongest?: boolean | undefined;
  /** So many paths, the best first; 1 when left out. */
  readonly k?: number | undefined;
}

export type * from './reasoning-calls.ts';
export type { ProjectionDropped, ProjectionOptions, ProjectionReport, ProjectionStatus };

export type { CommunitiesSummary, Community, CommunityOptions, Component, ComponentOptions, ComponentsSummary };
export type { Cycle, CyclesSummary, GraphStats, Hub, Listing, Members, Rank, Ranking, RankOptions, RanksSummary };
export type { WholeOptions };

/** What `valence graph …` calls; `graph.ts` implements it. What each query means is docs/decisions/0016-graph-queries.md. */
export interface GraphCalls extends ReasoningCalls {
  /** A belief, its sources and the edges around it, with what stands at their other ends. @throws `graph/not-found` */
  show(id: string, options?: NeighbourhoodOptions): Promise<Neighbourhood>;
  /** @throws `graph/not-found` for an end, `graph/refused` for a self-edge, a repeated edge or a circle of `supersedes` */
  addEdge(draft: EdgeDraft): Promise<Edge>;
  /** Takes it out of use; nothing is deleted. @throws `graph/not-found` */
  retireEdge(id: string): Promise<Edge>;
  /** Every belief within some hops of one. @throws `graph/not-found` */
  neighbors(id: string, options?: NeighborsOptions): Promise<Neighbors>;
  /** The beliefs within some hops of several, with every edge between two of them. @throws `graph/not-found` */
  subgraph(ids: readonly string[], options?: SubgraphOptions): Promise<Subgraph>;
  /** The best path or paths from one belief to another. @throws `graph/not-found` for an end */
  path(from: string, to: string, options?: PathOptions): Promise<PathSearch>;
  /**
   * A part of the graph, such as a subgraph, in a format of other tools, as lines without line feeds, in an order that depends only on
   * what the part holds. `svg`: @throws `graph/refused` where it is too large to draw
   */
  export(part: GraphPart, format: GraphFormat): AsyncIterable<string>;
  /**
   * Makes a graph of the beliefs and live edges in Apache AGE, for Cypher, or brings it up to date. All or nothing.
   * @throws `database/failed` where there is no AGE, or no right to use it; `graph/refused` for a name that is taken or is none
   */
  project(options?: ProjectionOptions): Promise<ProjectionReport>;
  /** Whether that graph still shows what the tables hold. @throws `graph/refused` for what cannot be a name */
  projection(options?: ProjectionOptions): Promise<ProjectionStatus>;
  /** Takes that graph away; the tables stay. @throws `graph/refused` for what cannot be a name */
  dropProjection(options?: ProjectionOptions): Promise<ProjectionDropped>;
  /** What hangs together: weakly connected components, largest first. @throws `graph/not-found`, `graph/refused` */
  components(options?: ComponentOptions): Promise<Listing<Component, ComponentsSummary>>;
  /** What belongs together: communities by the Leiden algorithm, largest first. @throws `graph/not-found`, `graph/refused` */
  communities(options?: CommunityOptions): Promise<Listing<Community, CommunitiesSummary>>;
  /** Beliefs by importance: PageRank, or what speaks for them. @throws `graph/not-found`, `graph/refused` */
  rank(options?: RankOptions): Promise<Listing<Rank, RanksSummary>>;
  /** Where beliefs lead back to themselves. @throws `graph/refused` */
  cycles(options?: WholeOptions): Promise<Listing<Cycle, CyclesSummary>>;
  /** What the base holds, and what its graph looks like. */
  stats(): Promise<GraphStats>;
}
