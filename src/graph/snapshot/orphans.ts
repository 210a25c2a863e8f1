import { sql } from 'kysely';
import { invariant } from '../../core/errors.ts';
import type { Session } from '../../schema/database.ts';
import { mayLoseDigits, parseExactly } from '../lines/exact-json.ts';
import { isJsonObject } from '../lines/field-reader.ts';
import type { JsonObject } from '../lines/field-reader.ts';
import { edgeLine } from '../lines/line-sql.ts';

interface Reference {
  readonly column: string;
  readonly table: string;
}

interface Referring {
  readonly table: string;
  readonly references: readonly Reference[];
  /** SQL of the JSON text of a row called `r`. */
  readonly line: string;
}

const BELIEF: Reference = { column: 'belief_id', table: 'beliefs' };

/** A row of a table other than edges, all columns as they are. */
function rowLine(table: string): string {
  return `(jsonb_build_object('table', '${table}') || to_jsonb(r))::text`;
}

const REFERRING: readonly Referring[] = [
  {
    table: 'belief_edges',
    references: [
      { column: 'source_id', table: 'beliefs' },
      { column: 'target_id', table: 'beliefs' },
    ],
    line: edgeLine('r', true),
  },
  { table: 'belief_versions', references: [BELIEF], line: rowLine('belief_versions') },
  {
    table: 'belief_sources',
    references: [BELIEF, { column: 'source_id', table: 'sources' }],
    line: rowLine('belief_sources'),
  },
  {
    table: 'belief_embeddings',
    references: [BELIEF, { column: 'model_id', table: 'models' }],
    line: rowLine('belief_embeddings'),
  },
];

/**
 * Takes out rows that refer to a row that is not there, for a load whose foreign keys are yet to be made. Gives edges as a
 * full export prints them, rows of other tables with all their columns and the name of the table as `table`. Triggers
 * must be silent.
 */
export async function removeOrphans(session: Session): Promise<readonly JsonObject[]> {
  const removed: JsonObject[] = [];
  for (const { table, references, line } of REFERRING) {
    const lost = references.map(
      ({ column, table: other }) =>
        `SELECT e.ctid FROM valence.${table} AS e WHERE NOT EXISTS (SELECT FROM valence.${other} AS o WHERE o.id = e.${column})`,
    );
    const { rows } = await sql<{ line: string }>`${sql.raw(
      `DELETE FROM valence.${table} AS r WHERE r.ctid = ANY (ARRAY(${lost.join(' UNION ')})) RETURNING ${line} AS line`,
    )}`.execute(session.kysely);
    for (const row of rows) removed.push(parseLine(row.line));
  }
  return removed;
}

function parseLine(line: string): JsonObject {
  const value: unknown = mayLoseDigits(line) ? parseExactly(line) : JSON.parse(line);
  invariant(isJsonObject(value), 'a row is printed as a JSON object');
  return value;
}
