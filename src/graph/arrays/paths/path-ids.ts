import type { Limit } from '../../walk/budget.ts';
import { beliefId, beliefNumber, edgeId } from '../graph-arrays.ts';
import type { GraphArrays } from '../graph-arrays.ts';
import { bestPaths } from './best-paths.ts';
import type { BestPathsOptions } from './best-paths.ts';

/** What `bestPaths` finds, by ids; best first. */
export interface BestPathIds {
  readonly paths: readonly { readonly beliefs: readonly string[]; readonly edges: readonly string[] }[];
  /** What kept it from finding more, or from finding one; `null`: nothing did. */
  readonly stopped: Limit | null;
}

export interface BestPathIdsOptions extends Omit<BestPathsOptions, 'from' | 'to'> {
  /** Whole ids. */
  readonly from: string;
  readonly to: string;
}

/** The best paths between two beliefs; none where one of them is not in the arrays. */
export function bestPathIds(arrays: GraphArrays, options: BestPathIdsOptions): BestPathIds {
  const [from, to] = [beliefNumber(arrays, options.from), beliefNumber(arrays, options.to)];
  if (from === -1 || to === -1) return { paths: [], stopped: null };
  const { paths, limit } = bestPaths(arrays, { ...options, from, to });
  return {
    paths: paths.map(({ beliefs, edges }) => ({
      beliefs: beliefs.map((belief) => beliefId(arrays, belief)),
      edges: edges.map((edge) => edgeId(arrays, edge)),
    })),
    stopped: limit,
  };
}
