import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { isAmong, uuidArray, uuidsOf } from '../records/uuid-array.ts';
import { stepsOf } from './adjacency.ts';
import type { LevelQuery, StepColumns } from './adjacency.ts';

/** The two sides of a search for a path. The frontier that is ahead, at its beginning, is given in the order of preference. */
export interface Frontiers {
  /** The side to step from. */
  readonly near: LevelQuery;
  readonly far: readonly string[];
  readonly nearIsAhead: boolean;
  /** Steps that may be looked at. */
  readonly limit: number;
}

/** A step between the frontiers. */
export interface Touch {
  readonly ahead: string;
  readonly back: string;
}

export interface TouchOrSteps {
  readonly touch: Touch | null;
  /** How many steps there are, at most one more than the limit; 0 where the frontiers touch. */
  readonly looked: number;
  /**
   * One step to each belief of the next level, from the first of the near frontier that leads there; by the order of the
   * frontier, then by id. Where the near side is not ahead, by id alone.
   */
  readonly steps: readonly { readonly from: string; readonly to: string }[];
}

const ENDS: StepColumns = ({ near, far }) => sql`e.${sql.raw(near)} AS "from", e.${sql.raw(far)} AS "to"`;

interface Row {
  readonly ahead: string | null;
  readonly back: string | null;
  readonly looked: number;
  readonly from: string;
  readonly to: string;
}

/**
 * Where the frontiers touch, and only if they do not the next level: one statement, so that the last level, which is the
 * largest, is neither made nor sent. Whether they touch is read off the index alone and not counted as edges looked at.
 */
export async function touchOrStep(session: Session, frontiers: Frontiers): Promise<TouchOrSteps> {
  const { near, far, nearIsAhead, limit } = frontiers;
  const { rows } = await sql<Row>`
    WITH touching AS MATERIALIZED (
      ${stepsOf(near, ENDS, (leg) => isAmong(`e.${leg.far}`, far))}
    ), touch AS MATERIALIZED (
      SELECT ahead, back
      FROM (SELECT ${nearIsAhead ? sql`"from", "to"` : sql`"to", "from"`} FROM touching) AS ends (ahead, back)
      JOIN unnest(${uuidArray(nearIsAhead ? near.from : far)}) WITH ORDINALITY AS preferred (id, place) ON id = ahead
      ORDER BY place, back LIMIT 1
    ), steps AS MATERIALIZED (
      SELECT "from", "to" FROM ${stepsOf(near, ENDS)} AS legs
      WHERE NOT EXISTS (SELECT FROM touch) LIMIT ${limit + 1}::bigint
    ), next AS (
      SELECT "to", min(place) AS place
      FROM steps JOIN unnest(${uuidArray(near.from)}) WITH ORDINALITY AS frontier (id, place) ON id = "from"
      GROUP BY "to"
    )
    SELECT (SELECT ahead FROM touch), (SELECT back FROM touch), (SELECT count(*) FROM steps) AS looked,
      coalesce(array_agg("to" ORDER BY ${nearIsAhead ? sql`place, "to"` : sql`"to"`}), '{}')::text AS "to",
      coalesce(array_agg(place ORDER BY ${nearIsAhead ? sql`place, "to"` : sql`"to"`}), '{}')::text AS "from"
    FROM next`.execute(session.kysely);
  const { ahead, back, looked, from, to } = rows[0]!;
  const places = uuidsOf(from);
  return {
    touch: ahead === null || back === null ? null : { ahead, back },
    looked,
    steps: uuidsOf(to).map((id, index) => ({ from: near.from[Number(places[index]) - 1]!, to: id })),
  };
}
