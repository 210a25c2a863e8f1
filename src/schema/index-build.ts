import { sql } from 'kysely';
import { sqlstateOf } from './database-error.ts';
import type { Database, Session } from './database.ts';
import { SUBSTRATE_SCHEMA } from './tables.ts';

/** An index that is not part of the schema: it is built when there are rows, and a query does without it meanwhile. */
export interface IndexPlan {
  /** Of the index, in the schema of the substrate; needs no quotes. */
  readonly name: string;
  /** What follows `CREATE INDEX name ON `. */
  readonly definition: string;
  /** Whether it is there, whole and as this program makes it. */
  isBuilt(session: Session): Promise<boolean>;
}

/** `built` or `present`: the index is there; `busy`: another process builds it. */
export type BuildOutcome = 'built' | 'present' | 'busy';

/**
 * Memory for a build: an HNSW graph that does not fit is built several times slower. Parallel workers take it from shared
 * memory, of which containers often have 64 MB; then the build is done again without them.
 */
const BUILD_MEMORY_MB = 256;

/**
 * Builds an index: on Postgres without hindering readers or writers (CREATE INDEX CONCURRENTLY), on the embedded database
 * while other calls wait. What an interrupted build left is dropped first. When this process ends, the server notices
 * within seconds and stops building.
 */
export async function buildIndex(database: Database, plan: IndexPlan): Promise<BuildOutcome> {
  if (await plan.isBuilt(database)) return 'present';
  if (database.engine === 'pglite') {
    await buildAnew(database, plan, '');
    return 'built';
  }
  return database.connection(async (session) => {
    if (!(await tryLock(session, plan))) return 'busy';
    if (await plan.isBuilt(session)) return 'present';
    await prepareSession(session);
    try {
      await buildAnew(session, plan, 'CONCURRENTLY');
    } catch (error) {
      if (sqlstateOf(error) !== '53100') throw error;
      await session.execute('SET max_parallel_maintenance_workers = 0');
      await buildAnew(session, plan, 'CONCURRENTLY');
    }
    return 'built';
  });
}

/** Not a waiting lock: a session that waits holds a snapshot, for whose end the concurrent build would wait in turn. */
async function tryLock(session: Session, { name }: IndexPlan): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    SELECT pg_try_advisory_lock(hashtextextended(${name}, 0)) AS locked
  `.execute(session.kysely);
  return rows[0]?.locked === true;
}

async function prepareSession(session: Session): Promise<void> {
  await session.execute(`
    SELECT set_config('maintenance_work_mem', '${BUILD_MEMORY_MB}MB', false)
      WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes('${BUILD_MEMORY_MB}MB');
    SET client_connection_check_interval = '5s'`);
}

async function buildAnew(session: Session, { name, definition }: IndexPlan, how: 'CONCURRENTLY' | ''): Promise<void> {
  await session.execute(`DROP INDEX ${how} IF EXISTS ${SUBSTRATE_SCHEMA}.${name}`);
  await session.execute(`CREATE INDEX ${how} ${name} ON ${definition}`);
}
