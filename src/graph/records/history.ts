import { sql } from 'kysely';
import { invariant } from '../../core/errors.ts';
import type { Session } from '../../schema/database.ts';
import { toSource } from './belief-records.ts';
import type { Edge, Source } from './belief-records.ts';
import { edgesById } from './edges.ts';
import { findId } from './find-id.ts';
import { historyEvents } from './history-events.ts';
import type { HistoryEvent } from './history-events.ts';
import { uuidArray } from './uuid-array.ts';
import { CONTENT_CHARACTERS, versionChanges } from './version-changes.ts';
import type { FieldChanges, Statement } from './version-changes.ts';

export interface HistoryOptions {
  /** Changes told, the newest; 100 when left out. */
  readonly limit?: number | undefined;
}

export interface BeliefHistory {
  readonly type: 'history';
  readonly id: string;
  /** Oldest first, by when they were recorded. */
  readonly changes: readonly HistoryChange[];
  /** How many changes there are in all. */
  readonly total: number;
}

export type HistoryChange = VersionRecorded | VersionChanged | EdgeChange | SourceChange;

interface Change {
  readonly type: 'change';
  /** When it was recorded. */
  readonly at: string;
}

interface VersionChange extends Change {
  readonly version: number;
  /** What the belief said then it said on record until this time; `null`: it still does. */
  readonly until: string | null;
}

/** The first version that is known. */
export interface VersionRecorded extends VersionChange {
  readonly change: 'recorded';
  readonly said: Omit<Statement, 'version' | 'content_digest' | 'exact'>;
}

export interface VersionChanged extends VersionChange {
  readonly change: 'changed';
  /** The version it is compared with: the one before, of those that are known. */
  readonly from_version: number;
  readonly fields: FieldChanges;
}

export interface EdgeChange extends Change {
  readonly change: 'edge-added' | 'edge-retired';
  readonly direction: 'outgoing' | 'incoming';
  readonly edge: Edge;
  /** The belief at its other end, and the beginning of what that says now. */
  readonly other: { readonly id: string; readonly label: string };
}

/** `source-linked`: the source was named as where the belief comes from. `source-retired`: it is no longer trusted or reachable. */
export interface SourceChange extends Change {
  readonly change: 'source-linked' | 'source-retired';
  readonly source: Source;
}

const LIMIT_DEFAULT = 100;
const LABEL_CHARACTERS = 200;

/**
 * What was recorded of a belief and when: its versions, each with how it differs from the one before, and the edges and
 * sources that came and went. Bounded by the number of changes. `id`: a UUID or the beginning of one.
 * @throws `graph/not-found`, `graph/refused` when several ids begin so
 */
export async function beliefHistory(
  session: Session,
  id: string,
  options: HistoryOptions = {},
): Promise<BeliefHistory> {
  const found = await findId(session, 'belief', id);
  const { events, total } = await historyEvents(session, found, options.limit ?? LIMIT_DEFAULT);
  const statements = await statementsOf(session, found, versionsOf(events));
  const edges = await edgesById(session, idsOf(events, 'edge'));
  const sources = await sourcesById(session, idsOf(events, 'source'));
  const labels = await labelsOf(session, found, edges.values());
  const changes = events.map((event): HistoryChange => {
    if (event.version !== null) return versionChange(event, statements);
    const { at, change, id: of } = event;
    invariant(of !== null && change !== 'version', 'an event is of a version, an edge or a source');
    if (change === 'source-linked' || change === 'source-retired')
      return { type: 'change', at, change, source: sources.get(of)! };
    const edge = edges.get(of)!;
    const direction = edge.source === found ? 'outgoing' : 'incoming';
    const other = direction === 'outgoing' ? edge.target : edge.source;
    return { type: 'change', at, change, direction, edge, other: { id: other, label: labels.get(other)! } };
  });
  return { type: 'history', id: found, changes, total };
}

function versionsOf(events: readonly HistoryEvent[]): readonly number[] {
  return events.flatMap(({ version }) => version ?? []);
}

function idsOf(events: readonly HistoryEvent[], what: 'edge' | 'source'): readonly string[] {
  return [...new Set(events.flatMap(({ change, id }) => (id !== null && change.startsWith(what) ? id : [])))];
}

interface StoredStatement extends Statement {
  readonly replaced_at: string | null;
  /** The version before, of those that are known. */
  readonly previous: number | null;
}

function versionChange({ at, version }: HistoryEvent, statements: ReadonlyMap<number, StoredStatement>): HistoryChange {
  const now = statements.get(version!);
  invariant(now !== undefined, 'a version was changed while it was read');
  const { previous, replaced_at: until, content_digest: _digest, exact: _exact, version: number, ...said } = now;
  const before = previous === null ? undefined : statements.get(previous);
  if (before === undefined) return { type: 'change', at, change: 'recorded', version: number, until, said };
  const fields = versionChanges(before, now);
  return { type: 'change', at, change: 'changed', version: number, until, from_version: before.version, fields };
}

/** These versions and the one before each, by number. */
async function statementsOf(
  session: Session,
  belief: string,
  versions: readonly number[],
): Promise<ReadonlyMap<number, StoredStatement>> {
  const id = sql`${belief}::uuid`;
  const { rows } = await sql<StoredStatement & { dimensions_text: string | null; metadata_text: string }>`
    WITH numbers AS (
      SELECT version, lag(version) OVER (ORDER BY version) AS previous FROM (
        SELECT version FROM valence.belief_versions WHERE belief_id = ${id}
        UNION SELECT version FROM valence.beliefs WHERE id = ${id}
      ) AS known
    ), statements AS (
      SELECT version, content, confidence, status, domains, valid_from, valid_until, dimensions, metadata, replaced_at
      FROM valence.belief_versions WHERE belief_id = ${id}
      UNION ALL
      SELECT version, content, confidence, status, domains, valid_from, valid_until, dimensions, metadata, NULL
      FROM valence.beliefs WHERE id = ${id}
    ), wanted AS (
      SELECT unnest(ARRAY[version, previous]) AS version FROM numbers WHERE version = ANY (${[...versions]}::int[])
    )
    SELECT version, left(content, ${CONTENT_CHARACTERS}::int) AS content, length(content) AS content_length,
      md5(content) AS content_digest, confidence, status, domains, valid_from, valid_until, dimensions, metadata, replaced_at,
      previous, dimensions::text AS dimensions_text, metadata::text AS metadata_text
    FROM statements JOIN numbers USING (version) WHERE version IN (SELECT version FROM wanted)`.execute(session.kysely);
  return new Map(
    rows.map(({ dimensions_text: dimensions, metadata_text: metadata, ...row }) => [
      row.version,
      { ...row, exact: { dimensions, metadata } },
    ]),
  );
}

async function sourcesById(session: Session, ids: readonly string[]): Promise<ReadonlyMap<string, Source>> {
  const query = session.kysely.selectFrom('sources').selectAll();
  const rows = await query.where(sql<boolean>`id = ANY (${uuidArray(ids)})`).execute();
  return new Map(rows.map((row) => [row.id, toSource(row)]));
}

/** Of the beliefs at the other ends. */
async function labelsOf(session: Session, belief: string, edges: Iterable<Edge>): Promise<ReadonlyMap<string, string>> {
  const ids = [...edges].map(({ source, target }) => (source === belief ? target : source));
  const { rows } = await sql<{ id: string; label: string }>`
    SELECT id, left(content, ${LABEL_CHARACTERS}::int) AS label FROM valence.beliefs WHERE id = ANY (${uuidArray(ids)})
  `.execute(session.kysely);
  return new Map(rows.map(({ id, label }) => [id, label]));
}
