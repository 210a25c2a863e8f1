import { sql } from 'kysely';
import { invariant } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import type { Database, Session } from './database.ts';
import { buildIndex } from './index-build.ts';
import type { BuildOutcome } from './index-build.ts';

/** The embeddings of one model, as far as their index is concerned. */
export interface IndexedModel {
  readonly id: string;
  readonly name: string;
  readonly dimensions: number;
}

/** How an index, and a query that wants to use it, sees the embeddings of a model. */
export interface IndexedType {
  /** Cast of the column and of the operand, e.g. `vector(384)`. */
  readonly type: string;
  readonly operatorClass: string;
}

/** pgvector's limits for HNSW (its README): 2,000 dimensions as float32, 4,000 as float16. */
const VECTOR_DIMENSIONS_MAX = 2000;
const HALFVEC_DIMENSIONS_MAX = 4000;

/** `null`: too many dimensions for any index; queries scan. */
export function indexedType(dimensions: number): IndexedType | null {
  if (dimensions <= VECTOR_DIMENSIONS_MAX) return { type: `vector(${dimensions})`, operatorClass: 'vector_cosine_ops' };
  if (dimensions <= HALFVEC_DIMENSIONS_MAX)
    return { type: `halfvec(${dimensions})`, operatorClass: 'halfvec_cosine_ops' };
  return null;
}

/** One name a model, so that an index is found again, whoever built it. */
export function vectorIndexName(modelId: string): string {
  invariant(isUuid(modelId), 'a model id is a UUID');
  return `belief_embeddings_hnsw_${modelId.replaceAll('-', '').toLowerCase()}`;
}

/** The models that can have an index and have none, or one whose build was interrupted; by id. */
export async function missingVectorIndexes(session: Session): Promise<readonly IndexedModel[]> {
  const { rows } = await sql<IndexedModel>`
    SELECT m.id, m.name, m.dimensions FROM valence.models m
    WHERE m.dimensions <= ${HALFVEC_DIMENSIONS_MAX} AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
      WHERE i.indrelid = 'valence.belief_embeddings'::regclass AND i.indisvalid
        AND c.relname = 'belief_embeddings_hnsw_' || replace(m.id::text, '-', ''))
    ORDER BY m.id
  `.execute(session.kysely);
  return rows;
}

/** As of any index; `none`: too many dimensions for one. */
export type IndexBuild = BuildOutcome | 'none';

/** Builds the cosine HNSW index of one model, as `buildIndex` does. */
export async function buildVectorIndex(database: Database, model: IndexedModel): Promise<IndexBuild> {
  const indexed = indexedType(model.dimensions);
  if (indexed === null) return 'none';
  return buildIndex(database, {
    name: vectorIndexName(model.id),
    definition: `valence.belief_embeddings
      USING hnsw ((embedding::${indexed.type}) ${indexed.operatorClass}) WHERE model_id = '${model.id}'`,
    isBuilt: async (session) => !(await missingVectorIndexes(session)).some(({ id }) => id === model.id),
  });
}

/** Takes away the index of one model, if it has one: on Postgres without hindering readers or writers. */
export async function dropVectorIndex(database: Database, modelId: string): Promise<void> {
  const concurrently = database.engine === 'postgres' ? 'CONCURRENTLY ' : '';
  await database.execute(`DROP INDEX ${concurrently}IF EXISTS valence.${vectorIndexName(modelId)}`);
}
