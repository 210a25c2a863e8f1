import type { GraphArrays } from '../graph/arrays/graph-arrays.ts';
import type { Budget } from '../graph/walk/budget.ts';
import type { View } from '../graph/walk/view.ts';
import { walking } from '../graph/walk/walk.ts';
import type { Walk } from '../graph/walk/walk.ts';
import type { Session } from '../schema/database.ts';
import type { AppContext } from './context.ts';

/** One state of the database, whatever is written meanwhile. */
export async function read<T>(context: AppContext, run: (session: Session) => Promise<T>): Promise<T> {
  return (await context.database()).transaction({ mode: 'snapshot' }, run);
}

/** The same for a query of the graph, within its budget. */
export async function walk<T>(
  context: AppContext,
  budget: Budget | undefined,
  run: (walk: Walk) => Promise<T>,
): Promise<T> {
  const database = await context.database();
  const { arrays, clock, signal } = context;
  const began = clock.now();
  let asked = false;
  const atHand = async (session: Session): Promise<GraphArrays | null> => {
    const held = await arrays.atHand(session, context);
    asked = held === null;
    return held;
  };
  try {
    return await walking(database, budget ?? {}, { clock, signal, arrays: atHand }, run);
  } finally {
    if (asked) arrays.walkedFor(clock.now() - began);
  }
}

/** What resolved is durable. */
export async function write<T>(context: AppContext, run: (session: Session) => Promise<T>): Promise<T> {
  const database = await context.database();
  const result = await database.transaction({ mode: 'write' }, run);
  await database.sync();
  return result;
}

/**
 * The graph in typed arrays as the transaction of `session` sees it, that of `read` best: in a `write` it is loaded each
 * time. Of the view only `known_at` is taken into account; `as_of` is asked of the arrays (`graph/arrays/validity.ts`).
 */
export function arraysIn(context: AppContext, session: Session, view: View = {}): Promise<GraphArrays> {
  return context.arrays.get(session, view, context);
}
