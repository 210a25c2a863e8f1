import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { BeliefEdgesTable } from '../../schema/tables.ts';
import { toEdge } from '../records/belief-records.ts';
import type { Belief, Edge } from '../records/belief-records.ts';
import { beliefsInView, recordedBelief } from '../records/recorded-beliefs.ts';
import { uuidArray } from '../records/uuid-array.ts';
import type { Budget, Limit } from '../walk/budget.ts';
import type { View } from '../walk/view.ts';
import type { Walk } from '../walk/walk.ts';
import { edgeCounts } from './edge-counts.ts';

/** Everything that a belief supersedes or that supersedes it, directly or through others. */
export interface Supersession {
  readonly type: 'supersession';
  /** Its id. */
  readonly belief: string;
  readonly as_of: string | null;
  readonly known_at: string | null;
  /** The newest first: those that supersede it, the furthest first; the belief; what it supersedes, the nearest first; then by id. */
  readonly beliefs: readonly SupersedingBelief[];
  /** The edges between two of them, by id: a belief with several at one of its ends is where branches meet. */
  readonly edges: readonly Edge[];
  /** What ended the search; `null`: this is all. */
  readonly stopped: Limit | null;
}

export interface SupersedingBelief extends Belief {
  readonly relation: 'newer' | 'itself' | 'older';
  /** The fewest supersessions between it and the belief asked about. */
  readonly hops: number;
  /** Nothing supersedes it; of none that is said where the search ended before all edges were seen. */
  readonly current: boolean;
}

/** More than other walks may find when nothing else is asked: chains are read in one statement, whatever their length. */
export function supersessionBudget({ maxBeliefs = 100_000, maxEdges = 1_000_000, maxMs }: Budget): Budget {
  return { maxBeliefs, maxEdges, maxMs };
}

/**
 * Four statements whatever the length of the chain, each linear in it; `walk` best has the budget of `supersessionBudget`. `id`: a UUID or the beginning of one.
 * @throws `graph/not-found` also where it is not in the view, `graph/refused` when several ids begin so, or for a time that cannot be read
 */
export async function supersession(walk: Walk, id: string, options: View = {}): Promise<Supersession> {
  const { session, meter } = walk;
  const root = (await recordedBelief(session, id, options)).id;
  meter.takeBeliefs(1);
  const newer = await reached(walk, root, 'newer', options);
  const older = await reached(walk, root, 'older', options);
  const ids = new Set([root, ...newer, ...older]);
  const into = await edgesInto(walk, ids, options);
  const beliefs = await beliefsInView(session, [...ids], options);
  // Of beliefs that were cut off the edges to the others are seen none the less.
  const sawEdges = meter.stopped === null || meter.stopped === 'beliefs';
  const superseded = new Set(into.map(({ target }) => target));
  const edges = into.filter(({ source }) => ids.has(source));
  const up = distances(
    root,
    edges,
    ({ target }) => target,
    ({ source }) => source,
  );
  const down = distances(
    root,
    edges,
    ({ source }) => source,
    ({ target }) => target,
  );
  const placed = [...ids].flatMap((each): readonly SupersedingBelief[] => {
    const belief = beliefs.get(each);
    const [above, below] = [up.get(each), down.get(each)];
    if (belief === undefined || (above === undefined && below === undefined)) return [];
    const relation = each === root ? 'itself' : above === undefined ? 'older' : 'newer';
    return [{ ...belief, relation, hops: above ?? below ?? 0, current: sawEdges && !superseded.has(each) }];
  });
  return {
    type: 'supersession',
    belief: root,
    as_of: options.as_of ?? null,
    known_at: options.known_at ?? null,
    beliefs: placed.sort(newestFirst),
    edges,
    stopped: meter.stopped,
  };
}

/** A recursive query over ids alone: each is taken up once, so that neither branches nor circles make it long. */
async function reached(walk: Walk, root: string, which: 'newer' | 'older', view: View): Promise<readonly string[]> {
  const { meter } = walk;
  const [near, far] = which === 'newer' ? ['e.target_id', 'e.source_id'] : ['e.source_id', 'e.target_id'];
  // OFFSET keeps the planner from joining by a scan of all edges a step, which it prefers while a table has no statistics.
  const query = sql<{ id: string }>`
    WITH RECURSIVE found (id) AS (
      SELECT ${root}::uuid
      UNION
      SELECT step.id FROM found CROSS JOIN LATERAL (
        SELECT ${sql.ref(far)} AS id FROM valence.belief_edges AS e
        WHERE ${sql.ref(near)} = found.id AND e.type = 'supersedes' AND ${edgeCounts('e', view)} OFFSET 0
      ) AS step
    )
    SELECT id FROM found LIMIT ${meter.beliefsLeft + 2}::bigint`;
  const found = await walk.level((session) => query.execute(session.kysely));
  const ids = (found?.rows ?? []).map(({ id }) => id).filter((id) => id !== root);
  return ids.slice(0, meter.takeBeliefs(ids.length));
}

/** Every edge that supersedes one of these beliefs, by id. */
async function edgesInto(walk: Walk, ids: ReadonlySet<string>, view: View): Promise<readonly Edge[]> {
  const { meter } = walk;
  const query = sql<Selectable<BeliefEdgesTable>>`
    SELECT e.* FROM valence.belief_edges AS e
    WHERE e.target_id = ANY (${uuidArray(ids)}) AND e.type = 'supersedes' AND ${edgeCounts('e', view)}
    ORDER BY e.id LIMIT ${meter.edgesLeft + 1}::bigint`;
  const rows = (await walk.inTime((session) => query.execute(session.kysely)))?.rows ?? [];
  return rows.slice(0, meter.takeEdges(rows.length)).map(toEdge);
}

/** Hops from a belief over edges from `near` to `far`; breadth first. */
function distances(
  root: string,
  edges: readonly Edge[],
  near: (edge: Edge) => string,
  far: (edge: Edge) => string,
): ReadonlyMap<string, number> {
  const leaving = Map.groupBy(edges, near);
  const hops = new Map([[root, 0]]);
  for (const [id, distance] of hops) {
    for (const edge of leaving.get(id) ?? []) if (!hops.has(far(edge))) hops.set(far(edge), distance + 1);
  }
  return hops;
}

function newestFirst(a: SupersedingBelief, b: SupersedingBelief): number {
  const place = ({ relation, hops }: SupersedingBelief): number => (relation === 'newer' ? -hops : hops);
  return place(a) - place(b) || (a.id < b.id ? -1 : 1);
}
