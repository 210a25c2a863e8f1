import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

/** SQL: ids as one parameter. They go as one text, which drivers pass on as it is, where an array is taken apart and quoted. */
export function uuidArray(ids: Iterable<string>): RawBuilder<readonly string[]> {
  return sql<readonly string[]>`${`{${[...ids].join(',')}}`}::text::uuid[]`;
}

/**
 * SQL: whether a column is one of many ids, looked up in a hash table. `IS TRUE` keeps the planner, which expects few of them,
 * from a join that takes the product of both sides.
 */
export function isAmong(column: string, ids: Iterable<string>): RawBuilder<boolean> {
  return sql<boolean>`(${sql.raw(column)} IN (SELECT unnest(${uuidArray(ids)}))) IS TRUE`;
}

/** The ids of a `uuid[]` that was read as text. */
export function uuidsOf(text: string): string[] {
  return text.length <= 2 ? [] : text.slice(1, -1).split(',');
}
