import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Session } from '../../schema/database.ts';
import type { OnConflict } from './import-checks.ts';
import { stagingName } from './staging-tables.ts';

/** Rows that came into the database or were changed. */
export interface ImportCounts {
  readonly beliefs: number;
  readonly edges: number;
  readonly sources: number;
  readonly embeddings: number;
  /** Mirrored or repeated `contradicts` that became one with an earlier line. */
  readonly folded: number;
  /** Lines whose belief, version, source or edge was there already and stays, or was already as the line says. */
  readonly skipped: number;
  /** Beliefs, sources and edges changed. */
  readonly updated: number;
}

const staged = {
  beliefs: sql.raw(stagingName('beliefs')),
  versions: sql.raw(stagingName('versions')),
  sources: sql.raw(stagingName('sources')),
  provenance: sql.raw(stagingName('provenance')),
  models: sql.raw(stagingName('models')),
  embeddings: sql.raw(stagingName('embeddings')),
  edges: sql.raw(stagingName('edges')),
};

/** Keeps the first of each pair that contradicts itself twice. Gives the number folded; comes before the checks. */
export function foldContradictions(session: Session): Promise<number> {
  return affected(
    session,
    sql`
      DELETE FROM ${staged.edges} AS e USING (
        SELECT ctid, row_number() OVER (PARTITION BY source_id, target_id ORDER BY file, line) AS place
        FROM ${staged.edges} WHERE type = 'contradicts' AND retired_at IS NULL
      ) AS same
      WHERE e.ctid = same.ctid AND same.place > 1`,
  );
}

/**
 * Moves staged rows, which have passed every check, into the substrate. `stamp` (ISO 8601) is the time of rows that state
 * none. Existing rows are left alone under `skip`; under `update` they take the fields that their line has.
 */
export async function applyStaged(
  session: Session,
  onConflict: OnConflict,
  stamp: string,
): Promise<Omit<ImportCounts, 'folded'>> {
  // Marked before anything comes in, so that a row inserted below is not taken for one that was there.
  const knownBeliefs = await markKnownBeliefs(session);
  // First, to make room for a live edge of the same ends and type, and to let go what an edge holds superseded.
  const retiredEdges =
    onConflict === 'update' ? await updateMatchedEdges(session, sql`s.id = i.id AND i.retired_at IS NOT NULL`) : 0;
  const updatedBeliefs = onConflict === 'update' ? await updateBeliefs(session) : 0;
  const beliefs = await insertBeliefs(session, stamp);
  const skippedVersions = await countOf(session, KNOWN_VERSIONS);
  await insertVersions(session);
  const knownSources = await countOf(session, KNOWN_SOURCES);
  const updatedSources = onConflict === 'update' ? await updateSources(session) : 0;
  const withProvenance =
    onConflict === 'skip' ? sql`belief_id NOT IN (SELECT id FROM import_known_beliefs)` : sql`true`;
  const sources = (await insertSources(session, stamp)) + (await insertNamedSources(session, stamp, withProvenance));
  await linkSources(session, stamp, withProvenance);
  await insertModels(session, stamp);
  const embeddings = await insertEmbeddings(session, withProvenance);
  const updatedEdges = onConflict === 'update' ? await updateEdges(session) : 0;
  const knownEdges = await countOf(session, KNOWN_EDGES);
  const edges = await insertEdges(session, stamp);
  const updated = updatedBeliefs + updatedSources + retiredEdges + updatedEdges;
  return {
    beliefs,
    edges,
    sources,
    embeddings,
    updated,
    skipped: knownBeliefs + skippedVersions + knownSources + knownEdges - updated,
  };
}

async function affected(session: Session, statement: RawBuilder<unknown>): Promise<number> {
  return Number((await statement.execute(session.kysely)).numAffectedRows ?? 0n);
}

async function countOf(session: Session, rows: RawBuilder<unknown>): Promise<number> {
  const result = await sql<{ count: number }>`SELECT count(*)::int AS count FROM (${rows}) AS counted`.execute(
    session.kysely,
  );
  return result.rows[0]?.count ?? 0;
}

async function markKnownBeliefs(session: Session): Promise<number> {
  await sql`
    CREATE TEMPORARY TABLE import_known_beliefs ON COMMIT DROP AS
    SELECT id FROM ${staged.beliefs} WHERE id IN (SELECT id FROM valence.beliefs)`.execute(session.kysely);
  return countOf(session, sql`SELECT FROM import_known_beliefs`);
}

function insertBeliefs(session: Session, stamp: string): Promise<number> {
  // In key order: a snapshot then reads the heap in the order it lies on disk.
  return affected(
    session,
    sql`
      INSERT INTO valence.beliefs (id, content, confidence, dimensions, domains, status, valid_from, valid_until, metadata,
        version, created_at, updated_at)
      SELECT id, content, coalesce(confidence, 1), dimensions, coalesce(domains, '{}'), coalesce(status, 'active'), valid_from,
        valid_until, coalesce(metadata, '{}'), coalesce(version, 1), coalesce(created_at, ${stamp}::timestamptz),
        coalesce(updated_at, created_at, ${stamp}::timestamptz)
      FROM ${staged.beliefs} WHERE id NOT IN (SELECT id FROM import_known_beliefs) ORDER BY id`,
  );
}

function updateBeliefs(session: Session): Promise<number> {
  return affected(
    session,
    sql`
      UPDATE valence.beliefs AS b SET content = n.content, confidence = n.confidence, dimensions = n.dimensions,
        domains = n.domains, status = n.status, valid_from = n.valid_from, valid_until = n.valid_until, metadata = n.metadata
      FROM (
        SELECT s.id, i.content, coalesce(i.confidence, s.confidence) AS confidence, coalesce(i.dimensions, s.dimensions) AS dimensions,
          coalesce(i.domains, s.domains) AS domains, coalesce(i.status, s.status) AS status,
          coalesce(i.valid_from, s.valid_from) AS valid_from, coalesce(i.valid_until, s.valid_until) AS valid_until,
          coalesce(i.metadata, s.metadata) AS metadata
        FROM ${staged.beliefs} AS i JOIN valence.beliefs AS s ON s.id = i.id
      ) AS n
      WHERE b.id = n.id
        AND (b.content, b.confidence, b.dimensions, b.domains, b.status, b.valid_from, b.valid_until, b.metadata)
          IS DISTINCT FROM
          (n.content, n.confidence, n.dimensions, n.domains, n.status, n.valid_from, n.valid_until, n.metadata)`,
  );
}

const KNOWN_VERSIONS = sql`
  SELECT FROM ${staged.versions} AS i JOIN valence.belief_versions AS s ON s.belief_id = i.belief_id AND s.version = i.version`;

async function insertVersions(session: Session): Promise<void> {
  await sql`
    INSERT INTO valence.belief_versions (belief_id, version, content, confidence, dimensions, domains, status, valid_from,
      valid_until, metadata, recorded_at, replaced_at)
    SELECT belief_id, version, content, coalesce(confidence, 1), dimensions, coalesce(domains, '{}'), coalesce(status, 'active'),
      valid_from, valid_until, coalesce(metadata, '{}'), recorded_at, replaced_at
    FROM ${staged.versions} ORDER BY belief_id, version
    ON CONFLICT (belief_id, version) DO NOTHING`.execute(session.kysely);
}

const SAME_KEY = sql`s.type = i.type AND s.external_id = i.external_id`;
const KNOWN_SOURCES = sql`
  SELECT FROM ${staged.sources} AS i
  WHERE EXISTS (SELECT FROM valence.sources AS s WHERE ${SAME_KEY}) OR EXISTS (SELECT FROM valence.sources AS s WHERE s.id = i.id)`;

function insertSources(session: Session, stamp: string): Promise<number> {
  return affected(
    session,
    sql`
      INSERT INTO valence.sources (id, type, external_id, title, uri, metadata, created_at, retired_at)
      SELECT id, type, external_id, title, uri, coalesce(metadata, '{}'), coalesce(created_at, ${stamp}::timestamptz), retired_at
      FROM ${staged.sources} AS i ORDER BY id
      ON CONFLICT DO NOTHING`,
  );
}

function updateSources(session: Session): Promise<number> {
  return affected(
    session,
    sql`
      UPDATE valence.sources AS b SET title = n.title, uri = n.uri, metadata = n.metadata, retired_at = n.retired_at
      FROM (
        SELECT s.id, coalesce(i.title, s.title) AS title, coalesce(i.uri, s.uri) AS uri, coalesce(i.metadata, s.metadata) AS metadata,
          coalesce(i.retired_at, s.retired_at) AS retired_at
        FROM ${staged.sources} AS i JOIN valence.sources AS s ON ${SAME_KEY}
      ) AS n
      WHERE b.id = n.id AND (b.title, b.uri, b.metadata, b.retired_at) IS DISTINCT FROM (n.title, n.uri, n.metadata, n.retired_at)`,
  );
}

/** The sources that beliefs name in passing. */
function insertNamedSources(session: Session, stamp: string, condition: RawBuilder<unknown>): Promise<number> {
  return affected(
    session,
    sql`
      INSERT INTO valence.sources (id, type, external_id, created_at)
      SELECT DISTINCT i.source_id, i.type, i.external_id, ${stamp}::timestamptz FROM ${staged.provenance} AS i
      WHERE ${condition} AND NOT EXISTS (SELECT FROM valence.sources AS s WHERE ${SAME_KEY}) ORDER BY i.source_id`,
  );
}

async function linkSources(session: Session, stamp: string, condition: RawBuilder<unknown>): Promise<void> {
  await sql`
    INSERT INTO valence.belief_sources (belief_id, source_id, metadata, created_at)
    SELECT i.belief_id, s.id, coalesce(i.metadata, '{}'), coalesce(i.created_at, ${stamp}::timestamptz)
    FROM ${staged.provenance} AS i JOIN valence.sources AS s ON ${SAME_KEY} WHERE ${condition} ORDER BY i.belief_id, s.id
    ON CONFLICT (belief_id, source_id) DO NOTHING`.execute(session.kysely);
}

async function insertModels(session: Session, stamp: string): Promise<void> {
  await sql`
    INSERT INTO valence.models (id, name, dimensions, metadata, created_at)
    SELECT id, name, dimensions, coalesce(metadata, '{}'), coalesce(created_at, ${stamp}::timestamptz) FROM ${staged.models}
    ORDER BY id ON CONFLICT (name) DO NOTHING`.execute(session.kysely);
}

function insertEmbeddings(session: Session, condition: RawBuilder<unknown>): Promise<number> {
  return affected(
    session,
    sql`
      INSERT INTO valence.belief_embeddings AS e (belief_id, model_id, embedding)
      SELECT i.belief_id, m.id, i.embedding FROM ${staged.embeddings} AS i JOIN valence.models AS m ON m.name = i.model
      WHERE ${condition} ORDER BY m.id, i.belief_id
      ON CONFLICT (model_id, belief_id) DO UPDATE SET embedding = excluded.embedding WHERE e.embedding <> excluded.embedding`,
  );
}

/** Edges known by their id, then those that stand under another. */
async function updateEdges(session: Session): Promise<number> {
  const byId = await updateMatchedEdges(session, sql`s.id = i.id AND i.retired_at IS NULL`);
  return byId + (await updateMatchedEdges(session, SAME_LIVE_EDGE));
}

const SAME_LIVE_EDGE = sql`s.source_id = i.source_id AND s.type = i.type AND s.target_id = i.target_id
  AND s.retired_at IS NULL AND i.retired_at IS NULL`;

function updateMatchedEdges(session: Session, match: RawBuilder<unknown>): Promise<number> {
  return affected(
    session,
    sql`
      UPDATE valence.belief_edges AS b SET weight = n.weight, valid_from = n.valid_from, valid_until = n.valid_until,
        metadata = n.metadata, retired_at = n.retired_at
      FROM (
        SELECT s.id, coalesce(i.weight, s.weight) AS weight, coalesce(i.valid_from, s.valid_from) AS valid_from,
          coalesce(i.valid_until, s.valid_until) AS valid_until, coalesce(i.metadata, s.metadata) AS metadata, i.retired_at
        FROM ${staged.edges} AS i JOIN valence.belief_edges AS s ON ${match}
      ) AS n
      WHERE b.id = n.id
        AND (b.weight, b.valid_from, b.valid_until, b.metadata, b.retired_at)
          IS DISTINCT FROM (n.weight, n.valid_from, n.valid_until, n.metadata, n.retired_at)`,
  );
}

const KNOWN_EDGES = sql`
  SELECT FROM ${staged.edges} AS i
  WHERE EXISTS (SELECT FROM valence.belief_edges AS s WHERE s.id = i.id)
     OR EXISTS (SELECT FROM valence.belief_edges AS s WHERE ${SAME_LIVE_EDGE})`;

function insertEdges(session: Session, stamp: string): Promise<number> {
  return affected(
    session,
    sql`
      INSERT INTO valence.belief_edges (id, source_id, target_id, type, weight, valid_from, valid_until, retired_at, metadata,
        created_at)
      SELECT id, source_id, target_id, type, coalesce(weight, 1), valid_from, valid_until, retired_at, coalesce(metadata, '{}'),
        coalesce(created_at, ${stamp}::timestamptz)
      FROM ${staged.edges} AS i
      WHERE NOT EXISTS (SELECT FROM valence.belief_edges AS s WHERE s.id = i.id)
        AND NOT EXISTS (SELECT FROM valence.belief_edges AS s WHERE ${SAME_LIVE_EDGE})
      ORDER BY source_id, type, target_id, id`,
  );
}
