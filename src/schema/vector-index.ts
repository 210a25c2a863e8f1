import { sql } from 'kysely';
import { invariant } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import { sqlstateOf } from './database-error.ts';
import type { Database, Session } from './database.ts';

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

/**
 * Memory for a build: a graph that does not fit is built several times slower. Parallel workers take it from shared memory,
 * of which containers often have 64 MB; then the build is done again without them.
 */
const BUILD_MEMORY_MB = 256;

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

/** `built` or `present`: the index is there; `busy`: another process builds it; `none`: too many dimensions for one. */
export type IndexBuild = 'built' | 'present' | 'busy' | 'none';

/**
 * Builds the cosine HNSW index of one model: on Postgres without hindering readers or writers (CREATE INDEX
 * CONCURRENTLY), on the embedded database while other calls wait. What an interrupted build left is dropped first. When
 * this process ends, the server notices within seconds and stops building.
 */
export async function buildVectorIndex(database: Database, model: IndexedModel): Promise<IndexBuild> {
  const statement = createStatement(model, database.engine === 'postgres');
  if (statement === null) return 'none';
  if (await isBuilt(database, model)) return 'present';
  if (database.engine === 'pglite') {
    await database.execute(statement);
    return 'built';
  }
  return database.connection(async (session) => {
    if (!(await tryLock(session, model))) return 'busy';
    if (await isBuilt(session, model)) return 'present';
    await prepareSession(session);
    try {
      await buildAnew(session, model, statement);
    } catch (error) {
      if (sqlstateOf(error) !== '53100') throw error;
      await session.execute('SET max_parallel_maintenance_workers = 0');
      await buildAnew(session, model, statement);
    }
    return 'built';
  });
}

function createStatement({ id, dimensions }: IndexedModel, concurrently: boolean): string | null {
  const indexed = indexedType(dimensions);
  if (indexed === null) return null;
  return `CREATE INDEX ${concurrently ? 'CONCURRENTLY ' : ''}${vectorIndexName(id)} ON valence.belief_embeddings
    USING hnsw ((embedding::${indexed.type}) ${indexed.operatorClass}) WHERE model_id = '${id}'`;
}

async function isBuilt(session: Session, model: IndexedModel): Promise<boolean> {
  return !(await missingVectorIndexes(session)).some(({ id }) => id === model.id);
}

/** Not a waiting lock: a session that waits holds a snapshot, for whose end the concurrent build would wait in turn. */
async function tryLock(session: Session, { id }: IndexedModel): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    SELECT pg_try_advisory_lock(hashtextextended(${vectorIndexName(id)}, 0)) AS locked
  `.execute(session.kysely);
  return rows[0]?.locked === true;
}

async function prepareSession(session: Session): Promise<void> {
  await session.execute(`
    SELECT set_config('maintenance_work_mem', '${BUILD_MEMORY_MB}MB', false)
      WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes('${BUILD_MEMORY_MB}MB');
    SET client_connection_check_interval = '5s'`);
}

async function buildAnew(session: Session, { id }: IndexedModel, statement: string): Promise<void> {
  await session.execute(`DROP INDEX CONCURRENTLY IF EXISTS valence.${vectorIndexName(id)}`);
  await session.execute(statement);
}
