import type { Kysely, RawBuilder } from 'kysely';
import { invariant } from '../../core/errors.ts';
import type { Tables } from '../../schema/tables.ts';

/**
 * The text of a query with its parameters written into it, for COPY, which takes none. They must be texts; connections
 * have `standard_conforming_strings` on. The query has no `$` and number of its own in a literal.
 */
export function copyQuery(kysely: Kysely<Tables>, query: RawBuilder<unknown>): string {
  const compiled = query.compile(kysely);
  return compiled.sql.replaceAll(/\$(\d+)/g, (_, place: string) => literal(compiled.parameters[Number(place) - 1]));
}

function literal(value: unknown): string {
  invariant(typeof value === 'string' && !value.includes('\0'), 'a parameter of a COPY is text');
  return `'${value.replaceAll("'", "''")}'`;
}
