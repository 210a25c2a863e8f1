import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';

/** Something that happened to a belief, of which only the time and the name are known yet. */
export interface HistoryEvent {
  readonly at: string;
  readonly change: 'version' | 'source-linked' | 'edge-added' | 'edge-retired' | 'source-retired';
  /** Of the belief; `null` for a source or an edge. */
  readonly version: number | null;
  /** Of the source or edge. */
  readonly id: string | null;
}

export interface HistoryEvents {
  /** Oldest first; of equal times what a thing needs comes before it. */
  readonly events: readonly HistoryEvent[];
  /** How many there are of which these are the newest. */
  readonly total: number;
}

/** The newest events of a belief, at most `limit`. */
export async function historyEvents(session: Session, belief: string, limit: number): Promise<HistoryEvents> {
  const id = sql`${belief}::uuid`;
  const { rows } = await sql<HistoryEvent & { total: number }>`
    WITH edges AS (
      SELECT id, created_at, retired_at FROM valence.belief_edges WHERE source_id = ${id}
      UNION ALL
      SELECT id, created_at, retired_at FROM valence.belief_edges WHERE target_id = ${id}
    ), links AS (
      SELECT s.id, l.created_at, s.retired_at
      FROM valence.belief_sources AS l JOIN valence.sources AS s ON s.id = l.source_id WHERE l.belief_id = ${id}
    ), events (place, at, change, version, id) AS (
      SELECT 1, recorded_at, 'version', version, NULL::uuid FROM valence.belief_versions WHERE belief_id = ${id}
      UNION ALL SELECT 1, updated_at, 'version', version, NULL FROM valence.beliefs WHERE id = ${id}
      UNION ALL SELECT 2, created_at, 'source-linked', NULL, id FROM links
      UNION ALL SELECT 3, created_at, 'edge-added', NULL, id FROM edges
      UNION ALL SELECT 4, retired_at, 'edge-retired', NULL, id FROM edges WHERE retired_at IS NOT NULL
      UNION ALL SELECT 5, retired_at, 'source-retired', NULL, id FROM links WHERE retired_at IS NOT NULL
    )
    SELECT at, change, version, id, count(*) OVER () AS total FROM events
    ORDER BY events.at DESC, place DESC, version DESC, id DESC LIMIT ${limit}`.execute(session.kysely);
  const events = rows.map(({ at, change, version, id: of }) => ({ at, change, version, id: of })).reverse();
  return { events, total: rows[0]?.total ?? 0 };
}
