import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { checkedTime } from '../records/timestamp.ts';

/**
 * Which state of the graph a query looks at (docs/decisions/0016-graph-queries.md). Times are ISO 8601 with an offset.
 * Both left out: all live edges, whatever their validity.
 */
export interface View {
  /** Only what holds at that time: edges and beliefs whose validity covers it. */
  readonly as_of?: string | undefined;
  /** Only what had been recorded by that time, as it stood then. */
  readonly known_at?: string | undefined;
}

/** @throws `graph/refused` for a time that cannot be read */
export function checkView({ as_of: asOf, known_at: knownAt }: View): void {
  if (asOf !== undefined) checkedTime('as_of', asOf);
  if (knownAt !== undefined) checkedTime('known_at', knownAt);
}

/** SQL: whether a row with `valid_from` and `valid_until`, called `row`, holds in this view. */
export function holds(row: string, { as_of: asOf }: View): RawBuilder<boolean> {
  if (asOf === undefined) return sql<boolean>`true`;
  const time = sql`${asOf}::timestamptz`;
  const [from, until] = [sql.raw(`${row}.valid_from`), sql.raw(`${row}.valid_until`)];
  return sql<boolean>`(${from} IS NULL OR ${from} <= ${time}) AND (${until} IS NULL OR ${until} > ${time})`;
}

/** SQL: whether an edge, called `edge`, was live when this view was known. */
export function isLive(edge: string, { known_at: knownAt }: View): RawBuilder<boolean> {
  const retired = sql.raw(`${edge}.retired_at`);
  if (knownAt === undefined) return sql<boolean>`${retired} IS NULL`;
  const time = sql`${knownAt}::timestamptz`;
  return sql<boolean>`${sql.raw(`${edge}.created_at`)} <= ${time} AND (${retired} IS NULL OR ${retired} > ${time})`;
}

/**
 * SQL: the beliefs of this view's record, in parentheses where need be, with the columns of `valence.beliefs`. Validity is not asked:
 * `holds` does. Each leg is found by primary key when joined by id. Each belief is there at most once: of imported versions whose times
 * overlap the last one counts.
 */
export function recordedBeliefs({ known_at: knownAt }: View): RawBuilder<unknown> {
  if (knownAt === undefined) return sql`valence.beliefs`;
  const time = sql`${knownAt}::timestamptz`;
  return sql`(
    SELECT id, content, confidence, dimensions, domains, status, valid_from, valid_until, metadata, version, created_at, updated_at
    FROM valence.beliefs WHERE updated_at <= ${time}
    UNION ALL
    SELECT v.belief_id, v.content, v.confidence, v.dimensions, v.domains, v.status, v.valid_from, v.valid_until, v.metadata,
           v.version, b.created_at, v.recorded_at
    FROM valence.belief_versions v JOIN valence.beliefs b ON b.id = v.belief_id
    WHERE v.recorded_at <= ${time} AND v.replaced_at > ${time} AND b.updated_at > ${time}
      AND NOT EXISTS (
        SELECT FROM valence.belief_versions AS later
        WHERE later.belief_id = v.belief_id AND later.version > v.version
          AND later.recorded_at <= ${time} AND later.replaced_at > ${time}
      )
  )`;
}
