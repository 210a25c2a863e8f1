import { sql } from 'kysely';
import { ValenceError } from '../core/errors.ts';
import { sqlstateOf } from './database-error.ts';
import type { Session } from './database.ts';
import { SUBSTRATE_SCHEMA } from './tables.ts';

const POSTGRES_MIN = 15;
/** halfvec and its index came with 0.7. */
const VECTOR_MIN = [0, 7] as const;

/** @throws `database/failed` for a server before 15, or a database that does not keep text as UTF-8 */
export async function requireServer(session: Session): Promise<void> {
  const { rows } = await sql<{ version: number; encoding: string }>`
    SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('server_encoding') AS encoding
  `.execute(session.kysely);
  const { version = 0, encoding = 'unknown' } = rows[0] ?? {};
  if (version < POSTGRES_MIN) {
    throw new ValenceError(
      'database/failed',
      `the server is PostgreSQL ${version}, at least ${POSTGRES_MIN} is needed`,
      {
        hint: 'use a newer server, or the embedded database',
        context: { version },
      },
    );
  }
  if (encoding !== 'UTF8') {
    throw new ValenceError('database/failed', `the database keeps text as ${encoding}, not as UTF8`, {
      hint: "create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
      context: { encoding },
    });
  }
}

/**
 * Sees that the vector type is there, and creates the extension where it is not installed: in `public`, which the search
 * path of connections made before expects (connection-settings.ts), or with our tables where there is no such schema.
 * @throws `database/failed` when pgvector is missing, too old, or may not be created
 */
export async function requireVector(session: Session): Promise<void> {
  let version = await installedVector(session);
  if (version === null) {
    await createVector(session);
    version = await installedVector(session);
  }
  if (version !== null && isRecent(version)) return;
  throw new ValenceError('database/failed', `pgvector is ${version}, at least ${VECTOR_MIN.join('.')} is needed`, {
    hint: 'install a newer pgvector on the server, then run ALTER EXTENSION vector UPDATE',
    context: { version },
  });
}

async function installedVector(session: Session): Promise<string | null> {
  const { rows } = await sql<{ version: string }>`
    SELECT extversion AS version FROM pg_catalog.pg_extension WHERE extname = 'vector'
  `.execute(session.kysely);
  return rows[0]?.version ?? null;
}

async function createVector(session: Session): Promise<void> {
  const { rows } = await sql<{ available: boolean; public: boolean }>`
    SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'vector') AS available,
           EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public') AS public
  `.execute(session.kysely);
  if (rows[0]?.available !== true) {
    throw new ValenceError('database/failed', 'the server has no pgvector', {
      hint: 'install the pgvector package for this PostgreSQL version, or use the embedded database',
    });
  }
  try {
    await session.execute(`CREATE EXTENSION vector SCHEMA ${rows[0].public ? 'public' : SUBSTRATE_SCHEMA}`);
  } catch (error) {
    if (sqlstateOf(error) !== '42501') throw error;
    throw new ValenceError('database/failed', 'the database role may not create the extension vector', {
      hint: 'let an administrator run in this database: CREATE EXTENSION vector',
      context: { sqlstate: '42501' },
      cause: error,
    });
  }
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > VECTOR_MIN[0] || (major === VECTOR_MIN[0] && minor >= VECTOR_MIN[1]);
}
