import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Session } from '../../schema/database.ts';
import type { GraphArrays } from '../arrays/graph-arrays.ts';
import { holds } from '../walk/view.ts';
import type { View } from '../walk/view.ts';
import { AscendingIds, ID_BYTES } from './ascending-ids.ts';

/** The numbers of the beliefs that name a source, ascending; none where the source is retired or unknown. */
export function beliefsTrusting(session: Session, arrays: GraphArrays, sourceId: string): Promise<Int32Array> {
  return numbersOf(
    session,
    arrays,
    sql`SELECT l.belief_id AS id FROM valence.belief_sources AS l JOIN valence.sources AS s ON s.id = l.source_id
        WHERE l.source_id = ${sourceId}::uuid AND s.retired_at IS NULL`,
  );
}

/** The numbers of the beliefs of a domain, ascending. */
export function beliefsOfDomain(session: Session, arrays: GraphArrays, domain: string): Promise<Int32Array> {
  return numbersOf(session, arrays, sql`SELECT id FROM valence.beliefs WHERE ${domain} = ANY (domains)`);
}

/** The beliefs valid at a time that name a source: the first `limit` ids in order, and how many there are. */
export async function beliefsNaming(
  session: Session,
  sourceId: string,
  { as_of, limit }: Pick<View, 'as_of'> & { readonly limit: number },
): Promise<{ readonly total: number; readonly ids: readonly string[] }> {
  const { rows } = await sql<{ total: number; id: string }>`
    SELECT b.id, count(*) OVER () AS total FROM valence.belief_sources AS l JOIN valence.beliefs AS b ON b.id = l.belief_id
    WHERE l.source_id = ${sourceId}::uuid AND ${holds('b', { as_of })}
    ORDER BY b.id LIMIT ${limit}::bigint`.execute(session.kysely);
  return { total: rows[0]?.total ?? 0, ids: rows.map(({ id }) => id) };
}

/** Whether the base has no more than so many beliefs, and no more live edges; looks at no more of them than that. */
export async function hasAtMost(session: Session, most: number): Promise<boolean> {
  const limit = sql`LIMIT ${most + 1}::bigint`;
  const { rows } = await sql<{ found: number }>`
    SELECT greatest(
      (SELECT count(*) FROM (SELECT FROM valence.beliefs ${limit}) AS counted),
      (SELECT count(*) FROM (SELECT FROM valence.belief_edges WHERE retired_at IS NULL ${limit}) AS counted)
    ) AS found`.execute(session.kysely);
  return rows[0]!.found <= most;
}

/** Ids come as one value of 16 bytes each: of a million beliefs a row each would take longer than all else. */
async function numbersOf(session: Session, arrays: GraphArrays, beliefs: RawBuilder<unknown>): Promise<Int32Array> {
  const { rows } = await sql<{ ids: Uint8Array | null }>`
    SELECT string_agg(uuid_send(id), '' ORDER BY id) AS ids FROM (${beliefs}) AS found`.execute(session.kysely);
  const ids = rows[0]?.ids ?? new Uint8Array(0);
  const numbers = new Int32Array(ids.length / ID_BYTES);
  const ascending = new AscendingIds(arrays);
  for (const at of numbers.keys()) numbers[at] = ascending.next(ids.subarray(at * ID_BYTES, (at + 1) * ID_BYTES));
  return numbers.filter((number) => number >= 0);
}
