import type { GraphArrays, Validity } from '../../../src/graph/arrays/graph-arrays.ts';
import { edgeId } from '../../../src/graph/arrays/graph-arrays.ts';
import type { BestPath, BestPathsOptions } from '../../../src/graph/arrays/paths/best-paths.ts';
import { EDGE_TYPES } from '../../../src/graph/records/vocabulary.ts';

/** The oracle: every path without a belief twice, by plain recursion, sorted by exact products. */

/** A product of weights as a whole number times a power of two: exact. */
interface Product {
  readonly mantissa: bigint;
  readonly exponent: number;
}

const ONE: Product = { mantissa: 1n, exponent: 0 };

function times({ mantissa, exponent }: Product, weight: number): Product {
  // Single precision: 24 bits, of which the last is worth no less than 2^-149.
  let [factor, shift] = [weight, 0];
  while (!Number.isInteger(factor)) [factor, shift] = [factor * 2, shift + 1];
  return { mantissa: mantissa * BigInt(factor), exponent: exponent - shift };
}

function greaterFirst(a: Product, b: Product): number {
  const shift = Math.min(a.exponent, b.exponent);
  const [x, y] = [a.mantissa << BigInt(a.exponent - shift), b.mantissa << BigInt(b.exponent - shift)];
  return x === y ? 0 : x > y ? -1 : 1;
}

interface Step {
  readonly end: number;
  readonly edge: number;
}

function stepsFrom(arrays: GraphArrays, options: BestPathsOptions, belief: number): Step[] {
  const { source, target, count } = arrays.edges;
  const best = new Map<number, number>();
  for (let edge = 0; edge < count; edge += 1) {
    if ((source[edge] !== belief && target[edge] !== belief) || !mayStep(arrays, options, belief, edge)) continue;
    const end = source[edge] === belief ? target[edge]! : source[edge]!;
    const other = best.get(end);
    if (other === undefined || better(arrays, belief, edge, other)) best.set(end, edge);
  }
  return [...best].map(([end, edge]) => ({ end, edge })).toSorted((a, b) => a.end - b.end);
}

function mayStep({ edges, beliefs }: GraphArrays, options: BestPathsOptions, from: number, edge: number): boolean {
  const [source, target, type] = [edges.source[edge]!, edges.target[edge]!, EDGE_TYPES[edges.type[edge]!]!];
  const senses = { outgoing: source === from, incoming: target === from, both: true };
  if (!senses[options.direction] && type !== 'contradicts') return false;
  if (options.types !== undefined && !options.types.includes(type)) return false;
  if (options.by === 'strength' && edges.weight[edge] === 0) return false;
  const rows = [[edges.validity, edge] as const, ...[source, target].map((end) => [beliefs.validity, end] as const)];
  return rows.every(([validity, row]) => isValid(validity, row, options.asOf ?? null));
}

function isValid(validity: Validity | null, row: number, asOf: bigint | null): boolean {
  return asOf === null || validity === null || (validity.from[row]! <= asOf && asOf < validity.until[row]!);
}

function better({ edges, ...arrays }: GraphArrays, from: number, a: number, b: number): boolean {
  if (edges.weight[a] !== edges.weight[b]) return edges.weight[a]! > edges.weight[b]!;
  if (edges.type[a] !== edges.type[b]) return edges.type[a]! < edges.type[b]!;
  const [x, y] = [edges.source[a] === from, edges.source[b] === from];
  if (x !== y) return x;
  return edgeId({ ...arrays, edges }, a) < edgeId({ ...arrays, edges }, b);
}

export interface ExactPath extends BestPath {
  readonly product: Product;
}

export function everyPath(arrays: GraphArrays, options: BestPathsOptions): ExactPath[] {
  const found: ExactPath[] = [];
  const { from, to, maxHops = Infinity, by } = options;
  const walk = (beliefs: readonly number[], edges: readonly number[], product: Product): void => {
    const last = beliefs.at(-1)!;
    if (last === to) {
      const strength = edges.reduce((all, edge) => all * arrays.edges.weight[edge]!, 1);
      found.push({ beliefs, edges, hops: edges.length, strength, product });
      return;
    }
    if (edges.length === maxHops) return;
    for (const { end, edge } of stepsFrom(arrays, options, last)) {
      if (!beliefs.includes(end)) walk([...beliefs, end], [...edges, edge], times(product, arrays.edges.weight[edge]!));
    }
  };
  walk([from], [], ONE);
  return found.toSorted(
    (a, b) => (by === 'strength' ? greaterFirst(a.product, b.product) : 0) || a.hops - b.hops || byBeliefs(a, b),
  );
}

function byBeliefs(a: BestPath, b: BestPath): number {
  const at = a.beliefs.findIndex((belief, index) => belief !== b.beliefs[index]);
  return at === -1 ? 0 : a.beliefs[at]! - b.beliefs[at]!;
}
