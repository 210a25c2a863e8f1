import type { SearchLabels } from './search-labels.ts';
import type { SearchMeter } from './search-meter.ts';
import type { StepGraph } from './step-graph.ts';

/** Final costs in `labels` of all beliefs that can be reached from one at no more than `costMax` (Dijkstra 1959). */
export function shortestTree(
  graph: StepGraph,
  from: number,
  labels: SearchLabels,
  { costMax, meter }: { readonly costMax: number; readonly meter: SearchMeter },
): void {
  startAt(labels, from);
  while (labels.heap.leastKey <= costMax) settleNext(graph, labels, meter);
}

/** The same where every step counts for one: by breadth. */
export function hopTree(
  { offsets, ends }: StepGraph,
  from: number,
  labels: SearchLabels,
  { costMax, meter }: { readonly costMax: number; readonly meter: SearchMeter },
): void {
  labels.begin();
  const reached = [from];
  const reach = (belief: number, hops: number): void => {
    labels.set(belief, hops);
    labels.settle(belief);
  };
  reach(from, 0);
  for (const belief of reached) {
    const hops = labels.costOf(belief) + 1;
    if (hops > costMax) return;
    meter.spend(offsets[belief + 1]! - offsets[belief]!);
    for (let step = offsets[belief]!; step < offsets[belief + 1]!; step += 1) {
      const end = ends[step]!;
      if (labels.isFinal(end)) continue;
      reach(end, hops);
      reached.push(end);
    }
  }
}

export function startAt(labels: SearchLabels, belief: number): void {
  labels.begin();
  labels.set(belief, 0);
  labels.heap.push(belief, 0);
}

/** Takes the nearest belief that is not settled yet, if the heap has one left; gives it, or -1. */
export function settleNext(graph: StepGraph, labels: SearchLabels, meter: SearchMeter): number {
  const belief = labels.heap.pop();
  if (labels.isFinal(belief)) return -1;
  const cost = labels.costOf(belief);
  labels.settle(belief);
  const { offsets, ends, costs } = graph;
  const [first, last] = [offsets[belief]!, offsets[belief + 1]!];
  meter.spend(last - first);
  for (let step = first; step < last; step += 1) {
    const [end, through] = [ends[step]!, cost + costs[step]!];
    if (through >= labels.costOf(end)) continue;
    labels.set(end, through);
    labels.heap.push(end, through);
  }
  return belief;
}

/**
 * The cheapest path from a belief, of several the first by the numbers of its beliefs in order; `back` has the final costs
 * from each belief of such a path to where it leads. Its beliefs after `from`.
 */
export function walkDown(graph: StepGraph, from: number, back: SearchLabels): number[] {
  const path: number[] = [];
  let [belief, left] = [from, back.finalCostOf(from)];
  while (left > 0) {
    const step = nextStep(graph, belief, left, back);
    belief = graph.ends[step]!;
    left -= graph.costs[step]!;
    path.push(belief);
  }
  return path;
}

function nextStep({ offsets, ends, costs }: StepGraph, belief: number, left: number, back: SearchLabels): number {
  let step = offsets[belief]!;
  while (back.finalCostOf(ends[step]!) + costs[step]! !== left) step += 1;
  return step;
}
