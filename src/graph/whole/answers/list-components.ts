import type { Session } from '../../../schema/database.ts';
import { beliefMask, edgeMask } from '../../arrays/edge-mask.ts';
import type { GraphArrays } from '../../arrays/graph-arrays.ts';
import type { Belief } from '../../records/belief-records.ts';
import { components } from '../components.ts';
import { groupMembers } from '../partition.ts';
import { chosenGroups, groupFigures } from './groups.ts';
import type { GroupFigures, GroupOptions } from './groups.ts';
import { beliefsAt, ROWS_DEFAULT, scopeOf, typesWalked } from './whole-query.ts';
import type { Listing, Members, Scope } from './whole-query.ts';

/** Beliefs that are joined, directly or not, whatever the direction of the edges. */
export interface Component {
  readonly type: 'component';
  /** The least id in it. */
  readonly name: string;
  /** Beliefs. */
  readonly size: number;
  /** The one it is named by. */
  readonly belief: Belief;
  /** By id; `null` where `of` did not ask for them. */
  readonly members: Members | null;
}

export interface ComponentsSummary extends GroupFigures, Scope {
  readonly type: 'components';
  /** All there are, listed or not. */
  readonly components: number;
}

/** The weakly connected components, largest first, then by name. @throws `graph/not-found` and `graph/refused` for `of` and the times */
export async function listComponents(
  session: Session,
  arrays: GraphArrays,
  options: GroupOptions = {},
): Promise<Listing<Component, ComponentsSummary>> {
  const types = typesWalked(options);
  const edges = edgeMask(arrays, { types, asOf: options.as_of });
  const groups = components(arrays, edges, beliefMask(arrays, options.as_of));
  const chosen = await chosenGroups(session, arrays, groups, options);
  // Those of one component stand by id: the first of them is the one that names it.
  const listed = chosen.shown.map((group) => groupMembers(groups, group));
  const shown = options.of === undefined ? 1 : (options.limit ?? ROWS_DEFAULT);
  const beliefs = await beliefsAt(
    session,
    arrays,
    listed.flatMap((members) => [...members.subarray(0, shown)]),
    options,
  );
  const rows = listed.map(({ length: size }, index): Component => {
    const belief = beliefs[index]!;
    const members = options.of === undefined ? null : { beliefs, more: size - beliefs.length };
    return { type: 'component', name: belief.id, size, belief, members };
  });
  const scope = scopeOf(options, types, { shown: rows.length, of: chosen.of });
  return { rows, summary: { type: 'components', components: groups.count, ...groupFigures(groups), ...scope } };
}
