import { invariant } from '../../../core/errors.ts';
import type { Session } from '../../../schema/database.ts';
import { beliefId, beliefNumber } from '../../arrays/graph-arrays.ts';
import type { GraphArrays } from '../../arrays/graph-arrays.ts';
import type { Belief } from '../../records/belief-records.ts';
import { beliefsInView, recordedBelief } from '../../records/recorded-beliefs.ts';
import { EDGE_TYPES } from '../../records/vocabulary.ts';
import type { EdgeType } from '../../records/vocabulary.ts';
import type { View } from '../../walk/view.ts';

/** What every query over the whole graph can be told. The arrays it runs over are those of its `known_at`. */
export interface WholeOptions extends View {
  /** Only over edges of these types; left out or empty: those that the query is about. */
  readonly types?: readonly EdgeType[] | undefined;
  /** At most so many rows; 20 when left out. */
  readonly limit?: number | undefined;
}

/** Rows in their order, and what is to be said of the whole. */
export interface Listing<Row, Summary> {
  readonly rows: readonly Row[];
  readonly summary: Summary;
}

/** Over what was asked, and how much of the answer is shown; part of every summary. */
export interface Scope {
  /** In the order of `EDGE_TYPES`. */
  readonly types: readonly EdgeType[];
  /** The times that were asked for (`View`); `null` where none was. */
  readonly as_of: string | null;
  readonly known_at: string | null;
  /** Rows of this listing, and how many there are besides. */
  readonly shown: number;
  readonly more: number;
}

/** Some of the beliefs of a group, and how many there are besides. */
export interface Members {
  readonly beliefs: readonly Belief[];
  readonly more: number;
}

export const ROWS_DEFAULT = 20;

/** The types that are walked where a query is about `about`. */
export function typesWalked(
  { types = [] }: WholeOptions,
  about: readonly EdgeType[] = EDGE_TYPES,
): readonly EdgeType[] {
  return EDGE_TYPES.filter((type) => (types.length === 0 ? about : types).includes(type));
}

export function scopeOf(
  { as_of: asOf, known_at: knownAt }: View,
  types: readonly EdgeType[],
  { shown, of }: { readonly shown: number; readonly of: number },
): Scope {
  return { types, as_of: asOf ?? null, known_at: knownAt ?? null, shown, more: of - shown };
}

/** Beliefs by their numbers, in that order, as the view has them. */
export async function beliefsAt(
  session: Session,
  arrays: GraphArrays,
  numbers: Iterable<number>,
  { known_at: knownAt }: View,
): Promise<readonly Belief[]> {
  const ids = Array.from(numbers, (number) => beliefId(arrays, number));
  const found = await beliefsInView(session, ids, { known_at: knownAt });
  return ids.map((id) => {
    const belief = found.get(id);
    invariant(belief !== undefined, 'the arrays are of another state than the database');
    return belief;
  });
}

/**
 * The number of a belief of the view. `id`: a UUID or the beginning of one.
 * @throws `graph/not-found`, also where the view does not have it; `graph/refused` when several ids begin so
 */
export async function numberOf(session: Session, arrays: GraphArrays, id: string, view: View): Promise<number> {
  const belief = await recordedBelief(session, id, view);
  const number = beliefNumber(arrays, belief.id);
  invariant(number >= 0, 'the arrays are of another state than the database');
  return number;
}
