import { sql } from 'kysely';
import type { Check } from './finding.ts';

/** What is allowed and perhaps not meant. */
export const NOTICE_CHECKS: readonly Check[] = [
  {
    code: 'version-gap',
    severity: 'notice',
    what: 'beliefs of whose earlier versions some are not kept, as after an import that gives a version alone',
    todo: 'restore or merge a backup that has them, if they are missed',
    rows: sql`
        SELECT b.id FROM valence.beliefs AS b
        LEFT JOIN (SELECT belief_id, count(*) AS kept FROM valence.belief_versions GROUP BY belief_id) AS v ON v.belief_id = b.id
        WHERE coalesce(v.kept, 0) < b.version - 1`,
  },
  {
    code: 'never-valid',
    severity: 'notice',
    what: 'live edges that are valid at no time, since their validity and that of their ends do not meet',
    todo: 'set the validity of the beliefs right, or retire the edges',
    // A new belief begins where the one it supersedes ends: there it is the edge and the new one that must meet.
    rows: sql`
        SELECT e.id FROM valence.belief_edges AS e
        JOIN valence.beliefs AS a ON a.id = e.source_id JOIN valence.beliefs AS b ON b.id = e.target_id
        WHERE e.retired_at IS NULL AND (
          greatest(e.valid_from, a.valid_from) >= least(e.valid_until, a.valid_until)
          OR e.type <> 'supersedes'
            AND greatest(e.valid_from, a.valid_from, b.valid_from) >= least(e.valid_until, a.valid_until, b.valid_until))`,
  },
  {
    code: 'edge-at-archived',
    severity: 'notice',
    what: 'live edges at a belief that is archived',
    todo: 'retire them if what they say went with the belief',
    rows: sql`
        SELECT e.id FROM valence.belief_edges AS e
        JOIN valence.beliefs AS a ON a.id = e.source_id JOIN valence.beliefs AS b ON b.id = e.target_id
        WHERE e.retired_at IS NULL AND e.type <> 'supersedes' AND 'archived' IN (a.status, b.status)`,
  },
  {
    code: 'sources-retired',
    severity: 'notice',
    what: 'beliefs in use whose every source is retired',
    todo: 'name another source, or retire them; `valence graph propagate` tells which of them have a ground left',
    rows: sql`
        SELECT l.belief_id AS id FROM valence.belief_sources AS l
        JOIN valence.beliefs AS b ON b.id = l.belief_id JOIN valence.sources AS s ON s.id = l.source_id
        WHERE b.status IN ('active', 'disputed') GROUP BY l.belief_id HAVING bool_and(s.retired_at IS NOT NULL)`,
  },
  {
    code: 'weight-zero',
    severity: 'notice',
    what: 'live edges of weight 0, which no strength and no strongest path goes over',
    todo: 'give them a weight, or retire them',
    rows: sql`SELECT id FROM valence.belief_edges WHERE retired_at IS NULL AND weight = 0`,
  },
  {
    code: 'isolated',
    severity: 'notice',
    what: 'beliefs in use that no live edge joins to another',
    todo: 'nothing, or join them with `valence graph add-edge`',
    rows: sql`
        SELECT b.id FROM valence.beliefs AS b WHERE b.status IN ('active', 'disputed')
          AND NOT EXISTS (SELECT FROM valence.belief_edges AS e WHERE e.source_id = b.id AND e.retired_at IS NULL)
          AND NOT EXISTS (SELECT FROM valence.belief_edges AS e WHERE e.target_id = b.id AND e.retired_at IS NULL)`,
  },
];

/** The same of beliefs that something supersedes which is not valid yet. `now`: ISO 8601. */
export function supersedesLater(now: string): Check {
  return {
    code: 'supersedes-later',
    severity: 'notice',
    what: 'live edges by which a belief is superseded by one that is not valid yet',
    todo: 'nothing, if that is a plan: the old belief is superseded already, and the new one not yet in force',
    rows: sql`
        SELECT e.id FROM valence.belief_edges AS e JOIN valence.beliefs AS a ON a.id = e.source_id
        WHERE e.retired_at IS NULL AND e.type = 'supersedes' AND greatest(e.valid_from, a.valid_from) > ${now}::timestamptz`,
  };
}
