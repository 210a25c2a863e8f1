import { sql } from 'kysely';
import { uuidText } from '../../core/ids.ts';
import { loggedSince, readChangeLog } from '../../schema/change-log.ts';
import type { ChangeLog } from '../../schema/change-log.ts';
import type { Session } from '../../schema/database.ts';
import { appliedMigrations } from '../../schema/schema-state.ts';
import { changedKeys } from '../snapshot/changed-keys.ts';
import { EDGE_LABELS, labelTable, LAYOUT, NODE_LABEL } from './age-labels.ts';
import type { ChangedRows } from './age-update.ts';

/** A graph as the catalog remembers it. */
export interface ProjectionRecord {
  readonly name: string;
  /** OID of its schema. */
  readonly namespace: number;
  readonly layout: number;
  readonly position: string | null;
  readonly updated_at: string;
  readonly beliefs: number;
  readonly edges: number;
}

/** How a graph compares with the tables as this transaction sees them. */
export type Staleness =
  | { readonly state: 'none' }
  | { readonly state: 'fresh' }
  /** `null`: too many to name, so any may have. */
  | { readonly state: 'stale'; readonly rows: ChangedRows | null }
  | { readonly state: 'unknown'; readonly reason: string };

/** Key of an edge: source, type, target and id (FORMAT.md §5.3). */
const EDGE_ID_AT = 48;

/** The change log as this transaction sees it. Ask before anything is written: what this transaction changes is in no position. */
export async function changeLogHere(session: Session): Promise<ChangeLog> {
  return readChangeLog(session, (await appliedMigrations(session))?.at(-1)?.number ?? 0);
}

/** `null`: there is none of this name, or none that is ours. */
export async function projectionRecord(session: Session, name: string): Promise<ProjectionRecord | null> {
  const rows = await session.kysely
    .selectFrom('valence_catalog.projections')
    .selectAll()
    .where('name', '=', name)
    .execute();
  return rows[0] ?? null;
}

/** Whether the schema of the graph is the one that was made. */
export async function isThere(session: Session, { name, namespace }: ProjectionRecord): Promise<boolean> {
  const { rows } = await sql<{ there: boolean }>`
    SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = ${name} AND oid = ${namespace}::oid) AS there
  `.execute(session.kysely);
  return rows[0]?.there === true;
}

export async function staleness(session: Session, record: ProjectionRecord | null, log: ChangeLog): Promise<Staleness> {
  if (record === null) return { state: 'none' };
  if (!(await isThere(session, record)))
    return { state: 'unknown', reason: 'the graph is gone, or is another one now' };
  if (record.layout !== LAYOUT) return { state: 'unknown', reason: 'another version of the program made the graph' };
  const counts = await graphCounts(session, record.name);
  if (counts === null) return { state: 'unknown', reason: 'tables of the graph are gone' };
  if (counts.beliefs !== record.beliefs || counts.edges !== record.edges) {
    const reason = `the graph has ${counts.beliefs} nodes and ${counts.edges} relationships, not the ${record.beliefs} and ${record.edges} it was made with`;
    return { state: 'unknown', reason };
  }
  if (record.position === null)
    return { state: 'unknown', reason: 'what changed since it was made was not recorded from the beginning' };
  const logged = loggedSince(session, log, record.position);
  if (logged.kind === 'unknown') return { state: 'unknown', reason: logged.reason };
  const trees = await changedKeys(logged.entries, []);
  if (trees === null) return { state: 'unknown', reason: 'the change log holds an entry that makes no sense' };
  const keysOf = (name: string): readonly Uint8Array[] | 'all' =>
    trees.find(({ tree }) => tree.name === name)?.keys ?? [];
  const [beliefs, edges] = [keysOf('beliefs'), keysOf('belief_edges')];
  if (beliefs === 'all' || edges === 'all') return { state: 'stale', rows: null };
  if (beliefs.length === 0 && edges.length === 0) return { state: 'fresh' };
  const edgeIds = new Set(edges.map((key) => uuidText(key.subarray(EDGE_ID_AT))));
  return { state: 'stale', rows: { beliefs: beliefs.map(uuidText), edges: [...edgeIds] } };
}

/** Nodes and relationships in the tables of the labels; `null`: a table is not there, or has lost its columns with the extension. */
export async function graphCounts(
  session: Session,
  name: string,
): Promise<{ readonly beliefs: number; readonly edges: number } | null> {
  const labels = [NODE_LABEL, ...EDGE_LABELS.map(([, label]) => label)];
  const { rows: present } = await sql<{ tables: number }>`
    SELECT count(*) AS tables FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relnamespace = to_regnamespace(${`"${name}"`}) AND c.relname = ANY (${labels}::text[])
      AND a.attname = 'properties' AND NOT a.attisdropped`.execute(session.kysely);
  if (present[0]?.tables !== labels.length) return null;
  const count = (label: string): ReturnType<typeof labelTable> =>
    sql`(SELECT count(*) FROM ${labelTable(name, label)})`;
  const edges = sql.join(
    EDGE_LABELS.map(([, label]) => count(label)),
    sql` + `,
  );
  const { rows } = await sql<{ beliefs: number; edges: number }>`
    SELECT ${count(NODE_LABEL)} AS beliefs, ${edges} AS edges`.execute(session.kysely);
  return rows[0]!;
}
