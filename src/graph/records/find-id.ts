import { sql } from 'kysely';
import { ValenceError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { Session } from '../../schema/database.ts';

type Named = 'belief' | 'edge' | 'source';

const TABLES: Readonly<Record<Named, string>> = { belief: 'beliefs', edge: 'belief_edges', source: 'sources' };
const PREFIX_CHARACTERS_MIN = 4;
const CANDIDATES_SHOWN_MAX = 10;

/**
 * The id that a text means: a UUID, or the beginning of one, of at least four hexadecimal characters, that only one row has.
 * @throws `graph/not-found` when there is none, `graph/refused` when there are several (`candidates` in its context)
 */
export async function findId(session: Session, what: Named, given: string): Promise<string> {
  const hex = given.toLowerCase().replaceAll('-', '');
  if (!isUuid(given) && (!/^[0-9a-f-]+$/i.test(given) || hex.length < PREFIX_CHARACTERS_MIN || hex.length > 32)) {
    throw new ValenceError('graph/not-found', `${JSON.stringify(given.slice(0, 64))} is no id of a ${what}`, {
      hint: `give a UUID, or at least its first ${PREFIX_CHARACTERS_MIN} characters`,
    });
  }
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM ${sql.raw(`valence.${TABLES[what]}`)}
    WHERE id BETWEEN ${hex.padEnd(32, '0')}::uuid AND ${hex.padEnd(32, 'f')}::uuid
    ORDER BY id LIMIT ${CANDIDATES_SHOWN_MAX + 1}`.execute(session.kysely);
  const [first, second] = rows;
  if (first === undefined) throw new ValenceError('graph/not-found', `no ${what} has the id ${given}`);
  if (second === undefined) return first.id;
  const candidates = rows.slice(0, CANDIDATES_SHOWN_MAX).map(({ id }) => id);
  const listed = `${candidates.join(', ')}${rows.length > candidates.length ? ' and others' : ''}`;
  throw new ValenceError('graph/refused', `several ids begin with ${given}: ${listed}`, {
    hint: 'give more of its characters',
    context: { candidates },
  });
}
