import { sql } from 'kysely';
import type { Session } from '../../../schema/database.ts';
import { supersedesCircles } from '../../records/supersedes-circles.ts';
import type { GraphFinding } from './finding.ts';

const EXAMPLES_MAX = 10;

interface Row {
  readonly id: string;
  readonly source: string;
  readonly target: string;
}

/** The database narrows the edges down to those behind a circle, in linear time; of these the circles are found here. */
export async function supersedesCircleFinding(session: Session): Promise<GraphFinding | null> {
  const { rows } = await sql<Row>`
    WITH edges AS MATERIALIZED (
      SELECT id, source_id AS source, target_id AS target FROM valence.belief_edges
      WHERE type = 'supersedes' AND retired_at IS NULL
    ), behind (belief) AS MATERIALIZED (
      SELECT valence.beliefs_behind_cycles(
        (SELECT array_agg(source ORDER BY id) FROM edges), (SELECT array_agg(target ORDER BY id) FROM edges))
    )
    SELECT id, source, target FROM edges
    WHERE source IN (SELECT belief FROM behind) AND target IN (SELECT belief FROM behind) ORDER BY id`.execute(
    session.kysely,
  );
  const circles = supersedesCircles(rows);
  if (circles.length === 0) return null;
  return {
    type: 'graph-finding',
    code: 'supersedes-circle',
    severity: 'error',
    what: 'live edges by which beliefs supersede themselves through others, or that join two such circles',
    count: circles.length,
    examples: circles
      .map(({ id }) => id)
      .toSorted()
      .slice(0, EXAMPLES_MAX),
    todo: 'retire one edge of each circle with `valence graph retire-edge`',
  };
}
