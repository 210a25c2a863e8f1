import type { Clock } from '../../core/clock.ts';

/** What a query may cost at most. Every query has one, so that none is unbounded, and says when it was used up. */
export interface Budget {
  /** Beliefs taken up; 10,000 when left out. */
  readonly maxBeliefs?: number | undefined;
  /** Edges looked at, each as often as it is; 100,000 when left out. */
  readonly maxEdges?: number | undefined;
  /** Milliseconds from the beginning of the query; 10,000 when left out. */
  readonly maxMs?: number | undefined;
}

/**
 * What ended a query before it had seen everything. `hops`: what was sought may be found further away than it was to be
 * sought; a query for all within so many hops never says it.
 */
export type Limit = 'hops' | 'beliefs' | 'edges' | 'time';

export const BUDGET_DEFAULT: Readonly<Record<keyof Budget, number>> = {
  maxBeliefs: 10_000,
  maxEdges: 100_000,
  maxMs: 10_000,
};

/** What is left of a budget. */
export interface Limits {
  readonly beliefsLeft: number;
  readonly edgesLeft: number;
}

/** Counts what one query has cost. Once it has stopped it stays so, and the first limit that was hit is the one it names. */
export class Meter implements Limits {
  readonly #clock: Clock;
  readonly #until: number;
  #beliefs: number;
  #edges: number;
  #stopped: Limit | null = null;

  /** Time runs from here. */
  constructor(budget: Budget, clock: Clock) {
    this.#clock = clock;
    this.#until = clock.now() + (budget.maxMs ?? BUDGET_DEFAULT.maxMs);
    this.#beliefs = budget.maxBeliefs ?? BUDGET_DEFAULT.maxBeliefs;
    this.#edges = budget.maxEdges ?? BUDGET_DEFAULT.maxEdges;
  }

  /** What ended the query; `null`: nothing yet. */
  get stopped(): Limit | null {
    return this.#stopped;
  }

  get beliefsLeft(): number {
    return this.#beliefs;
  }

  get edgesLeft(): number {
    return this.#edges;
  }

  /** At least 0. */
  get msLeft(): number {
    return Math.max(0, this.#until - this.#clock.now());
  }

  /** Takes up beliefs: how many of so many there was room for. Fewer than asked for ends the query. */
  takeBeliefs(count: number): number {
    const taken = Math.min(count, this.#beliefs);
    this.#beliefs -= taken;
    if (taken < count) this.stop('beliefs');
    return taken;
  }

  /** The same of edges. */
  takeEdges(count: number): number {
    const taken = Math.min(count, this.#edges);
    this.#edges -= taken;
    if (taken < count) this.stop('edges');
    return taken;
  }

  /** Whether the query may go on; ends it when its time is over. */
  goesOn(): boolean {
    if (this.#stopped === null && this.msLeft === 0) this.stop('time');
    return this.#stopped === null;
  }

  stop(limit: Limit): void {
    this.#stopped ??= limit;
  }
}
