import { invariant } from '../../../core/errors.ts';
import type { Session } from '../../../schema/database.ts';
import { edgeMask } from '../../arrays/edge-mask.ts';
import { beliefId, edgeId } from '../../arrays/graph-arrays.ts';
import type { GraphArrays } from '../../arrays/graph-arrays.ts';
import type { Belief, Edge } from '../../records/belief-records.ts';
import { edgesById } from '../../records/edges.ts';
import type { EdgeType } from '../../records/vocabulary.ts';
import { groupMembers } from '../partition.ts';
import { shortestCycle } from '../shortest-cycle.ts';
import { strongComponents } from '../strong-components.ts';
import { strongestEdge } from '../strongest-edge.ts';
import { ofTypes } from '../votes.ts';
import { weightedSteps } from '../weighted-steps.ts';
import { beliefsAt, ROWS_DEFAULT, scopeOf, typesWalked } from './whole-query.ts';
import type { Listing, Scope, WholeOptions } from './whole-query.ts';

/** Beliefs each of which leads to every other, and a shortest way around. */
export interface Cycle {
  readonly type: 'cycle';
  /** The least id among them. */
  readonly name: string;
  /** Beliefs that lie on cycles with that one. */
  readonly size: number;
  /** Edges of a shortest cycle through the least id. */
  readonly length: number;
  /** Of that cycle, in order, beginning with the least id; the first hundred at most. */
  readonly beliefs: readonly Belief[];
  /** From each of these beliefs to the one after it, and from the last of a cycle shown whole to the first. */
  readonly edges: readonly Edge[];
}

export interface CyclesSummary extends Scope {
  readonly type: 'cycles';
  /** Groups of beliefs that lead to one another, listed or not. */
  readonly cycles: number;
  /** Beliefs that lie on a cycle. */
  readonly beliefs: number;
}

/** Of a contradiction both ends lead to each other by what it is. */
const DIRECTED: readonly EdgeType[] = ['supports', 'supersedes', 'derives_from'];
/** A cycle may be as long as the base is large. */
const BELIEFS_SHOWN_MAX = 100;

/** Where beliefs lead back to themselves, the largest groups first, then by name. @throws `graph/refused` for a time that cannot be read */
export async function listCycles(
  session: Session,
  arrays: GraphArrays,
  options: WholeOptions = {},
): Promise<Listing<Cycle, CyclesSummary>> {
  const types = typesWalked(options, DIRECTED);
  const outgoing = edgeMask(arrays, { types, asOf: options.as_of });
  const walked = { outgoing, incoming: ofTypes(arrays, outgoing, ['contradicts']) };
  const steps = weightedSteps(arrays, walked);
  const strong = strongComponents(steps);
  const rows: Cycle[] = [];
  for (let group = 0; group < Math.min(strong.count, options.limit ?? ROWS_DEFAULT); group += 1) {
    const cycle = shortestCycle(steps, strong, group);
    const shown = cycle.subarray(0, BELIEFS_SHOWN_MAX);
    const edges = Array.from(shown, (from, at) => [from, cycle[(at + 1) % cycle.length]!] as const)
      .slice(0, shown.length < cycle.length ? -1 : undefined)
      .map(([from, to]) => edgeId(arrays, strongestEdge(arrays, walked, { from, to })));
    rows.push({
      type: 'cycle',
      name: beliefId(arrays, cycle[0]!),
      size: groupMembers(strong, group).length,
      length: cycle.length,
      beliefs: await beliefsAt(session, arrays, shown, options),
      edges: await edgesInOrder(session, edges),
    });
  }
  const scope = scopeOf(options, types, { shown: rows.length, of: strong.count });
  return { rows, summary: { type: 'cycles', cycles: strong.count, beliefs: strong.members.length, ...scope } };
}

async function edgesInOrder(session: Session, ids: readonly string[]): Promise<readonly Edge[]> {
  const found = await edgesById(session, ids);
  return ids.map((id) => {
    const edge = found.get(id);
    invariant(edge !== undefined, 'the arrays are of another state than the database');
    return edge;
  });
}
