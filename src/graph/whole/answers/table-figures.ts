import { sql } from 'kysely';
import type { Session } from '../../../schema/database.ts';
import { SUBSTRATE_TABLES } from '../../../schema/tables.ts';
import type { SubstrateTable } from '../../../schema/tables.ts';
import { BELIEF_STATUSES, EDGE_TYPES } from '../../records/vocabulary.ts';
import type { BeliefStatus, EdgeType } from '../../records/vocabulary.ts';

/** What is counted in the tables themselves. */
export interface TableFigures {
  readonly statuses: Readonly<Record<BeliefStatus, number>>;
  /** Beliefs that name no source, retired or not. */
  readonly withoutSource: number;
  readonly edges: readonly EdgeFigures[];
  readonly sources: { readonly total: number; readonly retired: number };
  readonly embeddings: readonly EmbeddingFigures[];
  readonly domains: DomainFigures;
  readonly tables: readonly TableSize[];
}

export interface EdgeFigures {
  readonly edge_type: EdgeType;
  readonly live: number;
  readonly retired: number;
}

export interface EmbeddingFigures {
  readonly model: string;
  /** Numbers of one vector. */
  readonly dimensions: number;
  /** Beliefs that have one. */
  readonly beliefs: number;
}

export interface DomainFigures {
  readonly total: number;
  /** Those of most beliefs, then by name; ten at most. */
  readonly top: readonly { readonly domain: string; readonly beliefs: number }[];
}

export interface TableSize {
  readonly table: SubstrateTable;
  /** On disk, with its indexes. */
  readonly bytes: number;
}

const DOMAINS_SHOWN = 10;

/** Five statements, each of which reads a table or two whole. */
export async function tableFigures(session: Session): Promise<TableFigures> {
  return {
    ...(await beliefFigures(session)),
    edges: await edgeFigures(session),
    sources: await sourceFigures(session),
    embeddings: await embeddingFigures(session),
    domains: await domainFigures(session),
    tables: await tableSizes(session),
  };
}

async function beliefFigures(session: Session): Promise<Pick<TableFigures, 'statuses' | 'withoutSource'>> {
  const { rows } = await sql<{ status: BeliefStatus; beliefs: number; without: number }>`
    SELECT status, count(*) AS beliefs,
      count(*) FILTER (WHERE NOT EXISTS (SELECT FROM valence.belief_sources AS s WHERE s.belief_id = b.id)) AS without
    FROM valence.beliefs AS b GROUP BY status`.execute(session.kysely);
  const by = new Map(rows.map(({ status, beliefs }) => [status, beliefs]));
  const statuses = Object.fromEntries(BELIEF_STATUSES.map((status) => [status, by.get(status) ?? 0]));
  return {
    statuses: statuses as Record<BeliefStatus, number>,
    withoutSource: rows.reduce((sum, { without }) => sum + without, 0),
  };
}

async function edgeFigures(session: Session): Promise<readonly EdgeFigures[]> {
  const { rows } = await sql<EdgeFigures>`
    SELECT type AS edge_type, count(*) FILTER (WHERE retired_at IS NULL) AS live, count(retired_at) AS retired
    FROM valence.belief_edges GROUP BY type`.execute(session.kysely);
  return EDGE_TYPES.map(
    (type) => rows.find((row) => row.edge_type === type) ?? { edge_type: type, live: 0, retired: 0 },
  );
}

async function sourceFigures(session: Session): Promise<TableFigures['sources']> {
  const { rows } = await sql<TableFigures['sources']>`
    SELECT count(*) AS total, count(retired_at) AS retired FROM valence.sources`.execute(session.kysely);
  return rows[0]!;
}

async function embeddingFigures(session: Session): Promise<readonly EmbeddingFigures[]> {
  const { rows } = await sql<EmbeddingFigures>`
    SELECT m.name AS model, m.dimensions,
      (SELECT count(*) FROM valence.belief_embeddings AS e WHERE e.model_id = m.id) AS beliefs
    FROM valence.models AS m ORDER BY m.name COLLATE "C"`.execute(session.kysely);
  return rows;
}

async function domainFigures(session: Session): Promise<DomainFigures> {
  const { rows } = await sql<{ domain: string; beliefs: number; total: number }>`
    SELECT domain, count(DISTINCT id) AS beliefs, count(*) OVER () AS total
    FROM valence.beliefs, unnest(domains) AS domain
    GROUP BY domain ORDER BY beliefs DESC, domain COLLATE "C" LIMIT ${DOMAINS_SHOWN}`.execute(session.kysely);
  return { total: rows[0]?.total ?? 0, top: rows.map(({ domain, beliefs }) => ({ domain, beliefs })) };
}

async function tableSizes(session: Session): Promise<readonly TableSize[]> {
  const { rows } = await sql<TableSize>`
    SELECT name AS "table", pg_total_relation_size(('valence.' || name)::regclass) AS bytes
    FROM unnest(${[...SUBSTRATE_TABLES]}::text[]) WITH ORDINALITY AS named (name, place) ORDER BY place`.execute(
    session.kysely,
  );
  return rows;
}
