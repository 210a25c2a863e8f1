import { sql } from 'kysely';
import type { Session } from '../schema/database.ts';

/** Reads a table in key order in ranges of bounded size, so that neither engine nor we hold more than one range. */

export interface KeyColumn {
  readonly column: string;
  readonly type: 'uuid' | 'int4' | 'text';
}

export interface KeysetTable {
  /** With its schema. */
  readonly table: string;
  readonly key: readonly KeyColumn[];
  /** SQL that estimates the bytes of a row. */
  readonly weight: string;
  /** SQL condition; left out: every row. */
  readonly where?: string | undefined;
}

export interface RangeLimits {
  readonly rows: number;
  /** A single row may be larger. */
  readonly bytes: number;
}

/** SQL conditions, one a range, that together select every row once, in key order. The keys must not change meanwhile. */
export async function* keyRanges(
  session: Session,
  table: KeysetTable,
  limits: RangeLimits,
): AsyncGenerator<string, void, undefined> {
  const row = `(${table.key.map(({ column }) => column).join(', ')})`;
  const where = table.where ?? 'true';
  let after = where;
  for (;;) {
    const last = await lastOfRange(session, table, after, limits);
    if (last === null) return;
    yield `${after} AND ${row} <= ${last}`;
    after = `${where} AND ${row} > ${last}`;
  }
}

/** `ORDER BY` of the key; text by its bytes. */
export function keyOrder(key: readonly KeyColumn[]): string {
  return key.map(({ column, type }) => (type === 'text' ? `${column} COLLATE "C"` : column)).join(', ');
}

async function lastOfRange(
  session: Session,
  table: KeysetTable,
  condition: string,
  limits: RangeLimits,
): Promise<string | null> {
  const columns = table.key.map(({ column }) => column).join(', ');
  const order = keyOrder(table.key);
  const { rows } = await sql<{ key: readonly string[] }>`${sql.raw(`
    SELECT ARRAY[${table.key.map(({ column }) => `${column}::text`).join(', ')}] AS key
    FROM (
      SELECT ${columns}, sum(weight) OVER walk AS bytes, row_number() OVER walk AS place
      FROM (SELECT ${columns}, ${table.weight} AS weight FROM ${table.table} WHERE ${condition} ORDER BY ${order} LIMIT ${limits.rows}) AS ahead
      WINDOW walk AS (ORDER BY ${order} ROWS UNBOUNDED PRECEDING)
    ) AS walked
    WHERE place = 1 OR bytes <= ${limits.bytes} ORDER BY place DESC LIMIT 1`)}`.execute(session.kysely);
  const key = rows[0]?.key;
  if (key === undefined) return null;
  return `(${key.map((text, index) => `'${text.replaceAll("'", "''")}'::${table.key[index]!.type}`).join(', ')})`;
}
