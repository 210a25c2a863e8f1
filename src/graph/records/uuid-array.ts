import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

/**
 * SQL: ids as one parameter. They go as the text of an array, which drivers pass on as it is, where an array is taken apart and
 * quoted. The parameter has the type of the array itself: a cast from text would be made anew for each row of a scan.
 */
export function uuidArray(ids: Iterable<string>): RawBuilder<readonly string[]> {
  return sql<readonly string[]>`${`{${[...ids].join(',')}}`}::uuid[]`;
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
