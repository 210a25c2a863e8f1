import { addEdge, retireEdge } from '../graph/records/edges.ts';
import { neighbourhood } from '../graph/walk/neighbourhood.ts';
import { shortestPath } from '../graph/walk/path.ts';
import type { AppContext } from './context.ts';
import { read, write } from './database-access.ts';
import type { GraphCalls } from './graph-calls.ts';

/** The graph queries of the library over one context. */
export function graphCalls(context: AppContext): GraphCalls {
  return {
    show: (id, options) => read(context, (session) => neighbourhood(session, id, options)),
    addEdge: (draft) => write(context, (session) => addEdge(session, draft, context)),
    retireEdge: (id) => write(context, (session) => retireEdge(session, id, context.clock)),
    path: (from, to, options) =>
      read(context, (session) => shortestPath(session, from, to, { ...options, signal: context.signal })),
  };
}
