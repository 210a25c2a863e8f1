/** What a query may cost at most. Every query has one, so that none is unbounded, and says when it was used up. */
export interface Budget {
  /** Beliefs taken up; 10,000 when left out. */
  readonly maxBeliefs?: number | undefined;
  /** Edges looked at; 100,000 when left out. */
  readonly maxEdges?: number | undefined;
  /** Milliseconds from the beginning of the query; 10,000 when left out. */
  readonly maxMs?: number | undefined;
}

/** What ended a query before it had seen everything. `hops`: there is more beyond the last hop that was asked for. */
export type Limit = 'hops' | 'beliefs' | 'edges' | 'time';

export const BUDGET_DEFAULT: Required<Budget> = { maxBeliefs: 10_000, maxEdges: 100_000, maxMs: 10_000 };
