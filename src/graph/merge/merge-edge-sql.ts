import { columnsOf, differing, nameIf, namesOf, SAID, stagedTable, verdictTable } from './merge-tables.ts';

/** SQL of the verdicts on edges. An edge is known by its id; a live one that has another id here, by its ends and type. */

const KEY = ['source_id', 'type', 'target_id'];
const STAGED = stagedTable('belief_edges');
const SAME_KEY = `(${columnsOf('s', KEY)}) = (${columnsOf('l', KEY)})`;

/** Edges that are live and stay so: overwriting retires those that are retired in the snapshot. */
function standingEdges(overwrite: boolean): string {
  const retired = `SELECT FROM ${STAGED} AS s WHERE s.id = l.id AND s.retired_at IS NOT NULL AND ${SAME_KEY}`;
  const unless = overwrite ? ` AND NOT EXISTS (${retired})` : '';
  return `SELECT l.*, l.xmin::text AS seen FROM valence.belief_edges AS l WHERE l.retired_at IS NULL${unless}`;
}

/** Those of type supersedes. */
export function supersedesEdges(overwrite: boolean): string {
  return `${standingEdges(overwrite)} AND l.type = 'supersedes'`;
}

/** For `judge`, but for circles. */
export function edgeVerdicts(overwrite: boolean): string {
  const names = [nameIf('id', 's.id <> l.id'), ...namesOf([...KEY, ...SAID.belief_edges])];
  return `
    SELECT s.n, coalesce(l.id, s.id),
      CASE WHEN l.id IS NULL THEN 'new' WHEN columns = '{}' THEN 'same' WHEN reason IS NOT NULL THEN 'barred' ELSE 'differs' END,
      columns, reason, l.seen
    FROM ${STAGED} AS s
    LEFT JOIN LATERAL (
      SELECT l.*, l.xmin::text AS seen FROM valence.belief_edges AS l WHERE l.id = s.id
      UNION ALL
      SELECT l.* FROM (${standingEdges(overwrite)}) AS l
      WHERE ${SAME_KEY} AND s.retired_at IS NULL AND NOT EXISTS (SELECT FROM valence.belief_edges AS i WHERE i.id = s.id)
    ) AS l ON true
    CROSS JOIN LATERAL (
      SELECT ${differing('l.id IS NOT NULL', names)} AS columns
    ) AS compared
    CROSS JOIN LATERAL (SELECT CASE
      WHEN NOT (${SAME_KEY}) THEN 'another edge has this id here'
      WHEN columns = '{id}' THEN 'it is here under the id ' || l.id
      WHEN s.id = l.id AND s.retired_at IS NULL AND l.retired_at IS NOT NULL THEN (
        SELECT 'the same edge is live here under the id ' || k.id FROM (${standingEdges(overwrite)}) AS k
        WHERE (${columnsOf('k', KEY)}) = (${columnsOf('s', KEY)}))
      END AS reason) AS hindered`;
}

/** FROM and WHERE of the supersedes edges that become live. */
export function arrivingSupersedes(overwrite: boolean): string {
  const revived = overwrite ? ` OR (v.verdict = 'differs' AND 'retired_at' = ANY (v.columns))` : '';
  return `FROM ${STAGED} AS s JOIN ${verdictTable('belief_edges')} AS v USING (n)
    WHERE s.type = 'supersedes' AND s.retired_at IS NULL AND (v.verdict = 'new'${revived})`;
}

/** Ids of the beliefs that a live supersedes edge will point at, as far as a merge can meet them. */
export function heldBeliefs(overwrite: boolean): string {
  return `
    SELECT s.target_id ${arrivingSupersedes(overwrite)}
    UNION
    SELECT l.target_id FROM (${supersedesEdges(overwrite)}) AS l
    WHERE l.target_id IN (SELECT id FROM ${stagedTable('beliefs')})`;
}
