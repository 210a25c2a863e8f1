import { sql } from 'kysely';
import type { Clock } from '../../core/clock.ts';
import type { Session } from '../../schema/database.ts';
import type { JsonObject } from '../../schema/tables.ts';
import type { View } from '../walk/view.ts';
import { toSource } from './belief-records.ts';
import type { Source, SourceKey } from './belief-records.ts';
import { sourceId } from './derived-ids.ts';
import { findId } from './find-id.ts';
import { refusing } from './refusal.ts';

export interface SourceDraft extends SourceKey {
  readonly title?: string | undefined;
  readonly uri?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

export interface SourceFilter {
  readonly source_type?: string | undefined;
  /** Retired ones too. */
  readonly all?: boolean | undefined;
}

const ROWS_AT_ONCE = 1000;

/** Its id follows from type and id, as in an import. @throws `graph/refused` when it is there already */
export async function addSource(session: Session, draft: SourceDraft, clock: Clock): Promise<Source> {
  const values = {
    id: sourceId(draft.source_type, draft.source_id),
    type: draft.source_type,
    external_id: draft.source_id,
    title: draft.title ?? null,
    uri: draft.uri ?? null,
    metadata: sql<JsonObject>`${JSON.stringify(draft.metadata ?? {})}::jsonb`,
    created_at: new Date(clock.now()).toISOString(),
    retired_at: null,
  };
  const insert = session.kysely.insertInto('sources').values(values).returningAll();
  return toSource(await refusing(() => insert.executeTakeFirstOrThrow()));
}

/** By type and id. */
export async function* listSources(
  session: Session,
  filter: SourceFilter = {},
): AsyncGenerator<Source, void, undefined> {
  let after: { readonly type: string; readonly external_id: string } | null = null;
  for (;;) {
    let query = session.kysely
      .selectFrom('sources')
      .selectAll()
      .orderBy('type')
      .orderBy('external_id')
      .limit(ROWS_AT_ONCE);
    if (filter.source_type !== undefined) query = query.where('type', '=', filter.source_type);
    if (filter.all !== true) query = query.where('retired_at', 'is', null);
    if (after !== null) query = query.where(sql<boolean>`(type, external_id) > (${after.type}, ${after.external_id})`);
    const rows = await query.execute();
    for (const row of rows) yield toSource(row);
    if (rows.length < ROWS_AT_ONCE) return;
    after = rows.at(-1)!;
  }
}

/** Where a belief comes from, by type and id; with a `known_at`, what had been recorded of that. */
export async function sourcesOf(session: Session, beliefId: string, view: View = {}): Promise<readonly Source[]> {
  let query = session.kysely
    .selectFrom('sources')
    .innerJoin('belief_sources', 'belief_sources.source_id', 'sources.id')
    .selectAll('sources')
    .where('belief_id', '=', beliefId)
    .orderBy('type')
    .orderBy('external_id');
  if (view.known_at !== undefined) query = query.where('belief_sources.created_at', '<=', view.known_at);
  return (await query.execute()).map(toSource);
}

/**
 * Marks it as no longer trusted or reachable; beliefs keep it as their provenance. One that is retired stays as it is.
 * `id`: a UUID or the beginning of one. @throws `graph/not-found`, `graph/refused` when several ids begin so
 */
export async function retireSource(session: Session, id: string, clock: Clock): Promise<Source> {
  const found = await findId(session, 'source', id);
  const row = await session.kysely
    .updateTable('sources')
    .set({ retired_at: sql<string>`coalesce(retired_at, ${new Date(clock.now()).toISOString()}::timestamptz)` })
    .where('id', '=', found)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toSource(row);
}
