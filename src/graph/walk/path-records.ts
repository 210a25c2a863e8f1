import type { Session } from '../../schema/database.ts';
import type { Belief, Edge } from '../records/belief-records.ts';
import { edgesById } from '../records/edges.ts';
import type { Limit } from './budget.ts';
import { polarityOf } from './polarity.ts';
import type { Polarity } from './polarity.ts';
import { beliefsAround, present } from './starts.ts';
import type { View } from './view.ts';
import type { Walked, WalkOptions } from './walk-options.ts';
import { walked } from './walk-options.ts';

export interface Path {
  readonly type: 'path';
  readonly hops: number;
  /** The product of the weights; 1 of no edges. */
  readonly strength: number;
  readonly polarity: Polarity;
  /** From end to end, one more than edges. */
  readonly beliefs: readonly Belief[];
  readonly edges: readonly Edge[];
}

/** What a search for paths answers. */
export interface PathSearch extends Walked {
  readonly type: 'path-search';
  /** Whole ids. */
  readonly from: string;
  readonly to: string;
  /** `none`: everything that can be reached was seen. `limit`: given up before that, at the limit that `stopped` names. */
  readonly outcome: 'found' | 'none' | 'limit';
  /** Best first. Where `stopped` is not `null`, there may be more or better ones. */
  readonly paths: readonly Path[];
}

/** A path by its ids. */
export interface PathIds {
  readonly beliefs: readonly string[];
  readonly edges: readonly string[];
}

export interface FoundPaths {
  readonly from: string;
  readonly to: string;
  readonly paths: readonly PathIds[];
  readonly stopped: Limit | null;
}

/** With the records of everything on the paths. @throws `graph/not-found` where an end is not there, or not in this view */
export async function pathSearch(session: Session, found: FoundPaths, options: WalkOptions): Promise<PathSearch> {
  const { from, to, paths, stopped } = found;
  const ids = new Set([from, to, ...paths.flatMap(({ beliefs }) => beliefs)]);
  const beliefs = await beliefsAround(session, [from, to], ids, options satisfies View);
  const edgeIds = [...new Set(paths.flatMap(({ edges }) => edges))];
  const edges = edgeIds.length === 0 ? new Map<string, Edge>() : await edgesById(session, edgeIds);
  const unfound = stopped === null ? 'none' : 'limit';
  return {
    type: 'path-search',
    from,
    to,
    outcome: paths.length > 0 ? 'found' : unfound,
    paths: paths.map((path) => pathOf(path, beliefs, edges)),
    ...walked(options, stopped),
  };
}

function pathOf(path: PathIds, beliefs: ReadonlyMap<string, Belief>, edges: ReadonlyMap<string, Edge>): Path {
  const along = path.edges.map((id) => present(edges.get(id)));
  return {
    type: 'path',
    hops: along.length,
    strength: along.reduce((product, { weight }) => product * weight, 1),
    polarity: polarityOf(along.map((edge) => edge.edge_type)),
    beliefs: path.beliefs.map((id) => present(beliefs.get(id))),
    edges: along,
  };
}
