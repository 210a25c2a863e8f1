import type { CommunityGraph } from './community-graph.ts';

/**
 * The refinement of Leiden (Traag, Waltman and van Eck 2019, algorithm A.2, `RefinePartition`): within each community of a partition, nodes
 * that stand alone join the set of neighbours, of the same community, where the quality gains most and does not fall. Node and set must
 * be well connected to the rest of their community, which together with that gain keeps every set connected. Gives the set
 * of each node; sets have numbers below that of the nodes. Linear.
 *
 * Where the paper draws a set at random, the better the likelier, this takes the best one, the limit of its θ → 0; the guarantees of
 * each round need no more.
 */
export function refine(graph: CommunityGraph, community: Int32Array, resolution: number): Int32Array {
  const refinement = new Refinement(graph, community, resolution);
  for (let node = 0; node < graph.count; node += 1) refinement.merge(node);
  return refinement.set;
}

class Refinement {
  readonly set: Int32Array;
  readonly #graph: CommunityGraph;
  readonly #community: Int32Array;
  readonly #expected: number;
  readonly #communityStrength: Float64Array;
  readonly #setStrength: Float64Array;
  /** Weight from a set to the rest of its community. */
  readonly #outside: Float64Array;
  readonly #size: Int32Array;
  readonly #toward: Float64Array;
  readonly #met: Int32Array;

  constructor(graph: CommunityGraph, community: Int32Array, resolution: number) {
    this.#graph = graph;
    this.#community = community;
    this.#expected = resolution / graph.total;
    this.set = Int32Array.from({ length: graph.count }, (_, node) => node);
    this.#communityStrength = new Float64Array(graph.count);
    community.forEach((of, node) => (this.#communityStrength[of]! += graph.strength[node]!));
    this.#setStrength = graph.strength.slice();
    this.#outside = new Float64Array(graph.count).map((_, node) => this.#weightWithin(node));
    this.#size = new Int32Array(graph.count).fill(1);
    this.#toward = new Float64Array(graph.count);
    this.#met = new Int32Array(graph.count);
  }

  /** Lets a node that still stands alone join a set. */
  merge(node: number): void {
    if (this.#size[node] !== 1 || this.set[node] !== node || !this.#wellConnected(node)) return;
    const met = this.#look(node);
    const strength = this.#graph.strength[node]!;
    let [best, gain, weight] = [-1, 0, 0];
    for (let at = 0; at < met; at += 1) {
      const to = this.#met[at]!;
      const toward = this.#toward[to]!;
      this.#toward[to] = 0;
      const other = toward - strength * this.#setStrength[to]! * this.#expected;
      if (other < 0 || (best >= 0 && other <= gain) || !this.#wellConnected(to)) continue;
      [best, gain, weight] = [to, other, toward];
    }
    if (best >= 0) this.#join(node, best, weight);
  }

  /** Whether what joins a set to the rest of its community is no less than would be expected by chance. */
  #wellConnected(set: number): boolean {
    const strength = this.#setStrength[set]!;
    const rest = this.#communityStrength[this.#community[set]!]! - strength;
    return this.#outside[set]! >= strength * rest * this.#expected;
  }

  #join(node: number, to: number, weight: number): void {
    this.set[node] = to;
    this.#size[to]! += 1;
    this.#setStrength[to]! += this.#graph.strength[node]!;
    this.#outside[to]! += this.#outside[node]! - 2 * weight;
  }

  /** Adds up the weights from a node to the sets of its community; gives how many it meets. */
  #look(node: number): number {
    const { offsets, ends, weights } = this.#graph.steps;
    let met = 0;
    for (let step = offsets[node]!; step < offsets[node + 1]!; step += 1) {
      const end = ends[step]!;
      if (this.#community[end] !== this.#community[node]) continue;
      const to = this.set[end]!;
      if (this.#toward[to] === 0) this.#met[met++] = to;
      this.#toward[to]! += weights[step]!;
    }
    return met;
  }

  #weightWithin(node: number): number {
    const { offsets, ends, weights } = this.#graph.steps;
    let within = 0;
    for (let step = offsets[node]!; step < offsets[node + 1]!; step += 1) {
      if (this.#community[ends[step]!] === this.#community[node]) within += weights[step]!;
    }
    return within;
  }
}
