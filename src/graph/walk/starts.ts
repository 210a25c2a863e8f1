import { invariant } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { Session } from '../../schema/database.ts';
import type { Belief } from '../records/belief-records.ts';
import { findId } from '../records/find-id.ts';
import { beliefsInView, recordedBelief } from '../records/recorded-beliefs.ts';
import type { View } from './view.ts';

/**
 * The id of a belief to begin from. A whole one is taken at its word, which saves asking: `beliefsAround` finds out.
 * @throws `graph/not-found`, `graph/refused` when several ids begin so
 */
export async function startId(session: Session, given: string): Promise<string> {
  return isUuid(given) ? given.toLowerCase() : findId(session, 'belief', given);
}

/**
 * What a walk has found, with where it began, by id.
 * @throws `graph/not-found` where it began from what is not there, or not in this view; `graph/refused` for a time that
 *   cannot be read
 */
export async function beliefsAround(
  session: Session,
  starts: readonly string[],
  found: Iterable<string>,
  view: View,
): Promise<ReadonlyMap<string, Belief>> {
  const beliefs = await beliefsInView(session, [...found], view);
  for (const id of starts) if (!beliefs.has(id)) await recordedBelief(session, id, view);
  return beliefs;
}

/** One that a walk in the same state of the database has found. */
export function present<T>(record: T | undefined): T {
  invariant(record !== undefined, 'a walk came upon what is not there');
  return record;
}
