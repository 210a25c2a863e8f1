import type { Walked } from '../../app/graph-calls.ts';
import { EDGE_TYPES } from '../../app/knowledge-calls.ts';

/** The fields of every answer of a walk. */
export const WALKED_JSON =
  '"types":[…],"direction":"outgoing|incoming|both","as_of","known_at","stopped":null|"hops|beliefs|edges|time"';

/** Which edges were walked, e.g. "all types, both directions". */
export function describeWalked({ types, direction, as_of: asOf, known_at: knownAt }: Walked): string {
  return [
    types.length === EDGE_TYPES.length ? 'all types' : types.join(', '),
    direction === 'both' ? 'both directions' : direction,
    ...(asOf === null ? [] : [`as of ${asOf}`]),
    ...(knownAt === null ? [] : [`as known at ${knownAt}`]),
  ].join(', ');
}
