import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { PROBLEMS_SHOWN_MAX } from './import-problems.ts';
import type { ImportProblem, ImportProblems } from './import-problems.ts';
import { stagingName } from './staging-tables.ts';
import type { StagingTable } from './staging-tables.ts';
import { supersedesCircles } from '../records/supersedes-circles.ts';

/** What to do with a line whose belief, source or edge is in the database already. */
export type OnConflict = 'error' | 'skip' | 'update';

/**
 * What no line shows alone: compares the staged lines with one another and with the database. Sees everything staged, so
 * `Staging.finish` comes before.
 */
export async function checkStaged(session: Session, onConflict: OnConflict, problems: ImportProblems): Promise<void> {
  const checks = [
    ...DUPLICATE_CHECKS,
    ...REFERENCE_CHECKS,
    ...(onConflict === 'error' ? EXISTENCE_CHECKS : []),
    ...(onConflict === 'update' ? UPDATE_CHECKS : []),
  ];
  for (const check of checks) await report(session, check, problems);
  problems.add(await circles(session));
}

interface FoundRow {
  readonly file: number;
  readonly line: number;
  readonly reason: string;
  readonly other_file: number | null;
  readonly other_line: number | null;
  readonly total: number;
}

async function report(session: Session, check: string, problems: ImportProblems): Promise<void> {
  const { rows } = await sql<FoundRow>`
    SELECT file, line, reason, other_file, other_line, (count(*) OVER ())::int AS total
    FROM (${sql.raw(check)}) AS found (file, line, reason, other_file, other_line)
    ORDER BY file, line LIMIT ${sql.raw(String(PROBLEMS_SHOWN_MAX))}`.execute(session.kysely);
  problems.add(rows.map(toProblem), rows[0]?.total ?? 0);
}

function toProblem(row: FoundRow): ImportProblem {
  const { file, line, reason, other_file: otherFile, other_line: otherLine } = row;
  if (otherFile === null || otherLine === null) return { file, line, reason };
  return { file, line, reason, other: { file: otherFile, line: otherLine } };
}

function duplicates(table: StagingTable, keys: string, reason: string, where = 'true'): string {
  return `
    SELECT file, line, '${reason}', other_file, other_line
    FROM (
      SELECT file, line, row_number() OVER same AS place, first_value(file) OVER same AS other_file,
             first_value(line) OVER same AS other_line
      FROM ${stagingName(table)} WHERE ${where}
      WINDOW same AS (PARTITION BY ${keys} ORDER BY file, line)
    ) AS numbered
    WHERE place > 1`;
}

const DUPLICATE_CHECKS: readonly string[] = [
  duplicates('beliefs', 'id', 'the same belief as'),
  duplicates('edges', 'id', 'the same edge id as'),
  duplicates(
    'edges',
    'source_id, type, target_id',
    'the same edge as',
    // Those that share their id as well are reported above.
    `retired_at IS NULL AND id IN (SELECT id FROM ${stagingName('edges')} GROUP BY id HAVING count(*) = 1)`,
  ),
  duplicates('sources', 'type, external_id', 'the same source as'),
  duplicates('sources', 'id', 'the same source id as', 'id IS NOT NULL'),
  duplicates('models', 'name', 'the same model as'),
  duplicates('models', 'id', 'the same model id as'),
  duplicates('versions', 'belief_id, version', 'the same version as'),
];

function plain(query: string): string {
  return `SELECT file, line, reason, NULL::int, NULL::int FROM (${query}) AS plain (file, line, reason)`;
}

function missingBelief(table: StagingTable, column: string): string {
  return plain(`
    SELECT i.file, i.line, 'no belief has the id ' || i.${column}
    FROM ${stagingName(table)} AS i
    WHERE i.${column} IS NOT NULL
      AND NOT EXISTS (SELECT FROM ${stagingName('beliefs')} AS b WHERE b.id = i.${column})
      AND NOT EXISTS (SELECT FROM valence.beliefs AS b WHERE b.id = i.${column})`);
}

function existing(table: StagingTable, reason: string, condition: string, stored: string): string {
  return plain(
    `SELECT i.file, i.line, '${reason}' FROM ${stagingName(table)} AS i JOIN valence.${stored} AS s ON ${condition}`,
  );
}

const REFERENCE_CHECKS: readonly string[] = [
  missingBelief('edges', 'source_id'),
  missingBelief('edges', 'target_id'),
  missingBelief('versions', 'belief_id'),
  plain(`
    SELECT i.file, i.line, 'the belief is at version ' || coalesce(s.version, b.version, 1) || ', and this was to come before it'
    FROM ${stagingName('versions')} AS i
    LEFT JOIN valence.beliefs AS s ON s.id = i.belief_id LEFT JOIN ${stagingName('beliefs')} AS b ON b.id = i.belief_id
    WHERE i.version >= coalesce(s.version, b.version, 1)`),
  existing('models', 'another model of the database has this id', 's.id = i.id AND s.name <> i.name', 'models'),
];

const SAME_SOURCE = 's.type = i.type AND s.external_id = i.external_id';
const SAME_EDGE = 's.source_id = i.source_id AND s.type = i.type AND s.target_id = i.target_id';

const EXISTENCE_CHECKS: readonly string[] = [
  existing('beliefs', 'the database has a belief with this id', 's.id = i.id', 'beliefs'),
  existing(
    'versions',
    'the database has this version',
    's.belief_id = i.belief_id AND s.version = i.version',
    'belief_versions',
  ),
  existing('sources', 'the database has this source', SAME_SOURCE, 'sources'),
  existing(
    'sources',
    'the database has another source with this id',
    `s.id = i.id AND NOT (${SAME_SOURCE})`,
    'sources',
  ),
  existing('edges', 'the database has an edge with this id', 's.id = i.id', 'belief_edges'),
  existing(
    'edges',
    'the database has this edge under another id',
    `${SAME_EDGE} AND s.id <> i.id AND s.retired_at IS NULL AND i.retired_at IS NULL`,
    'belief_edges',
  ),
];

const VALIDITY_ENDS_EARLY = `coalesce(i.valid_from, s.valid_from) >= coalesce(i.valid_until, s.valid_until)`;

const STAYS_SUPERSEDED = `i.status = 'active' AND s.status <> 'active' AND EXISTS (
  SELECT FROM valence.belief_edges AS e
  WHERE e.target_id = s.id AND e.type = 'supersedes' AND e.retired_at IS NULL
    AND NOT EXISTS (SELECT FROM ${stagingName('edges')} AS r WHERE r.id = e.id AND r.retired_at IS NOT NULL))`;

const UPDATE_CHECKS: readonly string[] = [
  existing('beliefs', 'it is superseded and cannot become active', `s.id = i.id AND ${STAYS_SUPERSEDED}`, 'beliefs'),
  existing(
    'beliefs',
    'with what is stored, valid_until is not after valid_from',
    `s.id = i.id AND ${VALIDITY_ENDS_EARLY}`,
    'beliefs',
  ),
  existing(
    'edges',
    'with what is stored, valid_until is not after valid_from',
    `s.id = i.id AND ${VALIDITY_ENDS_EARLY}`,
    'belief_edges',
  ),
  existing(
    'edges',
    'the database has this id for an edge of other ends or type',
    `s.id = i.id AND NOT (${SAME_EDGE})`,
    'belief_edges',
  ),
  existing(
    'sources',
    'the database has another source with this id',
    `s.id = i.id AND NOT (${SAME_SOURCE})`,
    'sources',
  ),
];

interface SupersedesRow {
  readonly file: number | null;
  readonly line: number | null;
  readonly source: string;
  readonly target: string;
}

async function circles(session: Session): Promise<readonly ImportProblem[]> {
  const staged = stagingName('edges');
  const { rows } = await sql<SupersedesRow>`
    WITH staged AS (
      SELECT id, file, line, source_id, target_id FROM ${sql.raw(staged)} WHERE type = 'supersedes' AND retired_at IS NULL AND source_id <> target_id
    )
    SELECT file, line, source_id::text AS source, target_id::text AS target FROM staged
    UNION ALL
    SELECT NULL, NULL, e.source_id::text, e.target_id::text FROM valence.belief_edges AS e
    WHERE e.type = 'supersedes' AND e.retired_at IS NULL AND EXISTS (SELECT FROM staged)
      AND NOT EXISTS (SELECT FROM ${sql.raw(staged)} AS i WHERE i.id = e.id)`.execute(session.kysely);
  const found: ImportProblem[] = [];
  for (const { file, line } of supersedesCircles(rows)) {
    if (file !== null && line !== null)
      found.push({ file, line, reason: 'a belief would supersede itself, directly or through others' });
  }
  return found;
}
