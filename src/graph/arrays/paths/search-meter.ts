import type { Clock } from '../../../core/clock.ts';
import type { Budget, Limit } from '../../walk/budget.ts';

/** Thrown by a meter, and caught by whoever gave it to a search. */
export class BudgetSpent extends Error {
  readonly limit: Limit;

  constructor(limit: Limit) {
    super(`the budget of ${limit} is spent`);
    this.limit = limit;
  }
}

/**
 * Counts what a search over arrays does. Of beliefs and edges there is no bound unless one is given, since the graph is in
 * memory and has so many; of time 10 seconds.
 */
export class SearchMeter {
  readonly #clock: Clock;
  readonly #end: number;
  #beliefs: number;
  #edges: number;
  #untilLook = 0;

  constructor({ maxBeliefs, maxEdges, maxMs }: Budget, clock: Clock) {
    this.#clock = clock;
    this.#beliefs = maxBeliefs ?? Infinity;
    this.#edges = maxEdges ?? Infinity;
    this.#end = clock.now() + (maxMs ?? MS_DEFAULT);
  }

  /** A belief was taken up, with so many edges. @throws BudgetSpent */
  spend(edges: number): void {
    this.#beliefs -= 1;
    this.#edges -= edges;
    if (this.#beliefs < 0) throw new BudgetSpent('beliefs');
    if (this.#edges < 0) throw new BudgetSpent('edges');
    this.pass(edges);
  }

  /** So many edges were looked at again, or as much was done. @throws BudgetSpent */
  pass(edges: number): void {
    this.#untilLook -= 1 + edges;
    if (this.#untilLook > 0) return;
    this.#untilLook = EDGES_A_LOOK;
    if (this.#clock.now() >= this.#end) throw new BudgetSpent('time');
  }
}

const MS_DEFAULT = 10_000;
/** Well under a millisecond. */
const EDGES_A_LOOK = 10_000;
