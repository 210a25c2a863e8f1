import { sql } from 'kysely';
import type { Session } from './database.ts';
import { CATALOG_SCHEMA, SUBSTRATE_SCHEMA, SUBSTRATE_TABLES } from './tables.ts';

/** A table that no snapshot of ours holds. */
export interface ForeignTable {
  readonly schema: string;
  readonly name: string;
  /** As the planner believes; `null` where nobody has counted yet. */
  readonly estimatedRows: number | null;
}

const OURS: readonly string[] = [...SUBSTRATE_TABLES, 'supersedes_guard'];

/**
 * Tables of the database that are not ours, by name: ordinary and partitioned ones (a partitioned table once, with the
 * rows of its partitions), without those of the system, of extensions, and of projections, which are made from ours. A table somebody added to our own schema counts.
 */
export async function foreignTables(session: Session): Promise<readonly ForeignTable[]> {
  const { rows } = await sql<{ schema: string; name: string; estimatedRows: number }>`
    SELECT n.nspname::text AS schema, c.relname::text AS name, coalesce((
        SELECT sum(leaf.reltuples) FROM pg_catalog.pg_partition_tree(c.oid) part
        JOIN pg_catalog.pg_class leaf ON leaf.oid = part.relid WHERE part.isleaf
      ), c.reltuples)::float8 AS "estimatedRows"
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <> ${CATALOG_SCHEMA}
      AND NOT (n.nspname = ${SUBSTRATE_SCHEMA} AND c.relname = ANY (${OURS}::text[]))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      AND NOT EXISTS (SELECT FROM valence_catalog.projections p WHERE p.namespace = n.oid)
    ORDER BY n.nspname, c.relname
  `.execute(session.kysely);
  return rows.map(({ estimatedRows, ...table }) => ({
    ...table,
    estimatedRows: estimatedRows < 0 ? null : estimatedRows,
  }));
}
