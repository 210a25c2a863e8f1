import type { Clock } from '../../../core/clock.ts';
import type { Budget, Limit } from '../../walk/budget.ts';
import type { GraphArrays } from '../graph-arrays.ts';
import type { FoundPath, SetSearch } from './alternatives.ts';
import { bestFirst, PathSet } from './alternatives.ts';
import { guidedSearch } from './guided-search.ts';
import { hopBoundSearch } from './hop-bound-search.ts';
import { PATH_COST_MAX } from './path-cost.ts';
import { edgeOfStep } from './path-edges.ts';
import type { Workspace } from './search-labels.ts';
import { workspaceOf } from './search-labels.ts';
import { BudgetSpent, SearchMeter } from './search-meter.ts';
import { hopTree, shortestTree, walkDown } from './shortest-tree.ts';
import type { StepChoice, StepGraph, StepGraphs } from './step-graph.ts';
import { firstStepTo, passable, stepGraphs } from './step-graph.ts';
import type { Ends } from './two-ended-search.ts';
import { cheapestPath } from './two-ended-search.ts';

export interface BestPathsOptions extends StepChoice, Ends {
  /** How many; 1 when left out. */
  readonly k?: number | undefined;
  /** Longer paths are not taken; without it there is no bound. */
  readonly maxHops?: number | undefined;
  /** Of beliefs and edges there is no bound where none is given; of time there always is one. */
  readonly budget?: Budget | undefined;
  readonly clock: Clock;
}

/** Numbers of beliefs and edges in the arrays. */
export interface BestPath {
  readonly beliefs: readonly number[];
  readonly edges: readonly number[];
  readonly hops: number;
  /** The product of the weights, from the first edge to the last. */
  readonly strength: number;
}

/**
 * `found`: the best paths in order; fewer than asked for where there are no more, or `limit` ended the search. `none`: there
 * is no path. `limit`: none was found before it was reached.
 */
export interface BestPaths {
  readonly outcome: 'found' | 'none' | 'limit';
  readonly limit: Limit | null;
  readonly paths: readonly BestPath[];
}

/**
 * The best paths without a belief twice, by fewest hops or by greatest strength (docs/decisions/0016-graph-queries.md):
 * the same for the same graph, whatever the order of its edges.
 */
export function bestPaths(arrays: GraphArrays, options: BestPathsOptions): BestPaths {
  const search = new PathSearch(arrays, options);
  const found: FoundPath[] = [];
  let limit: Limit | null = null;
  try {
    limit = search.collect(found);
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error;
    limit = error.limit;
  }
  const paths = found.map(({ beliefs }) => pathOver(arrays, options, beliefs));
  return { outcome: paths.length > 0 ? 'found' : limit === null ? 'none' : 'limit', limit, paths };
}

class PathSearch {
  readonly #options: BestPathsOptions;
  readonly #graphs: StepGraphs;
  readonly #workspace: Workspace;
  readonly #meter: SearchMeter;
  readonly #k: number;

  constructor(arrays: GraphArrays, options: BestPathsOptions) {
    this.#options = options;
    this.#meter = new SearchMeter(options.budget ?? {}, options.clock);
    this.#graphs = stepGraphs(arrays, options);
    this.#workspace = workspaceOf(arrays);
    this.#k = options.k ?? 1;
  }

  /** Appends what it finds to `found`, in order; gives the bound that kept it from finding more. */
  collect(found: FoundPath[]): Limit | null {
    const { by, maxHops = Infinity } = this.#options;
    const unbound: FoundPath[] = [];
    for (const path of this.#unbound()) {
      unbound.push(path);
      if (by === 'strength' && path.beliefs.length - 1 > maxHops) break;
      if (path.beliefs.length - 1 > maxHops) return 'hops';
      // Those of greater strength come first whether hops are bound or not.
      found.push(path);
    }
    if (unbound.length === found.length) return null;
    // The first ones are those that were found already.
    let place = 0;
    for (const path of this.#hopBound(maxHops)) found[place++] = path;
    return found.length < this.#k ? 'hops' : null;
  }

  *#unbound(): Generator<FoundPath, void, undefined> {
    const { by, from, to } = this.#options;
    const costMax = by === 'hops' ? HOPS_MAX : PATH_COST_MAX;
    const bounds = { costMax, meter: this.#meter };
    const { back, spur } = this.#workspace;
    const { forward, reverse } = this.#graphs;
    if (this.#k === 1) {
      const beliefs = cheapestPath(this.#graphs, { from, to }, this.#workspace, bounds);
      if (beliefs !== null) yield { beliefs, cost: back.finalCostOf(from) };
      return;
    }
    shortestTree(reverse, to, back, bounds);
    if (!back.isFinal(from)) return;
    const first = { beliefs: [from, ...walkDown(forward, from, back)], cost: back.finalCostOf(from) };
    yield* this.#from(first, costMax, guidedSearch({ graph: forward, to, back, labels: spur, meter: this.#meter }));
  }

  *#hopBound(maxHops: number): Generator<FoundPath, void, undefined> {
    const { from, to } = this.#options;
    const { ahead } = this.#workspace;
    hopTree(this.#graphs.forward, from, ahead, { costMax: maxHops, meter: this.#meter });
    const search = hopBoundSearch({ graphs: this.#graphs, to, maxHops, hopsAhead: ahead, meter: this.#meter });
    const first = search.bestOf(PathSet.ofAllFrom(from), PATH_COST_MAX);
    if (first !== null) yield* this.#from(first, PATH_COST_MAX, search);
  }

  #from(first: FoundPath, costMax: number, search: SetSearch): Generator<FoundPath, void, undefined> {
    const { forward } = this.#graphs;
    return bestFirst(first, { k: this.#k, costMax }, (from, to) => costOfStep(forward, from, to), search);
  }
}

/** No path has so many. */
const HOPS_MAX = 2 ** 31;

function costOfStep(graph: StepGraph, from: number, to: number): number {
  return graph.costs[firstStepTo(graph, from, to)]!;
}

function pathOver(arrays: GraphArrays, options: BestPathsOptions, beliefs: readonly number[]): BestPath {
  const counts = passable(arrays, options, options.direction);
  const edges = beliefs.slice(1).map((belief, place) => edgeOfStep(arrays, counts, beliefs[place]!, belief));
  const strength = edges.reduce((product, edge) => product * arrays.edges.weight[edge]!, 1);
  return { beliefs, edges, hops: edges.length, strength };
}
