import { graphLines } from '../graph/formats/formats.ts';
import { addEdge, retireEdge } from '../graph/records/edges.ts';
import { dropProjection, projectGraph, projectionStatus } from '../graph/projection/project.ts';
import { neighbourhood } from '../graph/walk/neighbourhood.ts';
import { neighbors } from '../graph/walk/neighbors.ts';
import { subgraph } from '../graph/walk/subgraph.ts';
import type { AppContext } from './context.ts';
import { arraysIn, read, walk, write } from './database-access.ts';
import { checkView } from '../graph/walk/view.ts';
import type { View } from '../graph/walk/view.ts';
import type { GraphArrays } from '../graph/arrays/graph-arrays.ts';
import { graphStats } from '../graph/whole/answers/graph-stats.ts';
import { listCommunities } from '../graph/whole/answers/list-communities.ts';
import { listComponents } from '../graph/whole/answers/list-components.ts';
import { listCycles } from '../graph/whole/answers/list-cycles.ts';
import { listRanks } from '../graph/whole/answers/list-ranks.ts';
import type { Session } from '../schema/database.ts';
import type { GraphCalls } from './graph-calls.ts';
import { findPaths } from './paths.ts';
import { reasoningCalls } from './reasoning.ts';

/** The graph queries of the library over one context. */
export function graphCalls(context: AppContext): GraphCalls {
  return {
    ...reasoningCalls(context),
    show: (id, options) => walk(context, options, (walking) => neighbourhood(walking, id, options)),
    addEdge: (draft) => write(context, (session) => addEdge(session, draft, context)),
    retireEdge: (id) => write(context, (session) => retireEdge(session, id, context.clock)),
    neighbors: (id, options) => walk(context, options, (walking) => neighbors(walking, id, options)),
    subgraph: (ids, options) => walk(context, options, (walking) => subgraph(walking, ids, options)),
    path: (from, to, options) => findPaths(context, from, to, options),
    export: (part, format) => graphLines(part, format, { signal: context.signal }),
    project: async (options = {}) => projectGraph(await context.database(), options, context),
    projection: (options) => read(context, (session) => projectionStatus(session, options)),
    dropProjection: async (options = {}) => dropProjection(await context.database(), options),
    components: (options) => whole(context, options, listComponents),
    communities: (options) => whole(context, options, listCommunities),
    rank: (options) => whole(context, options, listRanks),
    cycles: (options) => whole(context, options, listCycles),
    stats: () => whole(context, {}, graphStats),
  };
}

/** A query over the arrays of its view, of the same state as what it reads besides. */
async function whole<Options extends View, Answer>(
  context: AppContext,
  options: Options | undefined,
  query: (session: Session, arrays: GraphArrays, options: Options | undefined) => Promise<Answer>,
): Promise<Answer> {
  checkView(options ?? {});
  return read(context, async (session) => query(session, await arraysIn(context, session, options ?? {}), options));
}
