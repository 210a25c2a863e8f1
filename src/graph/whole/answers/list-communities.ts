import { ValenceError } from '../../../core/errors.ts';
import type { Session } from '../../../schema/database.ts';
import { beliefMask, edgeMask } from '../../arrays/edge-mask.ts';
import { beliefId } from '../../arrays/graph-arrays.ts';
import type { GraphArrays } from '../../arrays/graph-arrays.ts';
import type { Belief } from '../../records/belief-records.ts';
import type { EdgeType } from '../../records/vocabulary.ts';
import { highest } from '../highest.ts';
import { communityGraph } from '../leiden/community-graph.ts';
import { leiden } from '../leiden/leiden.ts';
import { groupMembers, partition } from '../partition.ts';
import { chosenGroups, groupFigures } from './groups.ts';
import type { GroupFigures, GroupOptions } from './groups.ts';
import { beliefsAt, ROWS_DEFAULT, scopeOf, typesWalked } from './whole-query.ts';
import type { Listing, Members, Scope } from './whole-query.ts';

export interface CommunityOptions extends GroupOptions {
  /** Above 0; 1 when left out. The higher it is, the smaller are the communities. */
  readonly resolution?: number | undefined;
}

/** Beliefs that are joined more closely than chance would have it; connected. */
export interface Community {
  readonly type: 'community';
  /** The least id in it. */
  readonly name: string;
  /** Beliefs. */
  readonly size: number;
  /** What it is about: up to three, with the most weight at their edges. */
  readonly central: readonly Belief[];
  /** Those with the most weight at their edges first, then by id; `null` where `of` did not ask for them. */
  readonly members: Members | null;
}

export interface CommunitiesSummary extends GroupFigures, Scope {
  readonly type: 'communities';
  /** All there are, listed or not. */
  readonly communities: number;
  /** At this resolution; at most 1: the higher, the clearer the communities. */
  readonly modularity: number;
  readonly resolution: number;
}

/** A contradiction holds nothing together: it is left out unless asked for. */
const JOINING: readonly EdgeType[] = ['supports', 'supersedes', 'derives_from'];
const CENTRAL_SHOWN = 3;

/** Communities by the Leiden algorithm, largest first, then by name. @throws `graph/not-found`, `graph/refused` for what was asked wrongly */
export async function listCommunities(
  session: Session,
  arrays: GraphArrays,
  options: CommunityOptions = {},
): Promise<Listing<Community, CommunitiesSummary>> {
  const { resolution = 1, limit = ROWS_DEFAULT, of } = options;
  requirePositive(resolution);
  const types = typesWalked(options, JOINING);
  const graph = communityGraph(arrays, edgeMask(arrays, { types, asOf: options.as_of }));
  const { community, modularity } = leiden(graph, resolution);
  const present = beliefMask(arrays, options.as_of);
  const groups = partition(community.map((label, belief) => (present[belief] === 0 ? -1 : label)));
  const chosen = await chosenGroups(session, arrays, groups, options);
  const rows: Community[] = [];
  for (const group of chosen.shown) {
    const members = groupMembers(groups, group);
    const first = highest(members, graph.strength, of === undefined ? CENTRAL_SHOWN : Math.max(limit, CENTRAL_SHOWN));
    const beliefs = await beliefsAt(session, arrays, first, options);
    const shown = beliefs.slice(0, limit);
    rows.push({
      type: 'community',
      name: beliefId(arrays, members[0]!),
      size: members.length,
      central: beliefs.slice(0, CENTRAL_SHOWN),
      members: of === undefined ? null : { beliefs: shown, more: members.length - shown.length },
    });
  }
  const figures = { communities: groups.count, ...groupFigures(groups), modularity, resolution };
  const scope = scopeOf(options, types, { shown: rows.length, of: chosen.of });
  return { rows, summary: { type: 'communities', ...figures, ...scope } };
}

function requirePositive(resolution: number): void {
  if (resolution > 0 && resolution < Infinity) return;
  throw new ValenceError('graph/refused', 'a resolution is a number above 0', { hint: 'leave it out for 1' });
}
