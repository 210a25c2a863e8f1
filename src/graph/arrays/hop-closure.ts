import type { Limits } from '../walk/budget.ts';
import { beliefId, beliefNumber } from './graph-arrays.ts';
import type { GraphArrays } from './graph-arrays.ts';
import type { StepChoice } from './paths/step-graph.ts';
import { passable } from './paths/step-graph.ts';
import { eachStep } from './steps.ts';

/**
 * Everything within so many hops of some beliefs, as `closure` finds it over SQL: how many hops away each is, by distance,
 * then id. `null`: it costs more than the limits allow, or begins from a belief that is not there.
 */
export function hopClosure(
  arrays: GraphArrays,
  from: readonly string[],
  hops: number,
  choice: Omit<StepChoice, 'by'> & Limits,
): ReadonlyMap<string, number> | null {
  const over = passable(arrays, choice, choice.direction);
  let frontier = from.map((id) => beliefNumber(arrays, id)).toSorted((a, b) => a - b);
  if (frontier[0] === -1) return null;
  const seen = new Uint8Array(arrays.beliefs.count);
  const found = new Map<string, number>();
  let edgesLeft = choice.edgesLeft;
  const fresh: number[] = [];
  const visit = (to: number): void => {
    edgesLeft -= 1;
    if (seen[to] === 1) return;
    seen[to] = 1;
    fresh.push(to);
  };
  for (const belief of frontier) seen[belief] = 1;
  for (let distance = 0; frontier.length > 0; distance += 1) {
    for (const belief of frontier) found.set(beliefId(arrays, belief), distance);
    if (found.size > choice.beliefsLeft) return null;
    if (distance === hops) break;
    for (const belief of frontier) {
      eachStep(arrays, over, belief, visit);
      if (edgesLeft < 0) return null;
    }
    frontier = fresh.splice(0).toSorted((a, b) => a - b);
  }
  return found;
}
