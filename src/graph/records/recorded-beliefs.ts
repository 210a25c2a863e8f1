import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import { ValenceError } from '../../core/errors.ts';
import type { Session } from '../../schema/database.ts';
import type { BeliefsTable } from '../../schema/tables.ts';
import { uuidArray } from './uuid-array.ts';
import { checkView, holds, recordedBeliefs } from '../walk/view.ts';
import type { View } from '../walk/view.ts';
import { toBelief } from './belief-records.ts';
import type { Belief } from './belief-records.ts';
import { findId } from './find-id.ts';

/**
 * Those of the given ids that are in the view, by id: each as it had been recorded by `known_at`, and only if it holds at `as_of`.
 * `updated_at` is when what it says there was recorded. One statement at most. @throws `graph/refused` for a time that cannot be read
 */
export async function beliefsInView(
  session: Session,
  ids: readonly string[],
  view: View,
): Promise<ReadonlyMap<string, Belief>> {
  checkView(view);
  if (ids.length === 0) return new Map();
  const { rows } = await sql<Selectable<BeliefsTable>>`
    SELECT b.* FROM ${recordedBeliefs(view)} AS b
    WHERE b.id = ANY (${uuidArray(ids)}) AND ${holds('b', view)}`.execute(session.kysely);
  return new Map(rows.map((row) => [row.id, toBelief(row)]));
}

/**
 * One belief of the view. `id`: a UUID or the beginning of one.
 * @throws `graph/not-found` also where it was not known then (`recorded_from` in the context) or is not valid then
 *   (`valid_from`, `valid_until`), and the message says since when it is; `graph/refused` when several ids begin so, or for a
 *   time that cannot be read
 */
export async function recordedBelief(session: Session, id: string, view: View): Promise<Belief> {
  checkView(view);
  const found = await findId(session, 'belief', id);
  const recorded = (await beliefsInView(session, [found], { known_at: view.known_at })).get(found);
  if (recorded === undefined) throw await notKnown(session, found, view);
  if (!(await beliefsInView(session, [found], view)).has(found)) throw notValid(recorded, view);
  return recorded;
}

async function notKnown(session: Session, id: string, { known_at: knownAt }: View): Promise<ValenceError> {
  const { rows } = await sql<{ since: string; gap: boolean }>`
    SELECT since, since <= ${knownAt}::timestamptz AS gap FROM (
      SELECT least(b.updated_at, (SELECT min(recorded_at) FROM valence.belief_versions WHERE belief_id = b.id)) AS since
      FROM valence.beliefs AS b WHERE b.id = ${id}::uuid
    ) AS earliest`.execute(session.kysely);
  const { since, gap } = rows[0]!;
  // Versions that were imported need not follow one another without a gap.
  const message = gap
    ? `what belief ${id} said at ${knownAt} is not recorded`
    : `belief ${id} was not recorded before ${since}`;
  return new ValenceError('graph/not-found', message, {
    hint: `\`valence belief history ${id}\` tells what was recorded when`,
    context: { id, recorded_from: since },
  });
}

function notValid({ id, valid_from: from, valid_until: until }: Belief, { as_of: asOf }: View): ValenceError {
  const span = [...(from === null ? [] : [`from ${from}`]), ...(until === null ? [] : [`until ${until}`])].join(' ');
  return new ValenceError('graph/not-found', `belief ${id} is not valid at ${asOf}, only ${span}`, {
    hint: 'ask for a time in between, or for none',
    context: { id, valid_from: from, valid_until: until },
  });
}
