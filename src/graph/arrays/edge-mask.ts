import { EDGE_TYPES } from '../records/vocabulary.ts';
import type { EdgeType } from '../records/vocabulary.ts';
import { parseTimestamp } from '../records/timestamp.ts';
import { checkView } from '../walk/view.ts';
import type { GraphArrays } from './graph-arrays.ts';
import { beliefsValidAt, edgesValidAt } from './validity.ts';
import type { Counts } from './validity.ts';

/** Which edges of the arrays a query counts (docs/decisions/0016-graph-queries.md, "What is walked"). */
export interface EdgeFilter {
  /** None, or left out: all. */
  readonly types?: readonly EdgeType[] | undefined;
  /** ISO 8601 with an offset: only edges that are valid then, and both ends with them. Left out: whatever their validity. */
  readonly asOf?: string | undefined;
}

/**
 * A byte an edge, 1 where it counts, else 0: computed once, so that what runs over the edges compares neither names nor times.
 * @throws `graph/refused` for an `asOf` that cannot be read
 */
export function edgeMask(arrays: GraphArrays, { types = [], asOf }: EdgeFilter = {}): Uint8Array {
  const asked = Uint8Array.from(EDGE_TYPES, (name) => Number(types.length === 0 || types.includes(name)));
  const mask = arrays.edges.type.map((position) => asked[position]!);
  return only(mask, edgesValidAt(arrays, microsOf(asOf)));
}

/** A byte a belief, 1 where it is valid at that time; 1 everywhere where none is given. @throws `graph/refused` for what is no time */
export function beliefMask(arrays: GraphArrays, asOf?: string): Uint8Array {
  return only(new Uint8Array(arrays.beliefs.count).fill(1), beliefsValidAt(arrays, microsOf(asOf)));
}

function only(mask: Uint8Array, counts: Counts | null): Uint8Array {
  if (counts === null) return mask;
  for (let number = 0; number < mask.length; number += 1) if (!counts(number)) mask[number] = 0;
  return mask;
}

function microsOf(asOf: string | undefined): bigint | null {
  checkView({ as_of: asOf });
  return asOf === undefined ? null : parseTimestamp(asOf);
}
