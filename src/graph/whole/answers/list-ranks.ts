import { sql } from 'kysely';
import { ValenceError } from '../../../core/errors.ts';
import type { Session } from '../../../schema/database.ts';
import { beliefMask, edgeMask } from '../../arrays/edge-mask.ts';
import { beliefId, beliefNumber } from '../../arrays/graph-arrays.ts';
import type { GraphArrays } from '../../arrays/graph-arrays.ts';
import type { Belief } from '../../records/belief-records.ts';
import type { EdgeType } from '../../records/vocabulary.ts';
import { recordedBeliefs } from '../../walk/view.ts';
import type { View } from '../../walk/view.ts';
import { highest } from '../highest.ts';
import { pageRank } from '../pagerank.ts';
import { supportSums, voters } from '../votes.ts';
import { beliefsAt, numberOf, ROWS_DEFAULT, scopeOf, typesWalked } from './whole-query.ts';
import type { Listing, Scope, WholeOptions } from './whole-query.ts';

export type Ranking = 'pagerank' | 'support';

export interface RankOptions extends WholeOptions {
  /** `pagerank` when left out. */
  readonly by?: Ranking | undefined;
  /** Only with `pagerank`: importance as seen from these beliefs. */
  readonly around?: readonly string[] | undefined;
  /** Lists only beliefs of this domain; what counts for their scores stays the same. */
  readonly domain?: string | undefined;
}

export interface Rank {
  readonly type: 'rank';
  /** From 1, among the beliefs that could be listed. */
  readonly place: number;
  /** `pagerank`: its part of 1. `support`: the sum of weight × confidence of what speaks for it. */
  readonly score: number;
  readonly belief: Belief;
}

export interface RanksSummary extends Scope {
  readonly type: 'ranks';
  readonly by: Ranking;
  /** All that have a rank, of whatever domain. */
  readonly beliefs: number;
  /** Ids; empty: from all alike. */
  readonly around: readonly string[];
  readonly domain: string | null;
}

/** The types that count in each; others have no voice in it, whatever is asked. */
const COUNTED: Readonly<Record<Ranking, readonly EdgeType[]>> = {
  pagerank: ['supports', 'supersedes', 'derives_from'],
  support: ['supports', 'derives_from'],
};

/** Beliefs by importance, highest first, equal ones by id. @throws `graph/not-found`, `graph/refused` for what was asked wrongly */
export async function listRanks(
  session: Session,
  arrays: GraphArrays,
  options: RankOptions = {},
): Promise<Listing<Rank, RanksSummary>> {
  const { by = 'pagerank', domain = null, limit = ROWS_DEFAULT } = options;
  const around = await startingBeliefs(session, arrays, options);
  const present = beliefMask(arrays, options.as_of);
  const scores = scoresOf(arrays, { ...options, by }, { present, around });
  const beliefs = numbersOf(present);
  const listed = domain === null ? beliefs : await ofDomain(session, arrays, { domain, present, view: options });
  const first = highest(listed, scores, limit);
  const shown = await beliefsAt(session, arrays, first, options);
  const rows = shown.map((belief, index): Rank => {
    return { type: 'rank', place: index + 1, score: scores[first[index]!]!, belief };
  });
  const types = typesWalked(options).filter((type) => COUNTED[by].includes(type));
  const scope = scopeOf(options, types, { shown: rows.length, of: listed.length });
  const ids = around.map((number) => beliefId(arrays, number));
  return { rows, summary: { type: 'ranks', by, beliefs: beliefs.length, around: ids, domain, ...scope } };
}

function scoresOf(
  arrays: GraphArrays,
  { by, types, as_of: asOf }: RankOptions,
  { present, around }: { readonly present: Uint8Array; readonly around: readonly number[] },
): Float64Array {
  const edges = edgeMask(arrays, { types, asOf });
  if (by === 'support') return supportSums(arrays, edges);
  return pageRank({
    voters: voters(arrays, edges),
    beliefs: present,
    around: around.length === 0 ? undefined : around,
  });
}

/** Ascending, each once. */
async function startingBeliefs(
  session: Session,
  arrays: GraphArrays,
  { around = [], by, ...view }: RankOptions,
): Promise<readonly number[]> {
  if (around.length > 0 && by === 'support') {
    throw new ValenceError('graph/refused', 'support does not depend on where it is seen from', {
      hint: 'rank by pagerank around a belief, or by support around none',
    });
  }
  const numbers = new Set<number>();
  for (const id of around) numbers.add(await numberOf(session, arrays, id, view));
  return [...numbers].sort((one, other) => one - other);
}

/** Those beliefs of the view that are in a domain. */
async function ofDomain(
  session: Session,
  arrays: GraphArrays,
  { domain, present, view }: { readonly domain: string; readonly present: Uint8Array; readonly view: View },
): Promise<Int32Array> {
  const { rows } = await sql<{ id: string }>`
    SELECT b.id FROM ${recordedBeliefs(view)} AS b WHERE ${domain} = ANY (b.domains)`.execute(session.kysely);
  return Int32Array.from(rows, ({ id }) => beliefNumber(arrays, id)).filter((number) => present[number] === 1);
}

function numbersOf(mask: Uint8Array): Int32Array {
  return Int32Array.from(mask.keys()).filter((number) => mask[number] === 1);
}
