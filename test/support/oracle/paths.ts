import { EDGE_TYPES } from '../../../src/app/knowledge-calls.ts';
import type { Seen, WorldEdge } from './world.ts';
import { walking } from './walks.ts';
import type { Walk } from './walks.ts';

/** Every path without a belief twice, one after another: only for graphs of a few beliefs. */

export interface OraclePath {
  readonly beliefs: readonly string[];
  readonly edges: readonly WorldEdge[];
  /** The product of the weights. */
  readonly strength: number;
}

export interface PathQuery extends Walk {
  readonly by: 'hops' | 'strength';
}

/** Best first, all of them. Between two beliefs the strongest edge, of equal ones the first type, then the one that points along the path. */
export function allPaths(seen: Seen, from: string, to: string, query: PathQuery): readonly OraclePath[] {
  const found: OraclePath[] = [];
  const step = walking(query);
  const go = (beliefs: readonly string[], edges: readonly WorldEdge[]): void => {
    const here = beliefs.at(-1)!;
    if (here === to) {
      found.push({ beliefs, edges, strength: edges.reduce((product, { weight }) => product * weight, 1) });
      return;
    }
    const ways = new Map<string, WorldEdge>();
    for (const edge of seen.edges) {
      const next = step(edge, here);
      if (next === null || beliefs.includes(next) || (query.by === 'strength' && edge.weight === 0)) continue;
      const other = ways.get(next);
      if (other === undefined || isBetter(edge, other, here)) ways.set(next, edge);
    }
    for (const [next, edge] of ways) go([...beliefs, next], [...edges, edge]);
  };
  go([from], []);
  return found.sort(
    (a, b) => (query.by === 'strength' ? digits(b.strength) - digits(a.strength) : 0) || byHopsAndIds(a, b),
  );
}

export function polarity(edges: readonly { readonly edge_type: string }[]): 1 | -1 {
  return edges.filter(({ edge_type: type }) => type === 'contradicts').length % 2 === 0 ? 1 : -1;
}

function isBetter(edge: WorldEdge, other: WorldEdge, here: string): boolean {
  if (edge.weight !== other.weight) return edge.weight > other.weight;
  const place = EDGE_TYPES.indexOf(edge.edge_type) - EDGE_TYPES.indexOf(other.edge_type);
  if (place !== 0) return place < 0;
  if (edge.source !== other.source) return edge.source === here;
  // Of a time past, two of one type may have been live at once in what was imported.
  return edge.id < other.id;
}

/** Without those that the order of multiplication makes. */
function digits(strength: number): number {
  return Number(strength.toPrecision(12));
}

function byHopsAndIds(a: OraclePath, b: OraclePath): number {
  return a.beliefs.length - b.beliefs.length || (a.beliefs.join(' ') < b.beliefs.join(' ') ? -1 : 1);
}
