import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Session } from '../../schema/database.ts';
import type { BeliefStatus } from '../records/vocabulary.ts';

/** A belief that has no embedding of the model. */
export interface UnembeddedBelief {
  readonly id: string;
  /** The beginning of its content. */
  readonly text: string;
  /** There is more. */
  readonly isCut: boolean;
  /** Of the whole content; `storeEmbeddings` takes a vector only while it is the same. */
  readonly contentDigest: string;
}

export interface MissingFilter {
  /** Null: no belief has an embedding of it, as there is no such model yet. */
  readonly modelId: string | null;
  readonly domain?: string | undefined;
  /** Left out: all that are not archived; `all`: these too. */
  readonly status?: BeliefStatus | 'all' | undefined;
}

/** SQL of the digest of what `beliefs` calls `b`. */
export const CONTENT_DIGEST: RawBuilder<string> = sql`encode(sha256(convert_to(b.content, 'UTF8')), 'hex')`;

/** A page by id, after a belief or from the beginning; shorter than `limit` only where there are no more. */
export async function unembeddedBeliefs(
  session: Session,
  filter: MissingFilter,
  page: { readonly after: string | null; readonly limit: number; readonly maxChars: number },
): Promise<readonly UnembeddedBelief[]> {
  const { rows } = await sql<UnembeddedBelief>`
    SELECT b.id, left(b.content, ${page.maxChars}) AS text, char_length(b.content) > ${page.maxChars} AS "isCut",
      ${CONTENT_DIGEST} AS "contentDigest"
    FROM valence.beliefs AS b
    WHERE ${missing(filter, LOOK_UP)} AND ${page.after === null ? sql`true` : sql`b.id > ${page.after}::uuid`}
    ORDER BY b.id LIMIT ${page.limit}`.execute(session.kysely);
  return rows;
}

export interface MissingCounts {
  readonly beliefs: number;
  /** Those of which only the beginning would be embedded. */
  readonly cut: number;
}

export async function countUnembedded(
  session: Session,
  filter: MissingFilter,
  maxChars: number,
): Promise<MissingCounts> {
  const { rows } = await sql<MissingCounts>`
    SELECT count(*)::int AS beliefs, (count(*) FILTER (WHERE char_length(b.content) > ${maxChars}))::int AS cut
    FROM valence.beliefs AS b WHERE ${missing(filter, sql``)}`.execute(session.kysely);
  return rows[0]!;
}

/**
 * Keeps the planner from joining: it would walk through all embeddings up to the page, for each page anew. So each belief that
 * is passed is looked up, once in all pages.
 */
const LOOK_UP = sql`OFFSET 0`;

/** `ending` ends the query for an embedding of one belief. */
function missing({ modelId, domain, status }: MissingFilter, ending: RawBuilder<unknown>): RawBuilder<unknown> {
  const conditions = [sql`true`];
  if (modelId !== null) {
    conditions.push(sql`NOT EXISTS (
      SELECT FROM valence.belief_embeddings AS e WHERE e.model_id = ${modelId}::uuid AND e.belief_id = b.id ${ending})`);
  }
  if (domain !== undefined) conditions.push(sql`${domain} = ANY (b.domains)`);
  if (status === undefined) conditions.push(sql`b.status <> 'archived'`);
  else if (status !== 'all') conditions.push(sql`b.status = ${status}`);
  return sql.join(conditions, sql` AND `);
}
