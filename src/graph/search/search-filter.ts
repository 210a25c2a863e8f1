import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { ValenceError } from '../../core/errors.ts';
import { checkedTime } from '../records/timestamp.ts';
import type { BeliefStatus } from '../records/vocabulary.ts';
import { checkView, holds } from '../walk/view.ts';
import type { View } from '../walk/view.ts';

/** Which beliefs a search looks at. What is left out does not narrow. */
export interface SearchFilter extends View {
  /** `active` and `disputed` when left out: what is held now. */
  readonly statuses?: readonly BeliefStatus[] | undefined;
  /** In at least one of these. */
  readonly domains?: readonly string[] | undefined;
  readonly minConfidence?: number | undefined;
  /** Recorded first at this time or later; ISO 8601 with an offset. */
  readonly since?: string | undefined;
  /** Recorded first before this time. */
  readonly until?: string | undefined;
  /** From at least one of these; those of a type when the id is left out. */
  readonly sources?: readonly ProvenanceFilter[] | undefined;
}

export interface ProvenanceFilter {
  readonly source_type: string;
  readonly source_id?: string | undefined;
}

export const STATUSES_DEFAULT: readonly BeliefStatus[] = ['active', 'disputed'];

/** @throws `graph/refused` for times that cannot be read and confidences outside 0..1 */
export function checkFilter(filter: SearchFilter): void {
  checkView(filter);
  if (filter.since !== undefined) checkedTime('since', filter.since);
  if (filter.until !== undefined) checkedTime('until', filter.until);
  const { minConfidence } = filter;
  if (minConfidence === undefined || (minConfidence >= 0 && minConfidence <= 1)) return;
  throw new ValenceError('graph/refused', 'a confidence lies between 0 and 1');
}

/** SQL: whether a belief of the view's record, called `b`, passes. */
export function passes(filter: SearchFilter): RawBuilder<boolean> {
  const { domains, minConfidence, since, until, sources } = filter;
  const conditions = [sql`b.status = ANY (${[...(filter.statuses ?? STATUSES_DEFAULT)]}::text[])`, holds('b', filter)];
  if (domains !== undefined && domains.length > 0) conditions.push(sql`b.domains && ${[...domains]}::text[]`);
  // A confidence is kept as float4: 0.7 is at least 0.7 only when both are.
  if (minConfidence !== undefined) conditions.push(sql`b.confidence >= ${minConfidence}::real`);
  if (since !== undefined) conditions.push(sql`b.created_at >= ${since}::timestamptz`);
  if (until !== undefined) conditions.push(sql`b.created_at < ${until}::timestamptz`);
  if (sources !== undefined && sources.length > 0) conditions.push(comesFrom(sources, filter));
  return sql<boolean>`(${sql.join(conditions, sql` AND `)})`;
}

function comesFrom(sources: readonly ProvenanceFilter[], { known_at: knownAt }: View): RawBuilder<boolean> {
  const known = knownAt === undefined ? sql`true` : sql`bs.created_at <= ${knownAt}::timestamptz`;
  const types = sources.map((source) => source.source_type);
  const ids = sources.map((source) => source.source_id ?? null);
  return sql<boolean>`EXISTS (
    SELECT FROM valence.belief_sources bs JOIN valence.sources s ON s.id = bs.source_id
    JOIN unnest(${types}::text[], ${ids}::text[]) AS asked (type, id)
      ON asked.type = s.type AND (asked.id IS NULL OR asked.id = s.external_id)
    WHERE bs.belief_id = b.id AND ${known})`;
}
