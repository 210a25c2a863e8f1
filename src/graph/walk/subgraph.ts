import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { Session } from '../../schema/database.ts';
import type { BeliefEdgesTable } from '../../schema/tables.ts';
import { toEdge } from '../records/belief-records.ts';
import type { Edge } from '../records/belief-records.ts';
import { isAmong, uuidArray } from '../records/uuid-array.ts';
import { BUDGET_DEFAULT } from './budget.ts';
import { closure } from './closure.ts';
import { beliefsAround, present, startId } from './starts.ts';
import { checkView, holds, isLive } from './view.ts';
import { typesOf, walked } from './walk-options.ts';
import type { ReachedBelief, Walked, WalkOptions } from './walk-options.ts';
import type { Walk } from './walk.ts';

export interface SubgraphOptions extends WalkOptions {
  /** How many hops from the nearest seed; 2 when left out, 0 for the seeds alone. */
  readonly hops?: number | undefined;
}

/** The beliefs around some, and every live edge of the types between two of them. */
export interface Subgraph extends Walked {
  readonly type: 'subgraph';
  /** Ids, each once, in the order given. */
  readonly seeds: readonly string[];
  /** How many were asked for. */
  readonly hops: number;
  /** By distance, then id. The seeds come first, at 0 hops. */
  readonly beliefs: readonly ReachedBelief[];
  /** By id. */
  readonly edges: readonly Edge[];
}

const HOPS_DEFAULT = 2;

/**
 * `ids`: UUIDs or beginnings of them, at least one.
 * @throws `graph/not-found`, `graph/refused` when several ids begin so, or for a time
 */
export async function subgraph(walk: Walk, ids: readonly string[], options: SubgraphOptions = {}): Promise<Subgraph> {
  checkView(options);
  const { session, meter } = walk;
  const seeds: string[] = [];
  for (const id of ids) seeds.push(await startId(session, id));
  const once = [...new Set(seeds)];
  const hops = options.hops ?? HOPS_DEFAULT;
  const distances = await closure(walk, once, hops, options);
  const edges = await edgesAmong(walk, [...distances.keys()], options);
  const found = await beliefsAround(session, once, new Set([...once, ...distances.keys()]), options);
  const beliefs = [...distances].map(([id, distance]) => ({ ...present(found.get(id)), hops: distance }));
  return { type: 'subgraph', seeds: once, hops, beliefs, edges, ...walked(options, meter.stopped) };
}

/**
 * Every edge between two of the beliefs, by id; a part of them when the walk stops. All of the beliefs are in the view. What is
 * given is limited as what was looked at to find the beliefs: nobody asks for beliefs without their edges.
 */
async function edgesAmong(walk: Walk, ids: readonly string[], options: WalkOptions): Promise<readonly Edge[]> {
  const limit = options.maxEdges ?? BUDGET_DEFAULT.maxEdges;
  const rows = (await walk.inTime((session) => edgeRows(session, ids, options, limit + 1))) ?? [];
  if (rows.length > limit) walk.meter.stop('edges');
  return rows.slice(0, limit).map(toEdge);
}

async function edgeRows(
  session: Session,
  ids: readonly string[],
  options: WalkOptions,
  limit: number,
): Promise<readonly Selectable<BeliefEdgesTable>[]> {
  // By the index for each: of many ids the planner would rather compare every edge of the base with every one of them.
  const { rows } = await sql<Selectable<BeliefEdgesTable>>`
    SELECT among.* FROM unnest(${uuidArray(ids)}) AS source (id) CROSS JOIN LATERAL (
      SELECT e.* FROM valence.belief_edges AS e
      WHERE e.source_id = source.id AND ${isAmong('e.target_id', ids)}
        AND e.type = ANY (${[...typesOf(options)]}::text[]) AND ${isLive('e', options)} AND ${holds('e', options)}
      OFFSET 0
    ) AS among ORDER BY id LIMIT ${limit}::bigint`.execute(session.kysely);
  return rows;
}
