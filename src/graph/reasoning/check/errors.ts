import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Check } from './finding.ts';

/**
 * What constraints and triggers of the schema prevent, and a database can have all the same that was edited with them off
 * or put together from parts.
 */
export const ERROR_CHECKS: readonly Check[] = [
  {
    code: 'edge-without-end',
    severity: 'error',
    what: 'edges whose source or target is no belief',
    todo: 'retire them with `valence graph retire-edge`, or restore the missing beliefs from a backup',
    rows: sql`
      SELECT e.id FROM valence.belief_edges AS e
      LEFT JOIN valence.beliefs AS a ON a.id = e.source_id LEFT JOIN valence.beliefs AS b ON b.id = e.target_id
      WHERE a.id IS NULL OR b.id IS NULL`,
  },
  {
    code: 'self-edge',
    severity: 'error',
    what: 'edges that join a belief to itself',
    todo: 'delete them from valence.belief_edges: they say nothing',
    rows: sql`SELECT id FROM valence.belief_edges WHERE source_id = target_id`,
  },
  {
    code: 'contradicts-order',
    severity: 'error',
    what: 'contradictions whose ends are not stored in order, so that one may be stored twice',
    todo: 'swap source_id and target_id of those that have no twin, and delete the others',
    rows: sql`SELECT id FROM valence.belief_edges WHERE type = 'contradicts' AND source_id > target_id`,
  },
  {
    code: 'duplicate-edge',
    severity: 'error',
    what: 'live edges that another one of the same type between the same beliefs repeats',
    todo: 'retire all but one of each with `valence graph retire-edge`',
    rows: sql`
      SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY source_id, type, target_id ORDER BY id) AS place
        FROM valence.belief_edges WHERE retired_at IS NULL
      ) AS placed WHERE place > 1`,
  },
  {
    code: 'weight-range',
    severity: 'error',
    what: 'edges whose weight is not between 0 and 1',
    todo: 'set the weight right in valence.belief_edges, or retire them',
    // NaN is greater than any number to Postgres.
    rows: sql`SELECT id FROM valence.belief_edges WHERE (weight >= 0 AND weight <= 1) IS NOT TRUE`,
  },
  {
    code: 'confidence-range',
    severity: 'error',
    what: 'beliefs whose confidence is not between 0 and 1',
    todo: 'give them another with `valence belief set ID --confidence`',
    rows: sql`SELECT id FROM valence.beliefs WHERE (confidence >= 0 AND confidence <= 1) IS NOT TRUE`,
  },
  {
    code: 'active-superseded',
    severity: 'error',
    what: 'beliefs that are active and superseded by a live edge',
    todo: 'set their status with `valence belief set ID --status superseded`, or retire the edge',
    rows: sql`
      SELECT b.id FROM valence.beliefs AS b WHERE b.status = 'active' AND EXISTS (
        SELECT FROM valence.belief_edges AS e WHERE e.target_id = b.id AND e.type = 'supersedes' AND e.retired_at IS NULL)`,
  },
  {
    code: 'version-not-older',
    severity: 'error',
    what: 'beliefs with a kept version that is not older than they are, which stops them from ever changing',
    todo: 'raise version of the belief above those in valence.belief_versions',
    rows: sql`
      SELECT b.id FROM valence.beliefs AS b WHERE EXISTS (
        SELECT FROM valence.belief_versions AS v WHERE v.belief_id = b.id AND v.version >= b.version)`,
  },
  {
    code: 'version-without-belief',
    severity: 'error',
    what: 'beliefs that are gone and of which a version is kept',
    todo: 'restore them from a backup, or delete their rows in valence.belief_versions',
    rows: beliefsGoneFrom('belief_versions'),
  },
  {
    code: 'embedding-length',
    severity: 'error',
    what: 'beliefs with an embedding that is not as long as its model says, or of no model',
    todo: 'delete these rows of valence.belief_embeddings, and make them again',
    rows: sql`
      SELECT DISTINCT x.belief_id AS id FROM valence.belief_embeddings AS x
      LEFT JOIN valence.models AS m ON m.id = x.model_id
      WHERE m.id IS NULL OR m.dimensions <> vector_dims(x.embedding)`,
  },
  {
    code: 'embedding-without-belief',
    severity: 'error',
    what: 'beliefs that are gone and have an embedding',
    todo: 'delete these rows of valence.belief_embeddings',
    rows: beliefsGoneFrom('belief_embeddings'),
  },
  {
    code: 'source-missing',
    severity: 'error',
    what: 'sources that a belief names and that are not there',
    todo: 'restore them from a backup, or delete the rows of valence.belief_sources that name them',
    rows: sql`
      SELECT DISTINCT l.source_id AS id FROM valence.belief_sources AS l
      WHERE NOT EXISTS (SELECT FROM valence.sources AS s WHERE s.id = l.source_id)`,
  },
  {
    code: 'source-of-no-belief',
    severity: 'error',
    what: 'beliefs that are gone and name a source',
    todo: 'delete these rows of valence.belief_sources',
    rows: beliefsGoneFrom('belief_sources'),
  },
];

/** SQL: the beliefs that rows of a table are of, and that are not there. */
function beliefsGoneFrom(table: 'belief_versions' | 'belief_embeddings' | 'belief_sources'): RawBuilder<unknown> {
  return sql`
      SELECT DISTINCT r.belief_id AS id FROM ${sql.raw(`valence.${table}`)} AS r
      WHERE NOT EXISTS (SELECT FROM valence.beliefs AS b WHERE b.id = r.belief_id)`;
}
