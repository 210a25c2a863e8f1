import { sql } from 'kysely';
import type { RawBuilder, Updateable } from 'kysely';
import type { Clock } from '../../core/clock.ts';
import { ValenceError } from '../../core/errors.ts';
import { isUuid, uuidV7 } from '../../core/ids.ts';
import type { Random } from '../../core/random.ts';
import type { Database, Session } from '../../schema/database.ts';
import type { BeliefsTable, JsonObject } from '../../schema/tables.ts';
import { toBelief } from './belief-records.ts';
import type { Belief, Source, SourceKey } from './belief-records.ts';
import { sourceId } from './derived-ids.ts';
import { findId } from './find-id.ts';
import { refusing } from './refusal.ts';
import { checkedTime } from './timestamp.ts';
import { sourcesOf } from './sources.ts';
import type { BeliefStatus } from './vocabulary.ts';

export interface BeliefChange {
  readonly content?: string | undefined;
  readonly confidence?: number | undefined;
  readonly dimensions?: JsonObject | undefined;
  readonly domains?: readonly string[] | undefined;
  readonly status?: BeliefStatus | undefined;
  /** ISO 8601 with an offset. */
  readonly valid_from?: string | undefined;
  readonly valid_until?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

export interface BeliefDraft extends BeliefChange {
  readonly content: string;
  /** Left out: a new UUIDv7. */
  readonly id?: string | undefined;
  /** Where it comes from; a source that is not known yet is added. */
  readonly provenance?: readonly SourceKey[] | undefined;
}

export interface BeliefFilter {
  readonly status?: BeliefStatus | undefined;
  readonly domain?: string | undefined;
  /** At most so many; all when left out. */
  readonly limit?: number | undefined;
}

export interface BeliefDetails extends Belief {
  /** By type and id. */
  readonly sources: readonly Source[];
  /** Names of the models that have an embedding of it. */
  readonly models: readonly string[];
  /** Live edges from and to it. */
  readonly edges: { readonly outgoing: number; readonly incoming: number };
  /** What it said before, oldest first. */
  readonly versions: readonly BeliefVersion[];
}

export interface BeliefVersion {
  readonly version: number;
  readonly content: string;
  readonly confidence: number;
  readonly replaced_at: string;
}

const ROWS_AT_ONCE = 1000;

/** @throws `graph/refused` for what no belief can be, or an id that is taken */
export async function addBelief(
  database: Database,
  draft: BeliefDraft,
  by: { readonly clock: Clock; readonly random: Random },
): Promise<Belief> {
  const now = new Date(by.clock.now()).toISOString();
  const id = draft.id ?? uuidV7(by.clock, by.random);
  if (!isUuid(id)) throw new ValenceError('graph/refused', 'the id of a belief is a UUID', { context: { id } });
  const values = { ...columnsOf(draft), id, content: draft.content, created_at: now, updated_at: now };
  return database.transaction({ mode: 'write' }, (session) =>
    refusing(async () => {
      const row = await session.kysely.insertInto('beliefs').values(values).returningAll().executeTakeFirstOrThrow();
      for (const source of draft.provenance ?? []) await linkSource(session, row.id, source, now);
      return toBelief(row);
    }),
  );
}

/** `id`: a UUID or the beginning of one. @throws `graph/not-found`, `graph/refused` when several ids begin so */
export async function showBelief(session: Session, id: string): Promise<BeliefDetails> {
  const found = await findId(session, 'belief', id);
  const { kysely } = session;
  const belief = await kysely.selectFrom('beliefs').selectAll().where('id', '=', found).executeTakeFirstOrThrow();
  const models = await kysely
    .selectFrom('models')
    .innerJoin('belief_embeddings', 'belief_embeddings.model_id', 'models.id')
    .select('models.name')
    .where('belief_id', '=', found)
    .orderBy('models.name')
    .execute();
  const versions = await kysely
    .selectFrom('belief_versions')
    .select(['version', 'content', 'confidence', 'replaced_at'])
    .where('belief_id', '=', found)
    .orderBy('version')
    .execute();
  const edges = {
    outgoing: await countEdges(session, 'source_id', found),
    incoming: await countEdges(session, 'target_id', found),
  };
  return {
    ...toBelief(belief),
    sources: await sourcesOf(session, found),
    models: models.map(({ name }) => name),
    edges,
    versions,
  };
}

/** Newest first. */
export async function* listBeliefs(
  session: Session,
  filter: BeliefFilter = {},
): AsyncGenerator<Belief, void, undefined> {
  let left = filter.limit ?? Number.POSITIVE_INFINITY;
  let after: { readonly created_at: string; readonly id: string } | null = null;
  while (left > 0) {
    const batch = Math.min(left, ROWS_AT_ONCE);
    let query = session.kysely
      .selectFrom('beliefs')
      .selectAll()
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(batch);
    if (filter.status !== undefined) query = query.where('status', '=', filter.status);
    if (filter.domain !== undefined) query = query.where(sql<boolean>`${filter.domain} = ANY (domains)`);
    if (after !== null)
      query = query.where(sql<boolean>`(created_at, id) < (${after.created_at}::timestamptz, ${after.id}::uuid)`);
    const rows = await query.execute();
    for (const row of rows) yield toBelief(row);
    if (rows.length < batch) return;
    after = rows.at(-1)!;
    left -= rows.length;
  }
}

/**
 * Changes what is named and keeps the rest; what the belief said before stays as a version.
 * @throws `graph/not-found`, `graph/refused` for what no belief can be, or when several ids begin so
 */
export async function setBelief(session: Session, id: string, change: BeliefChange): Promise<Belief> {
  const found = await findId(session, 'belief', id);
  const columns = columnsOf(change);
  const update = session.kysely.updateTable('beliefs').set(columns).where('id', '=', found).returningAll();
  const select = session.kysely.selectFrom('beliefs').selectAll().where('id', '=', found);
  const query = Object.keys(columns).length > 0 ? update : select;
  return toBelief(await refusing(() => query.executeTakeFirstOrThrow()));
}

/** Takes it out of use (status `archived`); nothing is deleted. @throws `graph/not-found`, `graph/refused` when several ids begin so */
export function retireBelief(session: Session, id: string): Promise<Belief> {
  return setBelief(session, id, { status: 'archived' });
}

interface Columns extends Omit<Updateable<BeliefsTable>, 'dimensions' | 'metadata'> {
  dimensions?: RawBuilder<JsonObject>;
  metadata?: RawBuilder<JsonObject>;
}

/** The columns that a change names. */
function columnsOf(change: BeliefChange): Columns {
  const { content, confidence, dimensions, domains, status, metadata } = change;
  const { valid_from: validFrom, valid_until: validUntil } = change;
  return {
    ...(content !== undefined && { content }),
    ...(confidence !== undefined && { confidence }),
    ...(dimensions !== undefined && { dimensions: jsonb(dimensions) }),
    ...(domains !== undefined && { domains: [...domains] }),
    ...(status !== undefined && { status }),
    ...(validFrom !== undefined && { valid_from: checkedTime('valid_from', validFrom) }),
    ...(validUntil !== undefined && { valid_until: checkedTime('valid_until', validUntil) }),
    ...(metadata !== undefined && { metadata: jsonb(metadata) }),
  };
}

function jsonb(value: JsonObject): RawBuilder<JsonObject> {
  return sql<JsonObject>`${JSON.stringify(value)}::jsonb`;
}

async function linkSource(session: Session, beliefId: string, source: SourceKey, now: string): Promise<void> {
  const { source_type: type, source_id: externalId } = source;
  await session.kysely
    .insertInto('sources')
    .values({
      id: sourceId(type, externalId),
      type,
      external_id: externalId,
      title: null,
      uri: null,
      created_at: now,
      retired_at: null,
    })
    .onConflict((conflict) => conflict.columns(['type', 'external_id']).doNothing())
    .execute();
  await sql`
    INSERT INTO valence.belief_sources (belief_id, source_id, created_at)
    SELECT ${beliefId}::uuid, id, ${now}::timestamptz FROM valence.sources
    WHERE type = ${type} AND external_id = ${externalId}`.execute(session.kysely);
}

async function countEdges(session: Session, end: 'source_id' | 'target_id', beliefId: string): Promise<number> {
  const row = await session.kysely
    .selectFrom('belief_edges')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where(end, '=', beliefId)
    .where('retired_at', 'is', null)
    .executeTakeFirstOrThrow();
  return row.count;
}
