import { sql } from 'kysely';
import { ByteReader, fromUtf8 } from '../../core/bytes.ts';
import { uuidText } from '../../core/ids.ts';
import type { KeyRange } from '../../core/ports.ts';
import type { Session } from '../../schema/database.ts';

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
  const row = keyRow(table);
  const where = table.where ?? 'true';
  let after = where;
  for (;;) {
    const end = await endOfRange(session, table, after, limits);
    if (end === null) return;
    if (end === 'table') {
      yield after;
      return;
    }
    yield `${after} AND ${row} <= ${end.last}`;
    after = `${where} AND ${row} > ${end.last}`;
  }
}

/**
 * The SQL condition of the table's rows in a range, which the index of its key answers. Its bounds are keys of
 * FORMAT.md §5.3. @throws `format/malformed` for bounds that are no keys of this table
 */
export function rangeCondition(table: KeysetTable, range: KeyRange): string {
  const bound = (comparison: '>' | '<=', key: Uint8Array | null): readonly string[] =>
    key === null ? [] : [`${keyRow(table)} ${comparison} ${literalRow(table, keyTexts(table, key))}`];
  return [table.where ?? 'true', ...bound('>', range.after), ...bound('<=', range.upTo)].join(' AND ');
}

/** Rows of the table that a condition selects, in key order. */
export function selectRows({ table, key }: KeysetTable, columns: readonly string[], condition: string): string {
  return `SELECT ${columns.join(', ')} FROM ${table} WHERE ${condition} ORDER BY ${keyOrder(key)}`;
}

/**
 * Rows of some ascending, disjoint ranges, in key order. Each range is a subquery that the planner cannot join with the others,
 * so it walks the index of the key, however many there are and whatever it thinks of them together.
 */
export function rangesQuery(table: KeysetTable, columns: readonly string[], ranges: readonly KeyRange[]): string {
  if (ranges.length === 1) return selectRows(table, columns, rangeCondition(table, ranges[0]!));
  const parts = ranges.map((range, i) => {
    const rows = selectRows(table, columns, rangeCondition(table, range));
    return `SELECT ${i} AS part, ${columns.join(', ')} FROM (${rows} OFFSET 0) AS rows_${i}`;
  });
  const inOrder = `ORDER BY part, ${keyOrder(table.key)}`;
  return `SELECT ${columns.join(', ')} FROM (${parts.join(' UNION ALL ')}) AS parts ${inOrder}`;
}

/** `ORDER BY` of the key; text by its bytes. */
export function keyOrder(key: readonly KeyColumn[]): string {
  return key.map(({ column, type }) => (type === 'text' ? `${column} COLLATE "C"` : column)).join(', ');
}

/** `table`: what lies ahead is one range. Null: nothing does. */
type RangeEnd = { readonly last: string } | 'table' | null;

async function endOfRange(
  session: Session,
  table: KeysetTable,
  condition: string,
  limits: RangeLimits,
): Promise<RangeEnd> {
  const columns = table.key.map(({ column }) => column).join(', ');
  const order = keyOrder(table.key);
  const { rows } = await sql<{ key: readonly string[]; isLast: boolean }>`${sql.raw(`
    SELECT ARRAY[${table.key.map(({ column }) => `${column}::text`).join(', ')}] AS key,
      place = ahead AND ahead < ${limits.rows} AS "isLast"
    FROM (
      SELECT ${columns}, sum(weight) OVER walk AS bytes, row_number() OVER walk AS place, count(*) OVER () AS ahead
      FROM (SELECT ${columns}, ${table.weight} AS weight FROM ${table.table} WHERE ${condition} ORDER BY ${order} LIMIT ${limits.rows}) AS ahead
      WINDOW walk AS (ORDER BY ${order} ROWS UNBOUNDED PRECEDING)
    ) AS walked
    WHERE place = 1 OR bytes <= ${limits.bytes} ORDER BY place DESC LIMIT 1`)}`.execute(session.kysely);
  const end = rows[0];
  if (end === undefined) return null;
  return end.isLast ? 'table' : { last: literalRow(table, end.key) };
}

function keyRow({ key }: KeysetTable): string {
  return `(${key.map(({ column }) => column).join(', ')})`;
}

function literalRow({ key }: KeysetTable, texts: readonly string[]): string {
  return `(${texts.map((text, index) => `'${text.replaceAll("'", "''")}'::${key[index]!.type}`).join(', ')})`;
}

const TEXT_BYTES = 16;

function keyTexts({ key, table }: KeysetTable, bytes: Uint8Array): readonly string[] {
  const reader = new ByteReader(bytes, `key of ${table}`);
  const texts = key.map(({ type }) => {
    if (type === 'uuid') return uuidText(reader.bytes(16));
    if (type === 'int4') return String(reader.u32());
    return fromUtf8(reader.bytes(TEXT_BYTES)).replace(/\0+$/, '');
  });
  reader.end();
  return texts;
}
