import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { EDGE_TYPES } from '../records/vocabulary.ts';
import type { EdgeType } from '../records/vocabulary.ts';

/** What a graph in Apache AGE is made of: a node of the label `Belief` for each belief, a relationship for each live edge. */

/** Raise it when anything below changes what a graph holds: older ones are then built anew. */
export const LAYOUT = 1;

export const NODE_LABEL = 'Belief';

/** Labels of relationships are in capitals, as Cypher has them. */
export const EDGE_LABELS: readonly (readonly [type: EdgeType, label: string])[] = EDGE_TYPES.map((type) => [
  type,
  type.toUpperCase(),
]);

/** The table of a label. `graph` has passed `checkProjectionName`. */
export function labelTable(graph: string, label: string): RawBuilder<unknown> {
  return sql`${sql.id(graph, label)}`;
}

/** The next graphid of a label, as the default of its table makes it. */
export function nextId(graph: string, label: string): RawBuilder<unknown> {
  const sequence = `"${graph}"."${label}_id_seq"`;
  // In a subquery the label is looked up once, not for each row.
  return sql`ag_catalog._graphid((SELECT ag_catalog._label_id(${sql.lit(graph)}, ${sql.lit(label)})::int),
    nextval(${sql.lit(sequence)}::regclass))`;
}

/** Indexed in each label's table, and what Cypher makes of `x.id`. `row`: alias of the table, where it has one. */
export function idProperty(row?: string): RawBuilder<unknown> {
  const properties = sql.ref(row === undefined ? 'properties' : `${row}.properties`);
  return sql`ag_catalog.agtype_access_operator(VARIADIC ARRAY[${properties}, '"id"'::ag_catalog.agtype])`;
}

/** A UUID as the property holds it. */
export function idValue(id: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`('"' || ${id}::text || '"')::ag_catalog.agtype`;
}

/** Properties of the belief `b`. What is null, or has nothing in it, is left out. */
export const NODE_PROPERTIES: RawBuilder<unknown> = sql`ag_catalog.agtype_build_map_nonull(
  'id', b.id::text, 'content', b.content, 'confidence', ${decimal('b.confidence')}, 'status', b.status, 'domains', b.domains,
  'version', b.version::int8, 'valid_from', ${time('b.valid_from')}, 'valid_until', ${time('b.valid_until')},
  'created_at', ${time('b.created_at')}, 'updated_at', ${time('b.updated_at')},
  'dimensions', nullif(b.dimensions, '{}'), 'metadata', nullif(b.metadata, '{}'))`;

/** Properties of the edge `e`. */
export const EDGE_PROPERTIES: RawBuilder<unknown> = sql`ag_catalog.agtype_build_map_nonull(
  'id', e.id::text, 'weight', ${decimal('e.weight')}, 'valid_from', ${time('e.valid_from')},
  'valid_until', ${time('e.valid_until')}, 'created_at', ${time('e.created_at')}, 'metadata', nullif(e.metadata, '{}'))`;

/** The shortest digits that mean this single-precision number, not its 17 digits in double precision. */
function decimal(column: string): RawBuilder<unknown> {
  return sql`${sql.ref(column)}::text::float8`;
}

/** ISO 8601 in UTC, always with six decimals: compared as texts they are in the order of time. AGE has no type for time. */
function time(column: string): RawBuilder<unknown> {
  return sql`to_char(${sql.ref(column)} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
