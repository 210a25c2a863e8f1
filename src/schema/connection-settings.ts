import { CATALOG_SCHEMA, SUBSTRATE_SCHEMA, SUBSTRATE_TABLES } from './tables.ts';

/**
 * Run first on every connection. Text output must not depend on what the server, database or role prefers, and a long
 * COPY or index build must not be cut off by a limit meant for web requests. Compiling a recursive query takes half a second,
 * running it two milliseconds, so there is no JIT. The vector type is found wherever its
 * extension lives; before it is installed `public` stands in, which is where migrator.ts puts it.
 */
export const CONNECTION_SETTINGS: string = `
  SET timezone = 'UTC';
  SET datestyle = 'ISO, YMD';
  SET intervalstyle = 'postgres';
  SET bytea_output = 'hex';
  SET extra_float_digits = 1;
  SET standard_conforming_strings = on;
  SET client_min_messages = warning;
  SET jit = off;
  SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout');
  SELECT set_config('search_path', '${SUBSTRATE_SCHEMA}, ' || coalesce((
    SELECT quote_ident(n.nspname) FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'), 'public'), false);
`;

const SNAPSHOT_TABLES = [
  ...SUBSTRATE_TABLES.map((table) => `${SUBSTRATE_SCHEMA}.${table}`),
  `${CATALOG_SCHEMA}.changes`,
];

/**
 * First statement of a snapshot; it takes no MVCC snapshot itself, so what follows sees no table emptied meanwhile. The
 * change log is emptied by TRUNCATE, too. No statement that could look first whether it is there would do: any but LOCK
 * takes a snapshot. So a schema from before the change log is refused here.
 */
export const LOCK_SUBSTRATE: string = `LOCK TABLE ${SNAPSHOT_TABLES.join(', ')} IN ACCESS SHARE MODE`;

/** One row with the printable version of server and extension. */
export const ENGINE_VERSION: string = `
  SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) || coalesce(', pgvector ' || coalesce(
    (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector'),
    (SELECT default_version FROM pg_catalog.pg_available_extensions WHERE name = 'vector')), '') AS version`;
