import type { Session } from '../../../schema/database.ts';
import { beliefMask, edgeMask } from '../../arrays/edge-mask.ts';
import type { GraphArrays } from '../../arrays/graph-arrays.ts';
import type { Belief } from '../../records/belief-records.ts';
import type { BeliefStatus } from '../../records/vocabulary.ts';
import { components } from '../components.ts';
import { degreeFigures, degrees, rowLength } from '../degrees.ts';
import type { DegreeFigures } from '../degrees.ts';
import { highest } from '../highest.ts';
import { groupFigures } from './groups.ts';
import { tableFigures } from './table-figures.ts';
import type { TableFigures } from './table-figures.ts';
import { beliefsAt } from './whole-query.ts';

/** What the base holds, and what its graph looks like: one state of it. */
export interface GraphStats extends Pick<TableFigures, 'sources' | 'embeddings' | 'domains' | 'tables'> {
  readonly type: 'graph-stats';
  readonly beliefs: Readonly<Record<BeliefStatus, number>> & {
    readonly total: number;
    /** Without a live edge. */
    readonly isolated: number;
    /** That name no source, retired or not. */
    readonly without_source: number;
  };
  readonly edges: { readonly live: number; readonly retired: number; readonly types: TableFigures['edges'] };
  /** Live edges at a belief, whatever their direction. */
  readonly degrees: Omit<DegreeFigures, 'isolated'>;
  /** The beliefs with the most live edges, then by id; ten at most, none without an edge. */
  readonly hubs: readonly Hub[];
  /** Weakly connected ones over all live edges. */
  readonly components: { readonly total: number; readonly largest: number };
}

export interface Hub {
  readonly belief: Belief;
  readonly outgoing: number;
  readonly incoming: number;
}

const HUBS_SHOWN = 10;

/** `arrays` are those of all live edges, of the same state as the session. */
export async function graphStats(session: Session, arrays: GraphArrays): Promise<GraphStats> {
  const { statuses, withoutSource, edges, ...tables } = await tableFigures(session);
  const degree = degrees(arrays);
  const { isolated, ...distribution } = degreeFigures(degree);
  const groups = components(arrays, edgeMask(arrays), beliefMask(arrays));
  const sum = (counts: readonly number[]): number => counts.reduce((one, other) => one + other, 0);
  return {
    type: 'graph-stats',
    beliefs: { total: arrays.beliefs.count, ...statuses, isolated, without_source: withoutSource },
    edges: {
      live: sum(edges.map(({ live }) => live)),
      retired: sum(edges.map(({ retired }) => retired)),
      types: edges,
    },
    degrees: distribution,
    hubs: await hubs(session, arrays, degree),
    components: { total: groups.count, largest: groupFigures(groups).largest },
    ...tables,
  };
}

async function hubs(session: Session, arrays: GraphArrays, degree: Int32Array): Promise<readonly Hub[]> {
  const numbers = highest(degree.keys(), degree, HUBS_SHOWN).filter((number) => degree[number]! > 0);
  const beliefs = await beliefsAt(session, arrays, numbers, {});
  return beliefs.map((belief, index) => ({
    belief,
    outgoing: rowLength(arrays.outgoing.offsets, numbers[index]!),
    incoming: rowLength(arrays.incoming.offsets, numbers[index]!),
  }));
}
