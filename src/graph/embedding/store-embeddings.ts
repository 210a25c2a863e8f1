import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { formatVector } from '../../schema/vector-text.ts';
import { refusing } from '../records/refusal.ts';
import { CONTENT_DIGEST } from './missing-embeddings.ts';

export interface NewEmbedding {
  readonly beliefId: string;
  /** Of the content that the vector was made of (`UnembeddedBelief`). */
  readonly contentDigest: string;
  readonly vector: Float32Array;
}

/**
 * Adds embeddings in a transaction of the caller, which must end soon: their beliefs are locked against change until then. A
 * belief that says something else meanwhile, that is being changed or is gone, or that somebody else has embedded, is
 * passed over. Gives the ids of those that came in. @throws `graph/refused` when the model is gone
 *
 * The lock is what keeps a stale vector out: a change of the content either came before, and the digest tells; or it waits,
 * and its trigger (migrations/0005_stale_embeddings.sql) finds the vector. Only a change in a REPEATABLE READ
 * transaction that began earlier does not see it; no call of ours makes changes in one. Nothing is waited for here that
 * waits for beliefs, so that nobody's import is broken off by a deadlock.
 */
export async function storeEmbeddings(
  session: Session,
  modelId: string,
  embeddings: readonly NewEmbedding[],
): Promise<ReadonlySet<string>> {
  const ids = embeddings.map(({ beliefId }) => beliefId);
  const digests = embeddings.map(({ contentDigest }) => contentDigest);
  const vectors = embeddings.map(({ vector }) => formatVector(vector));
  const insert = sql<{ id: string }>`
    INSERT INTO valence.belief_embeddings (belief_id, model_id, embedding)
    SELECT held.id, ${modelId}::uuid, held.vector::vector
    FROM (
      SELECT b.id, made.vector
      FROM valence.beliefs AS b
      JOIN unnest(${ids}::uuid[], ${digests}::text[], ${vectors}::text[]) AS made (id, digest, vector) ON made.id = b.id
      WHERE ${CONTENT_DIGEST} = made.digest
      FOR SHARE OF b SKIP LOCKED
    ) AS held
    ORDER BY held.id
    ON CONFLICT (model_id, belief_id) DO NOTHING
    RETURNING belief_id AS id`;
  const { rows } = await refusing(() => insert.execute(session.kysely));
  return new Set(rows.map(({ id }) => id));
}
