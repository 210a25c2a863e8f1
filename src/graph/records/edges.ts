import { sql } from 'kysely';
import type { Clock } from '../../core/clock.ts';
import { uuidV7 } from '../../core/ids.ts';
import type { Random } from '../../core/random.ts';
import type { Session } from '../../schema/database.ts';
import type { JsonObject } from '../../schema/tables.ts';
import { toEdge } from './belief-records.ts';
import type { Edge } from './belief-records.ts';
import { findId } from './find-id.ts';
import { refusing } from './refusal.ts';
import { checkedTime } from './timestamp.ts';
import { uuidArray } from './uuid-array.ts';
import type { EdgeType } from './vocabulary.ts';

export interface EdgeDraft {
  /** UUIDs, or beginnings of them. */
  readonly source: string;
  readonly target: string;
  readonly edge_type: EdgeType;
  readonly weight?: number | undefined;
  /** ISO 8601 with an offset. */
  readonly valid_from?: string | undefined;
  readonly valid_until?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

/**
 * Adds an edge; `contradicts` is stored with its ends in order, and what is superseded becomes so at once.
 * @throws `graph/not-found` for an end, `graph/refused` for a self-edge, a repeated edge, a circle of `supersedes`, a weight
 *   outside 0..1, a validity that ends before it begins, or when several ids begin so
 */
export async function addEdge(
  session: Session,
  draft: EdgeDraft,
  by: { readonly clock: Clock; readonly random: Random },
): Promise<Edge> {
  const values = {
    id: uuidV7(by.clock, by.random),
    source_id: await findId(session, 'belief', draft.source),
    target_id: await findId(session, 'belief', draft.target),
    type: draft.edge_type,
    weight: draft.weight ?? 1,
    valid_from: draft.valid_from === undefined ? null : checkedTime('valid_from', draft.valid_from),
    valid_until: draft.valid_until === undefined ? null : checkedTime('valid_until', draft.valid_until),
    retired_at: null,
    metadata: sql<JsonObject>`${JSON.stringify(draft.metadata ?? {})}::jsonb`,
    created_at: new Date(by.clock.now()).toISOString(),
  };
  const insert = session.kysely.insertInto('belief_edges').values(values).returningAll();
  return toEdge(await refusing(() => insert.executeTakeFirstOrThrow()));
}

/** Takes it out of use; one that is retired stays as it is. @throws `graph/not-found`, `graph/refused` when several ids begin so */
export async function retireEdge(session: Session, id: string, clock: Clock): Promise<Edge> {
  const found = await findId(session, 'edge', id);
  const row = await session.kysely
    .updateTable('belief_edges')
    .set({ retired_at: sql<string>`coalesce(retired_at, ${new Date(clock.now()).toISOString()}::timestamptz)` })
    .where('id', '=', found)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toEdge(row);
}

/** Those of the given ids that are there, by id. */
export async function edgesById(session: Session, ids: readonly string[]): Promise<ReadonlyMap<string, Edge>> {
  const rows = await session.kysely
    .selectFrom('belief_edges')
    .selectAll()
    .where(sql<boolean>`id = ANY (${uuidArray(ids)})`)
    .execute();
  return new Map(rows.map((row) => [row.id, toEdge(row)]));
}
