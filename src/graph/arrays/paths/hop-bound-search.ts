import type { PathSet, SetSearch } from './alternatives.ts';
import { CostHeap } from './cost-heap.ts';
import type { SearchLabels } from './search-labels.ts';
import type { SearchMeter } from './search-meter.ts';
import type { StepGraphs } from './step-graph.ts';

interface HopBound {
  readonly graphs: StepGraphs;
  readonly to: number;
  readonly maxHops: number;
  /** Fewest hops from the beginning, final for all beliefs within `maxHops`. */
  readonly hopsAhead: SearchLabels;
  readonly meter: SearchMeter;
}

/**
 * The best path of a set that has at most `maxHops` hops in all. Backwards from the end with labels of a belief, a cost and
 * a number of hops (Hansen 1980): one is needed only if it has fewer hops than each cheaper one of its belief, so there are
 * at most `maxHops` of each. What comes twice to a belief costs more and has more hops than without the detour, so the
 * best path does not.
 */
export function hopBoundSearch(search: HopBound): SetSearch {
  return {
    boundOf: ({ length, prefixCost }) => (length > search.maxHops ? Infinity : prefixCost),
    bestOf: (set, costMax) => {
      const spread = new Spread(search, set);
      const cost = spread.costToEnd(costMax - set.prefixCost);
      return cost === null ? null : { beliefs: [...set.prefix(), ...spread.path(cost)], cost: set.prefixCost + cost };
    },
  };
}

/** The labels of one search. */
class Spread {
  readonly #search: HopBound;
  readonly #set: PathSet;
  readonly #hopsLeft: number;
  readonly #heap = new CostHeap();
  readonly #labels: Label[] = [];
  /** Settled ones of each belief, by cost, each with fewer hops than the one before. */
  readonly #settled = new Map<number, Label[]>();

  constructor(search: HopBound, set: PathSet) {
    this.#search = search;
    this.#set = set;
    this.#hopsLeft = search.maxHops - (set.length - 1);
  }

  costToEnd(costMax: number): number | null {
    const { graphs, to, meter } = this.#search;
    const { offsets, ends, costs } = graphs.reverse;
    this.#add({ belief: to, cost: 0, hops: 0 });
    while (this.#heap.leastKey <= costMax) {
      const label = this.#labels[this.#heap.pop()]!;
      const { belief, cost, hops } = label;
      if (hops >= this.#fewestHops(belief)) continue;
      this.#settle(label);
      if (belief === this.#set.spur) return cost;
      meter.spend(offsets[belief + 1]! - offsets[belief]!);
      for (let step = offsets[belief]!; step < offsets[belief + 1]!; step += 1) {
        if (!this.#leads(ends[step]!, belief)) continue;
        this.#add({ belief: ends[step]!, cost: cost + costs[step]!, hops: hops + 1 });
      }
    }
    return null;
  }

  /** The first by the numbers of its beliefs of the paths of this cost, without the end of the prefix. */
  path(cost: number): number[] {
    const { offsets, ends, costs } = this.#search.graphs.forward;
    const path: number[] = [];
    for (let [belief, left] = [this.#set.spur, cost]; left > 0; belief = path.at(-1)!) {
      let step = offsets[belief]!;
      while (!this.#goesOn(belief, ends[step]!, left - costs[step]!, this.#hopsLeft - path.length - 1)) step += 1;
      left -= costs[step]!;
      path.push(ends[step]!);
    }
    return path;
  }

  #goesOn(belief: number, end: number, left: number, hopsLeft: number): boolean {
    if (!this.#leads(belief, end)) return false;
    return this.#settled.get(end)?.some(({ cost, hops }) => cost === left && hops <= hopsLeft) === true;
  }

  /** Whether a path of the set may step from the one to the other. */
  #leads(from: number, to: number): boolean {
    return from === this.#set.spur ? !this.#set.excludes(to) : !this.#set.holds(from);
  }

  #add(label: Label): void {
    const { belief, cost, hops } = label;
    const { hopsAhead } = this.#search;
    const before = Math.max(0, hopsAhead.finalCostOf(belief) - hopsAhead.finalCostOf(this.#set.spur));
    if (hops + before > this.#hopsLeft || hops >= this.#fewestHops(belief)) return;
    this.#heap.push(this.#labels.length, cost, hops);
    this.#labels.push(label);
  }

  #settle(label: Label): void {
    const settled = this.#settled.get(label.belief);
    if (settled === undefined) this.#settled.set(label.belief, [label]);
    else settled.push(label);
  }

  #fewestHops(belief: number): number {
    return this.#settled.get(belief)?.at(-1)?.hops ?? Infinity;
  }
}

interface Label {
  readonly belief: number;
  readonly cost: number;
  readonly hops: number;
}
