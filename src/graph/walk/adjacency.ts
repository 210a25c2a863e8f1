import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { EDGE_TYPES } from '../records/vocabulary.ts';
import type { EdgeType } from '../records/vocabulary.ts';

/** `outgoing`: from source to target. `contradicts` is mutual and goes both ways whatever is asked. */
export type Direction = 'outgoing' | 'incoming' | 'both';

/** One way over a live edge. */
export interface Step {
  readonly edge: string;
  readonly from: string;
  readonly to: string;
  /** Whether `from` is the source of the edge as it is stored. */
  readonly forward: boolean;
}

export interface StepQuery {
  readonly from: readonly string[];
  readonly direction: Direction;
  /** Left out: all. */
  readonly types?: readonly EdgeType[] | undefined;
  /** At most so many steps. */
  readonly limit?: number | undefined;
  /** One step to each belief, however many lead there. */
  readonly onceEach?: boolean | undefined;
}

/** Every step from a set of beliefs, in one query; ordered by where it leads, then by edge. */
export async function stepsFrom(session: Session, query: StepQuery): Promise<readonly Step[]> {
  const types = query.types ?? EDGE_TYPES;
  const mutual = types.filter((type) => type === 'contradicts');
  const [outgoing, incoming] = [
    query.direction === 'incoming' ? mutual : types,
    query.direction === 'outgoing' ? mutual : types,
  ];
  const from = sql`${[...query.from]}::uuid[]`;
  const { rows } = await sql<Step>`
    SELECT ${query.onceEach === true ? sql`DISTINCT ON ("to")` : sql``} edge, "from", "to", forward
    FROM (
      SELECT id AS edge, source_id AS "from", target_id AS "to", true AS forward FROM valence.belief_edges
      WHERE source_id = ANY (${from}) AND type = ANY (${[...outgoing]}::text[]) AND retired_at IS NULL
      UNION ALL
      SELECT id, target_id, source_id, false FROM valence.belief_edges
      WHERE target_id = ANY (${from}) AND type = ANY (${[...incoming]}::text[]) AND retired_at IS NULL
    ) AS steps
    ORDER BY "to", edge LIMIT ${query.limit ?? null}::bigint`.execute(session.kysely);
  return rows;
}
