import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { Session } from '../../schema/database.ts';
import type { SourcesTable } from '../../schema/tables.ts';
import { toSource } from '../records/belief-records.ts';
import type { Belief, Edge, Source } from '../records/belief-records.ts';
import { edgesById } from '../records/edges.ts';
import { beliefsInView, recordedBelief } from '../records/recorded-beliefs.ts';
import { uuidArray } from '../records/uuid-array.ts';
import type { Budget, Limit } from '../walk/budget.ts';
import type { View } from '../walk/view.ts';
import type { Walk } from '../walk/walk.ts';
import { edgeCounts } from './edge-counts.ts';

export interface LineageOptions extends View, Budget {
  /** What rests on it rather than what it rests on. */
  readonly dependents?: boolean | undefined;
  /** At most so many levels; all when left out. */
  readonly depth?: number | undefined;
}

/** What a belief rests on, level by level down to sources, or what rests on it. */
export interface Lineage {
  readonly type: 'lineage';
  /** Its id. */
  readonly belief: string;
  readonly direction: 'rests-on' | 'dependents';
  readonly as_of: string | null;
  readonly known_at: string | null;
  /** By level, then id; the belief itself first. */
  readonly beliefs: readonly LineageBelief[];
  /** Every step between two of them: one edge each, in the order of the levels. */
  readonly steps: readonly LineageStep[];
  /** Those that the beliefs name, by type and id; none of dependents. */
  readonly sources: readonly Source[];
  /** What ended the search; `hops`: there are more levels than were asked for. `null`: this is all. */
  readonly stopped: Limit | null;
}

export interface LineageBelief extends Belief {
  /** Its level. */
  readonly hops: number;
  /** Ids of the sources it names. */
  readonly sources: readonly string[];
}

export interface LineageStep {
  readonly edge: Edge;
  /** The belief nearer to the one asked about. */
  readonly from: string;
  /** What it rests on or, of dependents, what rests on it. */
  readonly to: string;
}

interface Step {
  readonly edge: string;
  readonly from: string;
  readonly to: string;
}

/**
 * One statement a level. A belief rests on the targets of its `derives_from` edges and on the sources of `supports` edges
 * into it. `id`: a UUID or the beginning of one.
 * @throws `graph/not-found` also where it is not in the view, `graph/refused` when several ids begin so, or for a time that cannot be read
 */
export async function lineage(walk: Walk, id: string, options: LineageOptions = {}): Promise<Lineage> {
  const { session, meter } = walk;
  const root = await recordedBelief(session, id, options);
  const { hops, steps } = await levels(walk, root.id, options);
  const dependents = options.dependents === true;
  const named = dependents ? [] : await sourcesNamed(walk, [...hops.keys()]);
  const beliefs = await beliefsInView(session, [...hops.keys()], options);
  const edges = await edgesById(
    session,
    steps.map(({ edge }) => edge),
  );
  return {
    type: 'lineage',
    belief: root.id,
    direction: dependents ? 'dependents' : 'rests-on',
    as_of: options.as_of ?? null,
    known_at: options.known_at ?? null,
    beliefs: placed(hops, beliefs, named),
    steps: steps.flatMap(({ edge, from, to }) => {
      const record = edges.get(edge);
      return record === undefined ? [] : [{ edge: record, from, to }];
    }),
    sources: [...new Map(named.map(({ source }) => [source.id, source])).values()],
    stopped: meter.stopped,
  };
}

async function levels(
  walk: Walk,
  root: string,
  options: LineageOptions,
): Promise<{ hops: ReadonlyMap<string, number>; steps: readonly Step[] }> {
  const { meter } = walk;
  const hops = new Map([[root, 0]]);
  const steps: Step[] = [];
  meter.takeBeliefs(1);
  let frontier: readonly string[] = [root];
  for (let level = 1; frontier.length > 0; level += 1) {
    const from = frontier;
    const found = await walk.level((session) => stepsFrom(session, from, options, meter.edgesLeft + 1));
    if (found === null) break;
    const beyond = options.depth !== undefined && level > options.depth;
    if (beyond) {
      if (found.some(({ to }) => !hops.has(to))) meter.stop('hops');
      break;
    }
    const taken = found.slice(0, meter.takeEdges(found.length));
    const fresh = [...new Set(taken.map(({ to }) => to).filter((to) => !hops.has(to)))];
    frontier = fresh.slice(0, meter.takeBeliefs(fresh.length));
    for (const belief of frontier) hops.set(belief, level);
    for (const step of taken) if (hops.has(step.to)) steps.push(step);
  }
  return { hops, steps };
}

/** Every step from these beliefs, ordered by where it leads, then by edge; at most `limit`. */
async function stepsFrom(
  session: Session,
  from: readonly string[],
  options: LineageOptions,
  limit: number,
): Promise<readonly Step[]> {
  const ids = uuidArray(from);
  const [derived, supported] = options.dependents === true ? ['target_id', 'source_id'] : ['source_id', 'target_id'];
  const leg = (type: string, near: string, far: string): ReturnType<typeof sql> => sql`
    SELECT e.id AS edge, ${sql.ref(`e.${near}`)} AS "from", ${sql.ref(`e.${far}`)} AS "to" FROM valence.belief_edges AS e
    WHERE ${sql.ref(`e.${near}`)} = ANY (${ids}) AND e.type = ${type} AND ${edgeCounts('e', options)}`;
  const { rows } = await sql<Step>`
    SELECT edge, "from", "to" FROM (
      ${leg('derives_from', derived, supported)} UNION ALL ${leg('supports', supported, derived)}
    ) AS steps ORDER BY "to", edge LIMIT ${limit}::bigint`.execute(session.kysely);
  return rows;
}

interface Named {
  readonly belief: string;
  readonly source: Source;
}

/** By the type and id of the source. A source that is named counts as an edge. */
async function sourcesNamed(walk: Walk, beliefs: readonly string[]): Promise<readonly Named[]> {
  const { meter } = walk;
  const limit = meter.edgesLeft + 1;
  const rows = (await walk.inTime((session) => sourceRows(session, beliefs, limit))) ?? [];
  return rows
    .slice(0, meter.takeEdges(rows.length))
    .map(({ belief_id: belief, ...source }) => ({ belief, source: toSource(source) }));
}

async function sourceRows(
  session: Session,
  beliefs: readonly string[],
  limit: number,
): Promise<readonly (Selectable<SourcesTable> & { belief_id: string })[]> {
  const { rows } = await sql<Selectable<SourcesTable> & { belief_id: string }>`
    SELECT l.belief_id, s.* FROM valence.belief_sources AS l JOIN valence.sources AS s ON s.id = l.source_id
    WHERE l.belief_id = ANY (${uuidArray(beliefs)})
    ORDER BY s.type, s.external_id, l.belief_id LIMIT ${limit}::bigint`.execute(session.kysely);
  return rows;
}

/** In the order of the levels, in each by id. */
function placed(
  hops: ReadonlyMap<string, number>,
  beliefs: ReadonlyMap<string, Belief>,
  named: readonly Named[],
): readonly LineageBelief[] {
  const sources = Map.groupBy(named, ({ belief }) => belief);
  return [...hops].flatMap(([id, level]): readonly LineageBelief[] => {
    const belief = beliefs.get(id);
    if (belief === undefined) return [];
    return [{ ...belief, hops: level, sources: (sources.get(id) ?? []).map(({ source }) => source.id) }];
  });
}
