import { checkGraph } from '../graph/reasoning/check/check.ts';
import { contradictions, withGrounds } from '../graph/reasoning/contradictions.ts';
import { beliefsNaming, hasAtMost } from '../graph/reasoning/belief-sets.ts';
import { loadEvidence } from '../graph/reasoning/evidence.ts';
import { lineage } from '../graph/reasoning/lineage.ts';
import { describeLosses } from '../graph/reasoning/losses.ts';
import type { Lost } from '../graph/reasoning/losses.ts';
import { findAny, removalOf } from '../graph/reasoning/named-row.ts';
import type { NamedRow } from '../graph/reasoning/named-row.ts';
import { propagation, revisionTime } from '../graph/reasoning/propagation.ts';
import { compareWithout } from '../graph/reasoning/revision.ts';
import { standingAt } from '../graph/reasoning/standing.ts';
import type { Standing } from '../graph/reasoning/standing.ts';
import { supersession, supersessionBudget } from '../graph/reasoning/supersession.ts';
import { toSource } from '../graph/records/belief-records.ts';
import { findId } from '../graph/records/find-id.ts';
import { beliefsInView } from '../graph/records/recorded-beliefs.ts';
import type { Session } from '../schema/database.ts';
import type { AppContext } from './context.ts';
import { arraysIn, read, walk } from './database-access.ts';
import type { ReasoningCalls, SourceLineage, SourceLineageOptions } from './reasoning-calls.ts';

const SHOWN_DEFAULT = 20;
const SOURCE_SHOWN_DEFAULT = 1000;
/** A base above it is retired from without being weighed, which would take seconds. */
const WEIGHED_ROWS_MAX = 2_000_000;

/** The part of the graph queries over one context that asks for reasons. */
export function reasoningCalls(context: AppContext): ReasoningCalls {
  const { clock, signal } = context;
  return {
    lineage: (id, options) => walk(context, options, (walking) => lineage(walking, id, options)),
    sourceLineage: (id, options) => read(context, (session) => sourceLineage(context, session, id, options)),
    beliefOrSource: (id) => read(context, (session) => findAny(session, ['belief', 'source'], id)),
    supersession: (id, options = {}) =>
      walk(context, supersessionBudget(options), (walking) => supersession(walking, id, options)),
    contradictions: (options = {}) =>
      read(context, async (session) => {
        const found = await contradictions(session, options);
        if (options.grounds !== true || found.contradictions.length === 0) return found;
        return withGrounds(session, await arraysIn(context, session), found, clock);
      }),
    propagate: (options) =>
      read(context, async (session) =>
        propagation(session, await standingOf(context, session, options?.as_of), options),
      ),
    whatIf: (ids, options = {}) =>
      read(context, async (session) => {
        const without: NamedRow[] = [];
        for (const id of ids) without.push(await findAny(session, ['belief', 'source', 'edge'], id));
        const limit = options.limit ?? SHOWN_DEFAULT;
        const lost = await lostWithout(context, session, without, { limit, as_of: options.as_of });
        return { type: 'what-if', without, as_of: options.as_of ?? null, lost };
      }),
    check: () => read(context, (session) => checkGraph(session, { clock, signal })),
  };
}

/** What is lost when this is retired, weighed before it is; `null` where the base is too large for that. */
export async function lostByRetiring(context: AppContext, session: Session, row: NamedRow): Promise<Lost | null> {
  if (!(await hasAtMost(session, WEIGHED_ROWS_MAX))) return null;
  return lostWithout(context, session, [row], { limit: SHOWN_DEFAULT });
}

async function lostWithout(
  context: AppContext,
  session: Session,
  without: readonly NamedRow[],
  options: { readonly limit: number; readonly as_of?: string | undefined },
): Promise<Lost> {
  const standing = await standingOf(context, session, options.as_of);
  const removal = await removalOf(session, standing.arrays, without);
  return describeLosses(session, standing.arrays, compareWithout(standing, removal), options);
}

async function standingOf(context: AppContext, session: Session, asOf: string | undefined): Promise<Standing> {
  const time = revisionTime(asOf);
  const arrays = await arraysIn(context, session);
  return standingAt(arrays, await loadEvidence(session, arrays, context.signal), time);
}

async function sourceLineage(
  context: AppContext,
  session: Session,
  given: string,
  options: SourceLineageOptions = {},
): Promise<SourceLineage> {
  const id = await findId(session, 'source', given);
  const limit = options.maxBeliefs ?? SOURCE_SHOWN_DEFAULT;
  const source = await session.kysely.selectFrom('sources').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const lost = await lostWithout(context, session, [{ kind: 'source', id }], { limit, as_of: options.as_of });
  const { total, ids } = await beliefsNaming(session, id, { as_of: options.as_of, limit });
  const beliefs = await beliefsInView(session, ids, { as_of: options.as_of });
  return {
    type: 'source-lineage',
    source: toSource(source),
    as_of: options.as_of ?? null,
    named_by: total,
    beliefs: ids.flatMap((each) => beliefs.get(each) ?? []),
    lost,
  };
}
