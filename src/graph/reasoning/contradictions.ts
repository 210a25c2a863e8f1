import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { Clock } from '../../core/clock.ts';
import type { Session } from '../../schema/database.ts';
import type { BeliefEdgesTable } from '../../schema/tables.ts';
import { beliefId, beliefNumber } from '../arrays/graph-arrays.ts';
import type { GraphArrays } from '../arrays/graph-arrays.ts';
import { edgesValidAt } from '../arrays/validity.ts';
import { toEdge } from '../records/belief-records.ts';
import type { Belief, Edge } from '../records/belief-records.ts';
import { beliefsInView } from '../records/recorded-beliefs.ts';
import { parseTimestamp } from '../records/timestamp.ts';
import { BUDGET_DEFAULT } from '../walk/budget.ts';
import type { Limit } from '../walk/budget.ts';
import { checkView } from '../walk/view.ts';
import { commonGrounds } from './common-grounds.ts';
import { edgeCounts } from './edge-counts.ts';

export interface ContradictionsOptions {
  /** Only those with a belief of this domain at an end. */
  readonly domain?: string | undefined;
  /** At most so many; 20 when left out. */
  readonly limit?: number | undefined;
  /** Those too of which an end is superseded or archived. */
  readonly all?: boolean | undefined;
  /** ISO 8601 with an offset: only those that hold then, with both ends. */
  readonly as_of?: string | undefined;
  /** Look for the grounds that each has in common. */
  readonly grounds?: boolean | undefined;
}

export interface Contradictions {
  readonly type: 'contradictions';
  readonly as_of: string | null;
  /** How many there are, those included that are not given. */
  readonly total: number;
  /** The most at stake first, then by the id of the edge. */
  readonly contradictions: readonly Contradiction[];
}

export interface Contradiction {
  readonly edge: Edge;
  /** Its source and its target. */
  readonly ends: readonly [Belief, Belief];
  /** Weight × the lesser confidence of the two. */
  readonly at_stake: number;
  /** Both ends are active or disputed. */
  readonly open: boolean;
  /** What leads to both ends; `null` where it was not asked for. */
  readonly grounds: Grounds | null;
}

export interface Grounds {
  /** How many were found, those included that are not given. */
  readonly found: number;
  /** At most five, the nearest first: the least sum of the two chains, then id. */
  readonly nearest: readonly Ground[];
  /** What ended the search: chains of more than ten hops, 10,000 beliefs on a side, or ten seconds for all; `null`: it saw all. */
  readonly stopped: Limit | null;
}

/** Whoever holds this belief holds both ends. */
export interface Ground {
  readonly belief: Belief;
  /** Ids from the ground to the source of the edge and to its target, both included. */
  readonly chains: readonly [readonly string[], readonly string[]];
}

const LIMIT_DEFAULT = 20;
const GROUNDS_SHOWN = 5;

type Row = Selectable<BeliefEdgesTable> & { at_stake: number; open: boolean };

/** Without grounds: one statement finds and ranks them, one counts them. @throws `graph/refused` for a time that cannot be read */
export async function contradictions(session: Session, options: ContradictionsOptions = {}): Promise<Contradictions> {
  checkView(options);
  const { rows, total } = await ranked(session, options);
  const ends = rows.flatMap((row) => [row.source_id, row.target_id]);
  const beliefs = await beliefsInView(session, ends, { as_of: options.as_of });
  return {
    type: 'contradictions',
    as_of: options.as_of ?? null,
    total,
    contradictions: rows.flatMap(({ at_stake, open, ...row }): readonly Contradiction[] => {
      const [source, target] = [beliefs.get(row.source_id), beliefs.get(row.target_id)];
      if (source === undefined || target === undefined) return [];
      return [{ edge: toEdge(row), ends: [source, target], at_stake, open, grounds: null }];
    }),
  };
}

/** The same with the grounds of each. Those that come after ten seconds have none, and say so. */
export async function withGrounds(
  session: Session,
  arrays: GraphArrays,
  found: Contradictions,
  clock: Clock,
): Promise<Contradictions> {
  const until = clock.now() + BUDGET_DEFAULT.maxMs;
  const asOf = found.as_of === null ? null : parseTimestamp(found.as_of);
  const counts = edgesValidAt(arrays, asOf);
  const searched = found.contradictions.map(({ ends }) => {
    const [left, right] = [beliefNumber(arrays, ends[0].id), beliefNumber(arrays, ends[1].id)];
    if (clock.now() >= until) return { grounds: [], found: 0, stopped: 'time' as const };
    return commonGrounds(arrays, [left, right], { counts, limit: GROUNDS_SHOWN });
  });
  const ids = searched.flatMap(({ grounds }) => grounds.map(({ belief }) => beliefId(arrays, belief)));
  const beliefs = await beliefsInView(session, ids, { as_of: found.as_of ?? undefined });
  const named = (chain: readonly number[]): readonly string[] => chain.map((number) => beliefId(arrays, number));
  const groundsOf = ({ grounds, found: count, stopped }: (typeof searched)[number]): Grounds => ({
    found: count,
    nearest: grounds.flatMap(({ belief, chains }): readonly Ground[] => {
      const record = beliefs.get(beliefId(arrays, belief));
      return record === undefined ? [] : [{ belief: record, chains: [named(chains[0]), named(chains[1])] }];
    }),
    stopped,
  });
  return {
    ...found,
    contradictions: found.contradictions.map((each, at) => ({ ...each, grounds: groundsOf(searched[at]!) })),
  };
}

async function ranked(
  session: Session,
  options: ContradictionsOptions,
): Promise<{ rows: readonly Row[]; total: number }> {
  // As decimals, of which the shown ones are exact: 0.9 × 0.9 is 0.81, and what is equal to the reader is equal to the order.
  const stake = sql`(e.weight::text::numeric * least(a.confidence, b.confidence)::text::numeric)`;
  const open = sql<boolean>`(a.status IN ('active', 'disputed') AND b.status IN ('active', 'disputed'))`;
  const { domain } = options;
  const ofDomain = domain === undefined ? sql`true` : sql`(${domain} = ANY (a.domains) OR ${domain} = ANY (b.domains))`;
  const chosen = sql`
    valence.belief_edges AS e JOIN valence.beliefs AS a ON a.id = e.source_id JOIN valence.beliefs AS b ON b.id = e.target_id
    WHERE e.type = 'contradicts' AND ${edgeCounts('e', { as_of: options.as_of })}
      AND ${options.all === true ? sql`true` : open} AND ${ofDomain}`;
  const { rows } = await sql<Row>`
    SELECT e.*, ${stake}::float8 AS at_stake, ${open} AS open FROM ${chosen}
    ORDER BY ${stake} DESC, e.id LIMIT ${options.limit ?? LIMIT_DEFAULT}::bigint`.execute(session.kysely);
  const counted = await sql<{ total: number }>`SELECT count(*) AS total FROM ${chosen}`.execute(session.kysely);
  return { rows, total: counted.rows[0]!.total };
}
