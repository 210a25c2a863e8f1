import { EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import type { EdgeType } from '../../src/graph/records/vocabulary.ts';
import type { Direction } from '../../src/graph/walk/adjacency.ts';
import type { GraphBelief, GraphEdge, GraphVersion, Span, TypedGraph } from './random-typed-graph.ts';

/** Every query of docs/decisions/0016 that walks, by looking at everything: the slow truth that SQL is compared with. */
export interface OracleQuery {
  readonly types: readonly EdgeType[];
  readonly direction: Direction;
  /** Days. */
  readonly asOf?: number | undefined;
  readonly knownAt?: number | undefined;
}

export interface OracleStep {
  readonly edge: GraphEdge;
  readonly from: string;
  readonly to: string;
}

/** The version of a belief that is in the view; `null`: none. */
export function inView(belief: GraphBelief, { asOf, knownAt }: OracleQuery): GraphVersion | null {
  const known = belief.versions.filter(({ recorded, replaced }) =>
    knownAt === undefined ? replaced === null : recorded <= knownAt && (replaced === null || replaced > knownAt),
  );
  return known.find(({ valid }) => covers(valid, asOf)) ?? null;
}

/** The steps from one belief, as they may be walked, by the edge's id. */
export function oracleSteps(graph: TypedGraph, from: string, query: OracleQuery): OracleStep[] {
  return edgesInView(graph, query).flatMap((edge): OracleStep[] => {
    const mutual = edge.type === 'contradicts';
    if (edge.source === from && (mutual || query.direction !== 'incoming')) return [{ edge, from, to: edge.target }];
    if (edge.target === from && (mutual || query.direction !== 'outgoing')) return [{ edge, from, to: edge.source }];
    return [];
  });
}

/** Edges of the view and types, by id. */
export function edgesInView(graph: TypedGraph, query: OracleQuery): GraphEdge[] {
  const { asOf, knownAt, types } = query;
  const there = new Set(graph.beliefs.filter((belief) => inView(belief, query) !== null).map(({ id }) => id));
  return graph.edges
    .filter(({ type, source, target }) => types.includes(type) && there.has(source) && there.has(target))
    .filter(({ created, retired }) =>
      knownAt === undefined ? retired === null : created <= knownAt && (retired === null || retired > knownAt),
    )
    .filter(({ valid }) => covers(valid, asOf))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** How many hops away everything is that can be reached, by distance, then id. */
export function oracleDistances(
  graph: TypedGraph,
  from: readonly string[],
  query: OracleQuery,
  hops: number = Infinity,
): [string, number][] {
  const distances = new Map(from.map((id) => [id, 0]));
  for (let level = from, distance = 1; level.length > 0 && distance <= hops; distance += 1) {
    const next = new Set(level.flatMap((id) => oracleSteps(graph, id, query).map(({ to }) => to)));
    level = [...next].filter((id) => !distances.has(id));
    for (const id of level) distances.set(id, distance);
  }
  return [...distances].toSorted(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
}

export interface OraclePath {
  readonly beliefs: readonly string[];
  readonly edges: readonly string[];
}

/** Of the paths of fewest hops the one whose beliefs come first; every path is looked at. */
export function oraclePath(graph: TypedGraph, from: string, to: string, query: OracleQuery): OraclePath | null {
  let best: readonly string[] | null = null;
  const visit = (beliefs: readonly string[]): void => {
    const last = beliefs.at(-1)!;
    if (last === to && (best === null || before(beliefs, best))) best = beliefs;
    if (last === to || (best !== null && beliefs.length >= best.length)) return;
    for (const next of new Set(oracleSteps(graph, last, query).map((step) => step.to))) {
      if (!beliefs.includes(next)) visit([...beliefs, next]);
    }
  };
  visit([from]);
  const found = best as readonly string[] | null;
  if (found === null) return null;
  const edges = found.slice(1).map((id, index) => {
    const between = oracleSteps(graph, found[index]!, query).filter((step) => step.to === id);
    return between.map(({ edge }) => edge).toSorted(preferredFrom(found[index]!))[0]!.id;
  });
  return { beliefs: found, edges };
}

export interface OracleBranch {
  readonly edge: string;
  readonly parent: string;
  readonly to: string;
  readonly hops: number;
  readonly polarity: 'supports' | 'opposes';
  readonly repeated: boolean;
}

/** The tree that `show` draws, level by level. */
export function oracleTree(graph: TypedGraph, root: string, query: OracleQuery, depth: number): OracleBranch[] {
  const branches: OracleBranch[] = [];
  const polarities = new Map<string, 'supports' | 'opposes'>([[root, 'supports']]);
  let level = [root];
  for (let hops = 1; hops <= depth; hops += 1) {
    const next: string[] = [];
    for (const parent of level) {
      const steps = oracleSteps(graph, parent, query).toSorted(
        (a, b) => order(a.edge) - order(b.edge) || b.edge.weight - a.edge.weight || (a.edge.id < b.edge.id ? -1 : 1),
      );
      for (const { edge, to } of steps) {
        if (branches.some((branch) => branch.edge === edge.id)) continue;
        const turned = polarities.get(parent) === 'supports' ? 'opposes' : 'supports';
        const polarity = edge.type === 'contradicts' ? turned : polarities.get(parent)!;
        const repeated = polarities.has(to);
        branches.push({ edge: edge.id, parent, to, hops, polarity, repeated });
        if (!repeated) next.push(to);
        if (!repeated) polarities.set(to, polarity);
      }
    }
    level = next;
  }
  return branches;
}

/** The strongest, then the first type, then the one that points along the path. */
function preferredFrom(id: string): (a: GraphEdge, b: GraphEdge) => number {
  const against = ({ source }: GraphEdge): number => (source === id ? 0 : 1);
  return (a, b) => b.weight - a.weight || order(a) - order(b) || against(a) - against(b) || (a.id < b.id ? -1 : 1);
}

function order({ type }: GraphEdge): number {
  return EDGE_TYPES.indexOf(type);
}

/** Fewer hops, then the ids in order. */
function before(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length ? a.join() < b.join() : a.length < b.length;
}

function covers({ from, until }: Span, time: number | undefined): boolean {
  return time === undefined || ((from === null || from <= time) && (until === null || until > time));
}
