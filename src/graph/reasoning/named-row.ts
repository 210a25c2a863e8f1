import { isValenceError, ValenceError } from '../../core/errors.ts';
import type { Session } from '../../schema/database.ts';
import { beliefNumber } from '../arrays/graph-arrays.ts';
import type { GraphArrays } from '../arrays/graph-arrays.ts';
import { findId } from '../records/find-id.ts';
import { edgeNumber } from './ascending-ids.ts';
import { beliefsTrusting } from './belief-sets.ts';
import type { Removal } from './standing.ts';

/** What an id names, where it may name several kinds of things. */
export interface NamedRow {
  readonly kind: 'belief' | 'source' | 'edge';
  readonly id: string;
}

/**
 * The one thing among these kinds that has the id or begins with it.
 * @throws `graph/not-found` when there is none, `graph/refused` when there are several (`candidates` in its context)
 */
export async function findAny(session: Session, kinds: readonly NamedRow['kind'][], given: string): Promise<NamedRow> {
  const found: NamedRow[] = [];
  for (const kind of kinds) {
    try {
      found.push({ kind, id: await findId(session, kind, given) });
    } catch (error) {
      if (!isValenceError(error) || error.code !== 'graph/not-found') throw error;
    }
  }
  const [first, second] = found;
  if (first === undefined) {
    const names = `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1)}`;
    throw new ValenceError('graph/not-found', `no ${names} has the id ${JSON.stringify(given.slice(0, 64))}`, {
      hint: 'give a UUID, or at least its first 4 characters',
    });
  }
  if (second === undefined) return first;
  const listed = found.map(({ kind, id }) => `${kind} ${id}`).join(', ');
  throw new ValenceError('graph/refused', `several ids begin with ${given}: ${listed}`, {
    hint: 'give more of its characters',
    context: { candidates: found.map(({ id }) => id) },
  });
}

/** What is taken away when these are retired, each once. What is retired already takes nothing away. */
export async function removalOf(session: Session, arrays: GraphArrays, rows: readonly NamedRow[]): Promise<Removal> {
  const ids = (kind: NamedRow['kind']): readonly string[] => [
    ...new Set(rows.filter((row) => row.kind === kind).map(({ id }) => id)),
  ];
  const sources: Int32Array[] = [];
  for (const id of ids('source')) sources.push(await beliefsTrusting(session, arrays, id));
  return {
    beliefs: ids('belief')
      .map((id) => beliefNumber(arrays, id))
      .filter((number) => number >= 0),
    edges: ids('edge')
      .map((id) => edgeNumber(arrays, id))
      .filter((number) => number >= 0),
    sources,
  };
}
