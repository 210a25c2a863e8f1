import { sql } from 'kysely';
import { invariant } from '../../core/errors.ts';
import type { Session } from '../../schema/database.ts';
import { SUBSTRATE_SCHEMA, SUBSTRATE_TABLES } from '../../schema/tables.ts';

/**
 * Loads many rows fast: secondary indexes and foreign keys are dropped and triggers silenced first, and put back as they
 * were when the rows are in. All in the transaction of `session`, which must hold the tables exclusively; if it rolls
 * back nothing has changed.
 */
export interface BulkLoad {
  /** Puts back every index, key and trigger, and sees that the catalog says what it said before. @throws `database/failed` when a key does not hold */
  restore(): Promise<void>;
}

interface Definition {
  /** `f`: foreign key, `p`: primary key, `i`: index without a constraint, `t`: trigger. */
  readonly kind: 'f' | 'p' | 'i' | 't';
  readonly table: string;
  readonly name: string;
  /** Of a trigger: when it fires (`pg_trigger.tgenabled`). */
  readonly definition: string;
}

export async function beginBulkLoad(session: Session): Promise<BulkLoad> {
  await dropRemains(session);
  const before = await catalogText(session);
  const definitions = await readDefinitions(session);
  await run(session, definitions.map(dropStatement));
  return {
    async restore() {
      await raiseMaintenanceMemory(session);
      await run(session, definitions.toReversed().map(createStatement));
      const after = await catalogText(session);
      invariant(after === before, 'indexes, constraints or triggers are not what they were before the load');
    },
  };
}

/** Of index builds that were interrupted: they would come back whole, which is not what was there. Who needs them builds them. */
async function dropRemains(session: Session): Promise<void> {
  const { rows } = await sql<{ name: string }>`${sql.raw(`
    SELECT x.indexrelid::regclass::text AS name FROM pg_catalog.pg_index x WHERE x.indrelid IN ${TABLES} AND NOT x.indisvalid`)}`.execute(
    session.kysely,
  );
  await run(
    session,
    rows.map(({ name }) => `DROP INDEX ${name}`),
  );
}

const TABLES = `(${SUBSTRATE_TABLES.map((table) => `'${SUBSTRATE_SCHEMA}.${table}'::regclass`).join(', ')})`;

/** In the order in which they can be dropped; the reverse is the order in which they can be made. */
async function readDefinitions(session: Session): Promise<readonly Definition[]> {
  // Rows come in the order of each primary key but that of edges, whose ids are not what edges are sorted by.
  const { rows } = await sql<Definition>`${sql.raw(`
    SELECT 't' AS kind, quote_ident(c.relname) AS "table", quote_ident(t.tgname) AS name, t.tgenabled::text AS definition
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    WHERE t.tgrelid IN ${TABLES} AND NOT t.tgisinternal AND t.tgenabled <> 'D'
    UNION ALL
    SELECT k.contype::text, quote_ident(c.relname), quote_ident(k.conname), pg_get_constraintdef(k.oid)
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
    WHERE k.conrelid IN ${TABLES} AND (k.contype = 'f' OR (k.contype = 'p' AND c.relname = 'belief_edges'))
    UNION ALL
    SELECT 'i', quote_ident(c.relname), quote_ident(i.relname), pg_get_indexdef(x.indexrelid)
    FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indrelid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    WHERE x.indrelid IN ${TABLES} AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = x.indexrelid)
    ORDER BY kind DESC, 2, 3`)}`.execute(session.kysely);
  const order: readonly Definition['kind'][] = ['t', 'f', 'p', 'i'];
  return rows.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

function dropStatement({ kind, table, name }: Definition): string {
  if (kind === 'i') return `DROP INDEX ${SUBSTRATE_SCHEMA}.${name}`;
  const change = kind === 't' ? 'DISABLE TRIGGER' : 'DROP CONSTRAINT';
  return `ALTER TABLE ${SUBSTRATE_SCHEMA}.${table} ${change} ${name}`;
}

const ENABLE: Readonly<Record<string, string>> = { O: 'ENABLE', A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA' };

function createStatement({ kind, table, name, definition }: Definition): string {
  if (kind === 'i') return definition;
  const change = kind === 't' ? `${ENABLE[definition]} TRIGGER ${name}` : `ADD CONSTRAINT ${name} ${definition}`;
  return `ALTER TABLE ${SUBSTRATE_SCHEMA}.${table} ${change}`;
}

async function run(session: Session, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await session.execute(statement);
}

/** Indexes are sorted in memory; a small setting would send them to disk. */
async function raiseMaintenanceMemory(session: Session): Promise<void> {
  if (session.engine === 'pglite') return;
  await session.execute(`
    SELECT set_config('maintenance_work_mem', '256MB', true)
      WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes('256MB')`);
}

/** Everything the load takes apart, and the defaults it borrows, as text. */
async function catalogText(session: Session): Promise<string> {
  const { rows } = await sql<{ text: string }>`${sql.raw(`
    SELECT coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), '') AS text FROM (
      SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, contype, convalidated, pg_get_constraintdef(oid)) AS line
      FROM pg_catalog.pg_constraint WHERE conrelid IN ${TABLES}
      UNION ALL
      SELECT concat_ws(' ', 'index', indisvalid, indisprimary, indisunique, pg_get_indexdef(indexrelid))
      FROM pg_catalog.pg_index WHERE indrelid IN ${TABLES}
      UNION ALL
      SELECT concat_ws(' ', 'trigger', tgenabled, pg_get_triggerdef(oid))
      FROM pg_catalog.pg_trigger WHERE tgrelid IN ${TABLES} AND NOT tgisinternal
      UNION ALL
      SELECT concat_ws(' ', 'column', a.attrelid::regclass, a.attname, a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid IN ${TABLES} AND a.attnum > 0 AND NOT a.attisdropped
    ) AS catalog`)}`.execute(session.kysely);
  return rows[0]?.text ?? '';
}
