import { bestPathIds } from '../graph/arrays/paths/path-ids.ts';
import { parseTimestamp } from '../graph/records/timestamp.ts';
import { pathSearch } from '../graph/walk/path-records.ts';
import { MAX_HOPS_DEFAULT, shortestPath } from '../graph/walk/path.ts';
import { startId } from '../graph/walk/starts.ts';
import { checkView } from '../graph/walk/view.ts';
import { typesOf } from '../graph/walk/walk-options.ts';
import type { AppContext } from './context.ts';
import { arraysIn, read, walk } from './database-access.ts';
import type { PathOptions, PathSearch } from './graph-calls.ts';

/** One path of the fewest hops is searched over SQL; whatever needs weights or alternatives over arrays. */
export function findPaths(
  context: AppContext,
  from: string,
  to: string,
  options: PathOptions = {},
): Promise<PathSearch> {
  const { strongest = false, k = 1 } = options;
  if (strongest || k > 1) return overArrays(context, from, to, options);
  return walk(context, options, (walking) => shortestPath(walking, from, to, options));
}

/** The time of its budget begins when the arrays are there. */
async function overArrays(context: AppContext, from: string, to: string, options: PathOptions): Promise<PathSearch> {
  checkView(options);
  const { strongest = false, k = 1, as_of: asOf, maxHops } = options;
  return read(context, async (session) => {
    const ends = { from: await startId(session, from), to: await startId(session, to) };
    const found = bestPathIds(await arraysIn(context, session, options), {
      ...ends,
      by: strongest ? 'strength' : 'hops',
      k,
      types: typesOf(options),
      direction: options.direction ?? 'both',
      maxHops: maxHops ?? (strongest ? undefined : MAX_HOPS_DEFAULT),
      asOf: asOf === undefined ? null : parseTimestamp(asOf),
      budget: options,
      clock: context.clock,
    });
    return pathSearch(session, { ...ends, ...found }, options);
  });
}
