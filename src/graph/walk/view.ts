import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { ValenceError } from '../../core/errors.ts';
import { parseTimestamp } from '../records/timestamp.ts';

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
export function checkView(view: View): void {
  for (const [name, time] of [
    ['as_of', view.as_of],
    ['known_at', view.known_at],
  ] as const) {
    if (time === undefined || parseTimestamp(time) !== null) continue;
    throw new ValenceError('graph/refused', `${name} is not an ISO 8601 time with an offset`, {
      hint: 'write it as 2026-01-31T12:00:00Z',
    });
  }
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
