import type { Workspace } from './search-labels.ts';
import type { SearchLabels } from './search-labels.ts';
import type { SearchMeter } from './search-meter.ts';
import { settleNext, startAt, walkDown } from './shortest-tree.ts';
import type { StepGraph, StepGraphs } from './step-graph.ts';

export interface Ends {
  readonly from: number;
  readonly to: number;
}

/**
 * The cheapest path, of several the first by the numbers of its beliefs in order, or `null`: Dijkstra's search from both
 * ends (Nicholson 1966), until no unsettled belief can lie on a path that is as cheap as the best one met.
 */
export function cheapestPath(
  graphs: StepGraphs,
  { from, to }: Ends,
  { ahead, back }: Workspace,
  { costMax, meter }: { readonly costMax: number; readonly meter: SearchMeter },
): number[] | null {
  startAt(ahead, from);
  startAt(back, to);
  let best = costMax;
  let met = from === to;
  while (ahead.heap.leastKey + back.heap.leastKey <= best) {
    const forward = ahead.heap.size <= back.heap.size;
    const [graph, near, far] = forward ? [graphs.forward, ahead, back] : [graphs.reverse, back, ahead];
    const settled = settleNext(graph, near, meter);
    const cost = settled === -1 ? Infinity : meeting(graph, settled, near, far);
    if (cost > best) continue;
    best = cost;
    met = true;
  }
  if (!met) return null;
  completeBack(graphs.reverse, best, ahead, back);
  return [from, ...walkDown(graphs.forward, from, back)];
}

/** Cost of the cheapest path that leads over this belief and one step more to what the other side knows. */
function meeting({ offsets, ends, costs }: StepGraph, belief: number, near: SearchLabels, far: SearchLabels): number {
  const cost = near.costOf(belief);
  let best = cost + far.costOf(belief);
  for (let step = offsets[belief]!; step < offsets[belief + 1]!; step += 1) {
    best = Math.min(best, cost + costs[step]! + far.costOf(ends[step]!));
  }
  return best;
}

/**
 * Each belief of a cheapest path is settled from one side at least. Those that only the side ahead has settled get their
 * cost to the end, too: the best one less the cost to come there.
 */
function completeBack(
  { offsets, ends, costs }: StepGraph,
  best: number,
  ahead: SearchLabels,
  back: SearchLabels,
): void {
  const lies = (belief: number, cost: number): boolean =>
    !back.isFinal(belief) && ahead.finalCostOf(belief) + cost === best;
  const waiting: number[] = [];
  const complete = (belief: number, cost: number): void => {
    if (!lies(belief, cost)) return;
    back.set(belief, cost);
    back.settle(belief);
    waiting.push(belief);
  };
  for (const belief of back.heap.items()) complete(belief, back.costOf(belief));
  for (let belief = waiting.pop(); belief !== undefined; belief = waiting.pop()) {
    const cost = back.costOf(belief);
    for (let step = offsets[belief]!; step < offsets[belief + 1]!; step += 1)
      complete(ends[step]!, cost + costs[step]!);
  }
}
