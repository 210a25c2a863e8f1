import type { Clock } from '../../src/core/clock.ts';
import type { LineageOptions } from '../../src/graph/reasoning/lineage.ts';
import { supersession, supersessionBudget } from '../../src/graph/reasoning/supersession.ts';
import { walking } from '../../src/graph/walk/walk.ts';
import type { Walk } from '../../src/graph/walk/walk.ts';
import type { Database } from '../../src/schema/database.ts';

/** A query within its budget. */
export function ask<A>(
  database: Database,
  query: (walk: Walk, id: string, options: LineageOptions) => Promise<A>,
  id: string,
  { clock: time, ...options }: LineageOptions & { readonly clock: Clock },
): Promise<A> {
  const budget = Object.is(query, supersession) ? supersessionBudget(options) : options;
  return walking(database, budget, { clock: time }, (walk) => query(walk, id, options));
}
