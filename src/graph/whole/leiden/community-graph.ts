import type { GraphArrays } from '../../arrays/graph-arrays.ts';
import { weightedSteps } from '../weighted-steps.ts';
import type { WeightedSteps } from '../weighted-steps.ts';

/**
 * The graph that communities are sought in: undirected, each pair of nodes joined at most once, both ways in `steps`. A node is a belief
 * or, once aggregated, a set of beliefs; what joins the beliefs of one set is in its strength only.
 */
export interface CommunityGraph {
  readonly count: number;
  readonly steps: WeightedSteps;
  /** The weights at the ends of all edges of a node, those within it counted at both ends. */
  readonly strength: Float64Array;
  /** The strengths of all nodes: twice the weight of all edges. */
  readonly total: number;
}

/** Edges of `edges` with a weight above 0, direction ignored; several between two beliefs are one with the sum of their weights. */
export function communityGraph(arrays: GraphArrays, edges: Uint8Array): CommunityGraph {
  const { weight } = arrays.edges;
  const weighty = edges.map((counts, edge) => (weight[edge]! > 0 ? counts : 0));
  const steps = weightedSteps(arrays, { outgoing: weighty, incoming: weighty });
  const strength = new Float64Array(arrays.beliefs.count);
  let total = 0;
  for (let belief = 0; belief < strength.length; belief += 1) {
    for (let step = steps.offsets[belief]!; step < steps.offsets[belief + 1]!; step += 1) {
      strength[belief]! += steps.weights[step]!;
    }
    total += strength[belief]!;
  }
  return { count: arrays.beliefs.count, steps, strength, total };
}

/** The graph whose nodes are the sets that `sets` (numbered from 0, each with a node at least) puts the nodes into. Linear. */
export function aggregated(graph: CommunityGraph, sets: Int32Array, count: number): CommunityGraph {
  const strength = new Float64Array(count);
  sets.forEach((set, node) => (strength[set]! += graph.strength[node]!));
  const { members, starts } = bySet(sets, count);
  const rows = new SetRows(graph, sets, count);
  for (let set = 0; set < count; set += 1) {
    for (const node of members.subarray(starts[set], starts[set + 1])) rows.add(node);
    rows.close(set);
  }
  return { count, steps: rows.steps(), strength, total: graph.total };
}

/** The steps between sets, filled one set after the other. */
class SetRows {
  readonly #steps: WeightedSteps;
  readonly #sets: Int32Array;
  readonly #offsets: Int32Array;
  readonly #ends: Int32Array;
  readonly #weights: Float64Array;
  /** Weight from the set at hand to each other; 0 between two sets. */
  readonly #toward: Float64Array;
  #start = 0;
  #length = 0;

  constructor({ steps }: CommunityGraph, sets: Int32Array, count: number) {
    this.#steps = steps;
    this.#sets = sets;
    this.#offsets = new Int32Array(count + 1);
    this.#ends = new Int32Array(steps.ends.length);
    this.#weights = new Float64Array(steps.ends.length);
    this.#toward = new Float64Array(count);
  }

  /** Takes up the steps of a node of the set at hand. */
  add(node: number): void {
    const { offsets, ends, weights } = this.#steps;
    const set = this.#sets[node]!;
    for (let step = offsets[node]!; step < offsets[node + 1]!; step += 1) {
      const other = this.#sets[ends[step]!]!;
      if (other === set) continue;
      if (this.#toward[other] === 0) this.#ends[this.#length++] = other;
      this.#toward[other]! += weights[step]!;
    }
  }

  close(set: number): void {
    for (let step = this.#start; step < this.#length; step += 1) {
      const end = this.#ends[step]!;
      this.#weights[step] = this.#toward[end]!;
      this.#toward[end] = 0;
    }
    this.#start = this.#length;
    this.#offsets[set + 1] = this.#length;
  }

  steps(): WeightedSteps {
    const length = this.#length;
    return { offsets: this.#offsets, ends: this.#ends.slice(0, length), weights: this.#weights.slice(0, length) };
  }
}

/** The nodes of each set, ascending. */
function bySet(sets: Int32Array, count: number): { readonly members: Int32Array; readonly starts: Int32Array } {
  const starts = new Int32Array(count + 1);
  for (const set of sets) starts[set + 1]! += 1;
  for (let set = 0; set < count; set += 1) starts[set + 1]! += starts[set]!;
  const next = starts.slice();
  const members = new Int32Array(sets.length);
  sets.forEach((set, node) => (members[next[set]!++] = node));
  return { members, starts };
}
