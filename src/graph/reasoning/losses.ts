import type { Session } from '../../schema/database.ts';
import { beliefId } from '../arrays/graph-arrays.ts';
import type { GraphArrays } from '../arrays/graph-arrays.ts';
import type { Belief } from '../records/belief-records.ts';
import { beliefsInView } from '../records/recorded-beliefs.ts';
import type { Comparison, Revision } from './revision.ts';

/** What is lost where something is taken out of use. */
export interface Lost {
  /** How many beliefs lose their ground. */
  readonly ungrounded: number;
  /** How many others are weaker by more than 0.001. */
  readonly weakened: number;
  /** First those that lose their ground, then the weaker ones; the largest fall first, then by id. Not all where there are many. */
  readonly beliefs: readonly LostBelief[];
}

export interface LostBelief extends Belief {
  readonly before: Support;
  readonly after: Support;
}

/** How well a belief is supported. */
export interface Support {
  readonly grounded: boolean;
  /** 0..1, beside the stated confidence. */
  readonly strength: number;
}

export function supportOf({ grounded, strength }: Revision, belief: number): Support {
  return { grounded: grounded[belief] === 1, strength: strength[belief]! };
}

/** Reads the first `limit` of the beliefs that are lost. */
export async function describeLosses(
  session: Session,
  arrays: GraphArrays,
  { before, after, losses }: Comparison,
  { limit, as_of }: { readonly limit: number; readonly as_of?: string | undefined },
): Promise<Lost> {
  const { ungrounded, weakened } = losses;
  const shown = [...ungrounded.slice(0, limit), ...weakened.slice(0, Math.max(0, limit - ungrounded.length))];
  const ids = shown.map((belief) => beliefId(arrays, belief));
  const beliefs = await beliefsInView(session, ids, { as_of });
  return {
    ungrounded: ungrounded.length,
    weakened: weakened.length,
    beliefs: shown.flatMap((number, at): readonly LostBelief[] => {
      const belief = beliefs.get(ids[at]!);
      if (belief === undefined) return [];
      return [{ ...belief, before: supportOf(before, number), after: supportOf(after, number) }];
    }),
  };
}
