import type { GraphArrays } from '../graph-arrays.ts';
import { CostHeap } from './cost-heap.ts';

/**
 * What a search knows of each belief: the least cost found so far, and whether it is final. Each search begins with none
 * known, which costs nothing: labels carry the number of the search that set them.
 */
export class SearchLabels {
  readonly heap: CostHeap = new CostHeap();
  readonly #costs: Float64Array;
  /** Twice the number of the search, and one more where the cost is final. */
  readonly #stamps: Int32Array;
  #now = 0;

  constructor(beliefs: number) {
    this.#costs = new Float64Array(beliefs);
    this.#stamps = new Int32Array(beliefs);
  }

  begin(): void {
    if (this.#now >= 2 ** 31 - 4) {
      this.#stamps.fill(0);
      this.#now = 0;
    }
    this.#now += 2;
    this.heap.clear();
  }

  /** `Infinity` where none is known. */
  costOf(belief: number): number {
    return this.#stamps[belief]! >= this.#now ? this.#costs[belief]! : Infinity;
  }

  /** `Infinity` where none is final. */
  finalCostOf(belief: number): number {
    return this.#stamps[belief] === this.#now + 1 ? this.#costs[belief]! : Infinity;
  }

  isFinal(belief: number): boolean {
    return this.#stamps[belief] === this.#now + 1;
  }

  set(belief: number, cost: number): void {
    this.#stamps[belief] = this.#now;
    this.#costs[belief] = cost;
  }

  /** Makes a known cost final. */
  settle(belief: number): void {
    this.#stamps[belief] = this.#now + 1;
  }
}

/** What searches of one set of arrays use one after another. They run to their end at once, so none meets another's. */
export interface Workspace {
  readonly ahead: SearchLabels;
  readonly back: SearchLabels;
  readonly spur: SearchLabels;
}

const workspaces = new WeakMap<GraphArrays, Workspace>();

export function workspaceOf(arrays: GraphArrays): Workspace {
  let workspace = workspaces.get(arrays);
  if (workspace === undefined) {
    const { count } = arrays.beliefs;
    workspace = { ahead: new SearchLabels(count), back: new SearchLabels(count), spur: new SearchLabels(count) };
    workspaces.set(arrays, workspace);
  }
  return workspace;
}
