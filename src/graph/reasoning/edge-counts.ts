import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { holds, isLive, recordedBeliefs } from '../walk/view.ts';
import type { View } from '../walk/view.ts';

/** SQL: whether an edge, called `edge`, counts in this view: live and valid, and both its ends known and valid. */
export function edgeCounts(edge: string, view: View): RawBuilder<boolean> {
  if (view.as_of === undefined && view.known_at === undefined) return isLive(edge, view);
  const end = (column: string): RawBuilder<boolean> => sql<boolean>`
    EXISTS (SELECT FROM ${recordedBeliefs(view)} AS b WHERE b.id = ${sql.raw(`${edge}.${column}`)} AND ${holds('b', view)})`;
  return sql<boolean>`(${isLive(edge, view)} AND ${holds(edge, view)} AND ${end('source_id')} AND ${end('target_id')})`;
}
