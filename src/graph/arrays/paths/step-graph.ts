import type { Direction } from '../../walk/adjacency.ts';
import type { EdgeType } from '../../records/vocabulary.ts';
import { EDGE_TYPES } from '../../records/vocabulary.ts';
import type { Adjacency, GraphArrays } from '../graph-arrays.ts';
import type { Counts } from '../validity.ts';
import { edgesValidAt } from '../validity.ts';
import { stepCost } from './path-cost.ts';

export type PathMeasure = 'hops' | 'strength';

/** Which steps there are, and what they cost. */
export interface StepChoice {
  readonly by: PathMeasure;
  /** Seen from where the path begins; `contradicts` goes both ways whatever is said here. */
  readonly direction: Direction;
  /** All when left out. */
  readonly types?: readonly EdgeType[] | undefined;
  /** Microseconds since 2000; `null` or left out: at any time. */
  readonly asOf?: bigint | null | undefined;
}

/**
 * The steps that a search may take: those of belief `b` stand at `offsets[b]` up to but not at `offsets[b + 1]`, by their
 * ends, at most one to each: the cheapest. Costs are whole numbers above 0.
 */
export interface StepGraph {
  readonly offsets: Int32Array;
  readonly ends: Int32Array;
  readonly costs: Float64Array;
}

/** The steps of both senses, `reverse` being `forward` with every step turned. Those of the last choice are kept. */
export interface StepGraphs {
  readonly forward: StepGraph;
  readonly reverse: StepGraph;
}

const kept = new WeakMap<GraphArrays, { readonly key: string; readonly graphs: StepGraphs }>();

export function stepGraphs(arrays: GraphArrays, choice: StepChoice): StepGraphs {
  const key = JSON.stringify([choice.by, choice.direction, choice.types?.toSorted(), String(choice.asOf ?? null)]);
  const last = kept.get(arrays);
  if (last?.key === key) return last.graphs;
  const costs = edgeCosts(arrays, choice.by);
  const forward = stepGraph(arrays, passable(arrays, choice, choice.direction), costs);
  const turned = choice.direction === 'outgoing' ? 'incoming' : 'outgoing';
  const reverse = choice.direction === 'both' ? forward : stepGraph(arrays, passable(arrays, choice, turned), costs);
  const graphs = { forward, reverse };
  kept.set(arrays, { key, graphs });
  return graphs;
}

/** Whether a path may go over an edge, by its number: against its direction, or along it. */
export interface Passable {
  readonly along: Counts;
  readonly against: Counts;
}

export function passable(
  arrays: GraphArrays,
  { types, asOf }: Pick<StepChoice, 'types' | 'asOf'>,
  direction: Direction,
): Passable {
  const { type } = arrays.edges;
  const wanted = EDGE_TYPES.map((name) => types === undefined || types.includes(name));
  const mutual = EDGE_TYPES.map((name, place) => wanted[place]! && name === 'contradicts');
  const valid = edgesValidAt(arrays, asOf ?? null);
  const over = (allowed: readonly boolean[]): Counts =>
    valid === null ? (edge) => allowed[type[edge]!]! : (edge) => allowed[type[edge]!]! && valid(edge);
  return {
    along: over(direction === 'incoming' ? mutual : wanted),
    against: over(direction === 'outgoing' ? mutual : wanted),
  };
}

/** The first step from a belief whose end is not below `to`; the ends of each belief's steps ascend. */
export function firstStepTo({ offsets, ends }: Pick<StepGraph, 'offsets' | 'ends'>, from: number, to: number): number {
  let [low, high] = [offsets[from]!, offsets[from + 1]!];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! < to) low = middle + 1;
    else high = middle;
  }
  return low;
}

function stepGraph(arrays: GraphArrays, { along, against }: Passable, costs: Float64Array): StepGraph {
  const { outgoing, incoming, beliefs } = arrays;
  const steps = new StepList(outgoing.ends.length + incoming.ends.length);
  const offsets = new Int32Array(beliefs.count + 1);
  const legs = [new Leg(outgoing, along, costs), new Leg(incoming, against, costs)] as const;
  for (let belief = 0; belief < beliefs.count; belief += 1) {
    for (const leg of legs) leg.begin(belief);
    steps.merge(...legs);
    offsets[belief + 1] = steps.count;
  }
  return { offsets, ...steps.columns() };
}

function edgeCosts({ edges }: GraphArrays, by: PathMeasure): Float64Array {
  const costs = new Float64Array(edges.count);
  for (let edge = 0; edge < costs.length; edge += 1) costs[edge] = by === 'hops' ? 1 : stepCost(edges.weight[edge]!);
  return costs;
}

/** The steps of a belief over the edges of one sense, one after another by their ends. */
class Leg {
  readonly #adjacency: Adjacency;
  readonly #counts: Counts;
  readonly #costs: Float64Array;
  #at = 0;
  #last = 0;
  /** The next end; `Infinity` when there is none. */
  end = Infinity;
  cost = Infinity;

  constructor(adjacency: Adjacency, counts: Counts, costs: Float64Array) {
    this.#adjacency = adjacency;
    this.#counts = counts;
    this.#costs = costs;
  }

  begin(belief: number): void {
    this.#at = this.#adjacency.offsets[belief]!;
    this.#last = this.#adjacency.offsets[belief + 1]!;
    this.next();
  }

  next(): void {
    const { edges, ends } = this.#adjacency;
    for (; this.#at < this.#last; this.#at += 1) {
      const edge = edges[this.#at]!;
      this.cost = this.#costs[edge]!;
      if (this.cost === Infinity || !this.#counts(edge)) continue;
      this.end = ends[this.#at]!;
      this.#at += 1;
      return;
    }
    this.end = Infinity;
  }
}

class StepList {
  readonly #ends: Int32Array<ArrayBuffer>;
  readonly #costs: Float64Array<ArrayBuffer>;
  count = 0;

  constructor(capacity: number) {
    this.#ends = new Int32Array(capacity);
    this.#costs = new Float64Array(capacity);
  }

  /** Appends the steps of both legs in the order of their ends, of several to one end the cheapest. */
  merge(a: Leg, b: Leg): void {
    const first = this.count;
    while (a.end !== Infinity || b.end !== Infinity) {
      const leg = a.end <= b.end ? a : b;
      const last = this.count - 1;
      if (last >= first && this.#ends[last] === leg.end) {
        this.#costs[last] = Math.min(this.#costs[last]!, leg.cost);
      } else {
        this.#ends[this.count] = leg.end;
        this.#costs[this.count] = leg.cost;
        this.count += 1;
      }
      leg.next();
    }
  }

  columns(): { readonly ends: Int32Array; readonly costs: Float64Array } {
    return {
      ends: new Int32Array(this.#ends.buffer.transfer(this.count * 4)),
      costs: new Float64Array(this.#costs.buffer.transfer(this.count * 8)),
    };
  }
}
