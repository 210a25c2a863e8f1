import type { CommunityGraph } from './community-graph.ts';

/** A move must gain more than this part of all weight, so that rounding cannot make nodes move for ever. */
export const GAIN_MIN = 1e-12;
/** Visits a node, on average. Each move gains, so that it ends by itself; what is seen in practice is below 10. */
const VISITS_MAX = 100;

/**
 * The fast local moving of Leiden (Traag, Waltman and van Eck 2019, algorithm A.2, `MoveNodesFast`), in place: each node goes to the
 * community, of its neighbours' or empty, where the quality gains most; those of its neighbours that are elsewhere are visited again.
 * Nodes are visited in the order of their numbers; where two communities gain the same, the first met in the order of the neighbours
 * is taken, and a node stays where nothing is gained. Communities have numbers below that of the nodes.
 */
export function moveNodes(graph: CommunityGraph, community: Int32Array, resolution: number): void {
  const moving = new Moving(graph, community, resolution);
  const queue = new NodeQueue(graph.count);
  const { offsets, ends } = graph.steps;
  for (let visits = 0; visits < VISITS_MAX * graph.count && queue.length > 0; visits += 1) {
    const node = queue.take();
    if (!moving.move(node)) continue;
    for (let step = offsets[node]!; step < offsets[node + 1]!; step += 1) {
      const neighbour = ends[step]!;
      if (community[neighbour] !== community[node]) queue.add(neighbour);
    }
  }
}

class Moving {
  readonly #graph: CommunityGraph;
  readonly #community: Int32Array;
  /** Resolution over all weight: what the product of two strengths is multiplied by to give the weight expected between them. */
  readonly #expected: number;
  readonly #strength: Float64Array;
  readonly #size: Int32Array;
  readonly #empty: number[] = [];
  /** Weight from the node at hand to each community; 0 between two nodes. */
  readonly #toward: Float64Array;
  readonly #met: Int32Array;

  constructor(graph: CommunityGraph, community: Int32Array, resolution: number) {
    this.#graph = graph;
    this.#community = community;
    this.#expected = resolution / graph.total;
    this.#strength = new Float64Array(graph.count);
    this.#size = new Int32Array(graph.count);
    this.#toward = new Float64Array(graph.count);
    this.#met = new Int32Array(graph.count);
    community.forEach((of, node) => {
      this.#strength[of]! += graph.strength[node]!;
      this.#size[of]! += 1;
    });
    for (let of = graph.count - 1; of >= 0; of -= 1) if (this.#size[of] === 0) this.#empty.push(of);
  }

  /** Whether the node found a better community. */
  move(node: number): boolean {
    const from = this.#community[node]!;
    const strength = this.#graph.strength[node]!;
    this.#leave(node, from);
    const met = this.#look(node);
    let best = from;
    let gain = this.#toward[from]! - strength * this.#strength[from]! * this.#expected + GAIN_MIN * this.#graph.total;
    for (let at = 0; at < met; at += 1) {
      const to = this.#met[at]!;
      const other = this.#toward[to]! - strength * this.#strength[to]! * this.#expected;
      if (to !== from && other > gain) [best, gain] = [to, other];
      this.#toward[to] = 0;
    }
    if (gain < 0) best = this.#empty.at(-1) ?? from;
    this.#join(node, best);
    return best !== from;
  }

  #leave(node: number, from: number): void {
    this.#strength[from]! -= this.#graph.strength[node]!;
    this.#size[from]! -= 1;
    if (this.#size[from]! > 0) return;
    // Without rounding there would be nothing left.
    this.#strength[from] = 0;
    this.#empty.push(from);
  }

  #join(node: number, to: number): void {
    if (this.#size[to] === 0) this.#empty.pop();
    this.#community[node] = to;
    this.#strength[to]! += this.#graph.strength[node]!;
    this.#size[to]! += 1;
  }

  /** Adds up the weights from a node to the communities around it; gives how many there are. */
  #look(node: number): number {
    const { offsets, ends, weights } = this.#graph.steps;
    let met = 0;
    for (let step = offsets[node]!; step < offsets[node + 1]!; step += 1) {
      const to = this.#community[ends[step]!]!;
      if (this.#toward[to] === 0) this.#met[met++] = to;
      this.#toward[to]! += weights[step]!;
    }
    return met;
  }
}

/** Each node once at a time, first in first out; all of them at the beginning. */
class NodeQueue {
  length: number;
  readonly #nodes: Int32Array;
  readonly #waiting: Uint8Array;
  #first = 0;

  constructor(count: number) {
    this.length = count;
    this.#nodes = Int32Array.from({ length: count }, (_, node) => node);
    this.#waiting = new Uint8Array(count).fill(1);
  }

  take(): number {
    const node = this.#nodes[this.#first]!;
    this.#first = (this.#first + 1) % this.#nodes.length;
    this.length -= 1;
    this.#waiting[node] = 0;
    return node;
  }

  add(node: number): void {
    if (this.#waiting[node] === 1) return;
    this.#waiting[node] = 1;
    this.#nodes[(this.#first + this.length) % this.#nodes.length] = node;
    this.length += 1;
  }
}
