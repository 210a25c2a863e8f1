import type { PathSet, SetSearch } from './alternatives.ts';
import type { SearchLabels } from './search-labels.ts';
import type { SearchMeter } from './search-meter.ts';
import type { StepGraph } from './step-graph.ts';

interface Guided {
  readonly graph: StepGraph;
  readonly to: number;
  /** Final costs to `to` from all beliefs from where it can be reached within the bound. */
  readonly back: SearchLabels;
  readonly labels: SearchLabels;
  readonly meter: SearchMeter;
}

/**
 * The best path of a set by A* (Hart, Nilsson and Raphael 1968): costs to the end over the whole graph never say too much
 * of the part that is left, and mostly say it exactly, so that little but the path itself is looked at.
 */
export function guidedSearch(search: Guided): SetSearch {
  return {
    boundOf: (set) => bound(search, set),
    bestOf: (set, costMax) => {
      const cost = leastCost(search, set, costMax);
      if (cost === null) return null;
      return { beliefs: [...set.prefix(), ...firstPath(search, set, cost)], cost: set.prefixCost + cost };
    },
  };
}

function bound({ graph: { offsets, ends, costs }, back, meter }: Guided, set: PathSet): number {
  const { spur } = set;
  meter.pass(offsets[spur + 1]! - offsets[spur]!);
  let least = Infinity;
  for (let step = offsets[spur]!; step < offsets[spur + 1]!; step += 1) {
    const end = ends[step]!;
    const cost = costs[step]! + back.finalCostOf(end);
    if (cost < least && !set.holds(end) && !set.excludes(end)) least = cost;
  }
  return set.prefixCost + least;
}

/** From the end of the prefix to the end; what it settles stays in `labels`. */
function leastCost({ graph, to, back, labels, meter }: Guided, set: PathSet, costMax: number): number | null {
  const { offsets, ends, costs } = graph;
  const { spur } = set;
  labels.begin();
  labels.set(spur, 0);
  labels.heap.push(spur, 0);
  while (labels.heap.leastKey <= costMax - set.prefixCost) {
    const belief = labels.heap.pop();
    if (labels.isFinal(belief)) continue;
    const cost = labels.costOf(belief);
    if (belief === to) return cost;
    labels.settle(belief);
    meter.spend(offsets[belief + 1]! - offsets[belief]!);
    for (let step = offsets[belief]!; step < offsets[belief + 1]!; step += 1) {
      const [end, through] = [ends[step]!, cost + costs[step]!];
      if (through >= labels.costOf(end) || set.holds(end)) continue;
      const left = back.finalCostOf(end);
      if (left === Infinity || (belief === spur && set.excludes(end))) continue;
      labels.set(end, through);
      // Of equal sums the nearest to the end first: along a plateau it goes straight on.
      labels.heap.push(end, through + left, left);
    }
  }
  return null;
}

/**
 * The first by the numbers of its beliefs of the paths of this cost: tries steps in order, and goes back where none leads
 * on. A belief can lie on such a path at one cost only: the final one, or, where the search did not come, what is left by
 * the guide, as less would have been settled. So each that leads nowhere is seen once.
 */
function firstPath({ graph, to, back, labels, meter }: Guided, set: PathSet, least: number): number[] {
  const { offsets, ends, costs } = graph;
  const { spur } = set;
  meter.pass(set.length);
  const refused = new Set<number>();
  const lies = (belief: number, cost: number): boolean =>
    labels.isFinal(belief) ? labels.costOf(belief) === cost : cost + back.finalCostOf(belief) === least;
  const path = [spur];
  const [nextSteps, pathCosts] = [[offsets[spur]!], [0]];
  while (path.at(-1) !== to) {
    const [belief, cost, step] = [path.at(-1)!, pathCosts.at(-1)!, nextSteps.at(-1)!];
    if (step === offsets[belief + 1]!) {
      for (const stack of [path, nextSteps, pathCosts]) stack.pop();
      continue;
    }
    nextSteps[nextSteps.length - 1] = step + 1;
    const [end, through] = [ends[step]!, cost + costs[step]!];
    if (refused.has(end) || set.holds(end) || through + back.finalCostOf(end) > least || !lies(end, through)) continue;
    if (belief === spur && set.excludes(end)) continue;
    // It is on the path, or led nowhere.
    refused.add(end);
    meter.spend(offsets[end + 1]! - offsets[end]!);
    path.push(end);
    pathCosts.push(through);
    nextSteps.push(offsets[end]!);
  }
  return path.slice(1);
}
