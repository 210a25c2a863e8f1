/**
 * SQL that writes rows as JSON text, the lines of docs/import-format.md. The database builds them, so that a number is
 * printed with the digits it is stored with, on either engine, and rows need not be taken apart and joined again. Every
 * connection has `timezone = UTC`.
 */

/** A member that is always there. */
function member(name: string, value: string): string {
  return `'"${name}": ' || ${value}`;
}

/** A member that is left out when `condition` does not hold. */
function optional(condition: string, name: string, value: string): string {
  return `CASE WHEN ${condition} THEN ', "${name}": ' || ${value} ELSE '' END`;
}

function object(...parts: readonly string[]): string {
  return `'{' || ${parts.join(' || ')} || '}'`;
}

/** Each after the first begins with its own comma, as an optional one does. */
function comma(part: string): string {
  return `', ' || ${part}`;
}

function text(column: string): string {
  return `to_json(${column})::text`;
}

function uuid(column: string): string {
  return `'"' || ${column} || '"'`;
}

/** As ISO 8601 with `Z`; `infinity` stays a word. */
function time(column: string): string {
  return `replace(to_json(${column})::text, '+00:00"', 'Z"')`;
}

function json(column: string): string {
  return `${column}::text`;
}

const optionalTime = (column: string, name: string): string => optional(`${column} IS NOT NULL`, name, time(column));
const metadata = (alias: string): string =>
  optional(`${alias}.metadata <> '{}'`, 'metadata', json(`${alias}.metadata`));

/** What a belief says, or said: alias of `beliefs` or `belief_versions`. */
function statement(alias: string, full: boolean): readonly string[] {
  return [
    member('content', text(`${alias}.content`)),
    comma(member('confidence', `${alias}.confidence::text`)),
    optional(`${alias}.dimensions IS NOT NULL`, 'dimensions', json(`${alias}.dimensions`)),
    optional(`cardinality(${alias}.domains) > 0`, 'domains', text(`${alias}.domains`)),
    optional(full ? 'true' : `${alias}.status <> 'active'`, 'status', text(`${alias}.status`)),
    optionalTime(`${alias}.valid_from`, 'valid_from'),
    optionalTime(`${alias}.valid_until`, 'valid_until'),
  ];
}

/** Its sources: one as an object, several as a list in the order of type and external id. */
function provenance(belief: string, full: boolean): string {
  const one = object(
    member('source_type', text('ps.type')),
    comma(member('source_id', text('ps.external_id'))),
    ...(full ? [metadata('pb'), comma(member('created_at', time('pb.created_at')))] : []),
  );
  const list = `string_agg(${one}, ', ' ORDER BY ps.type COLLATE "C", ps.external_id COLLATE "C")`;
  return `coalesce((
    SELECT ', "provenance": ' || CASE WHEN count(*) = 1 THEN ${list} ELSE '[' || ${list} || ']' END
    FROM valence.belief_sources AS pb JOIN valence.sources AS ps ON ps.id = pb.source_id
    WHERE pb.belief_id = ${belief}.id HAVING count(*) > 0), '')`;
}

function embeddings(belief: string): string {
  return `coalesce((
    SELECT ', "embeddings": {' || string_agg(to_json(em.name)::text || ': ' || ee.embedding::text, ', ' ORDER BY em.name COLLATE "C") || '}'
    FROM valence.belief_embeddings AS ee JOIN valence.models AS em ON em.id = ee.model_id
    WHERE ee.belief_id = ${belief}.id HAVING count(*) > 0), '')`;
}

export interface BeliefLineOptions {
  /** With status, version and times. */
  readonly full: boolean;
  readonly embeddings: boolean;
}

/** Line of a row of `beliefs`. */
export function beliefLine(alias: string, options: BeliefLineOptions): string {
  return object(
    member('id', uuid(`${alias}.id`)),
    `', '`,
    ...statement(alias, options.full),
    provenance(alias, options.full),
    metadata(alias),
    ...(options.full
      ? [
          comma(member('version', `${alias}.version`)),
          comma(member('created_at', time(`${alias}.created_at`))),
          comma(member('updated_at', time(`${alias}.updated_at`))),
        ]
      : []),
    ...(options.embeddings ? [embeddings(alias)] : []),
  );
}

/** Line of a row of `belief_edges`. */
export function edgeLine(alias: string, full: boolean): string {
  return object(
    member('source', uuid(`${alias}.source_id`)),
    comma(member('target', uuid(`${alias}.target_id`))),
    comma(member('type', text(`${alias}.type`))),
    comma(member('weight', `${alias}.weight::text`)),
    optionalTime(`${alias}.valid_from`, 'valid_from'),
    optionalTime(`${alias}.valid_until`, 'valid_until'),
    metadata(alias),
    ...(full
      ? [
          comma(member('id', uuid(`${alias}.id`))),
          comma(member('created_at', time(`${alias}.created_at`))),
          optionalTime(`${alias}.retired_at`, 'retired_at'),
        ]
      : []),
  );
}

/** Line of a row of `sources`; only in a full export. */
export function sourceLine(alias: string): string {
  return object(
    member('source_type', text(`${alias}.type`)),
    comma(member('source_id', text(`${alias}.external_id`))),
    comma(member('id', uuid(`${alias}.id`))),
    optional(`${alias}.title IS NOT NULL`, 'title', text(`${alias}.title`)),
    optional(`${alias}.uri IS NOT NULL`, 'uri', text(`${alias}.uri`)),
    metadata(alias),
    comma(member('created_at', time(`${alias}.created_at`))),
    optionalTime(`${alias}.retired_at`, 'retired_at'),
  );
}

/** Line of a row of `models`; only in a full export. */
export function modelLine(alias: string): string {
  return object(
    member('model', text(`${alias}.name`)),
    comma(member('id', uuid(`${alias}.id`))),
    comma(member('dimensions', `${alias}.dimensions`)),
    metadata(alias),
    comma(member('created_at', time(`${alias}.created_at`))),
  );
}

/** Line of a row of `belief_versions`; only in a full export. */
export function versionLine(alias: string): string {
  return object(
    member('version_of', uuid(`${alias}.belief_id`)),
    comma(member('version', `${alias}.version`)),
    comma(member('was', object(...statement(alias, true), metadata(alias)))),
    comma(member('recorded_at', time(`${alias}.recorded_at`))),
    comma(member('replaced_at', time(`${alias}.replaced_at`))),
  );
}
