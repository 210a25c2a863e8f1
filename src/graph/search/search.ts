import type { Session } from '../../schema/database.ts';
import type { Belief } from '../records/belief-records.ts';
import { beliefsInView } from '../records/recorded-beliefs.ts';
import { expandHits } from './expansion.ts';
import type { Via } from './expansion.ts';
import { explainMatches } from './explanation.ts';
import type { Explanation } from './explanation.ts';
import { fuseRanks } from './reciprocal-ranks.ts';
import type { SearchFilter } from './search-filter.ts';
import { textList } from './text-list.ts';
import type { TextList } from './text-list.ts';
import type { TextQuery } from './text-query.ts';
import { halfOf, withinTime } from './time-limit.ts';
import type { Deadline } from './time-limit.ts';
import { vectorList } from './vector-list.ts';
import type { VectorList } from './vector-list.ts';
import type { VectorQuery } from './vector-query.ts';

export interface HybridQuery {
  /** `null`: no text, or nothing to look for in it. */
  readonly text: TextQuery | null;
  /** `null`: without vectors. */
  readonly vector: VectorQuery | null;
  readonly filter: SearchFilter;
  /** Hits at most. */
  readonly limit: number;
  /** Hops from hits to beliefs that are added; 0 for none. */
  readonly expand: number;
  readonly explain: boolean;
  readonly deadline: Deadline;
}

/** A belief that a search found. */
export interface SearchHit {
  readonly type: 'hit';
  /** Σ 1 / (60 + rank) over the lists that have it. */
  readonly score: number;
  /** Its place in each list that has it, 1 being the best. */
  readonly ranks: ListNumbers;
  /** What placed it there: cover density in the text, cosine of the vectors. */
  readonly scores: ListNumbers;
  readonly belief: Belief;
  /** Where it was asked for and the text met something. */
  readonly explanation?: Explanation | undefined;
}

export interface ListNumbers {
  readonly text?: number | undefined;
  readonly vector?: number | undefined;
}

/** A belief near hits, which the search itself did not find. */
export interface SearchNeighbour {
  readonly type: 'neighbour';
  readonly via: Via;
  readonly belief: Belief;
}

/** What cut an answer short. `candidates`: more texts matched than were ranked; `neighbours`: more are near than are shown. */
export type SearchLimit = 'candidates' | 'neighbours' | 'time';

export interface HybridAnswer {
  /** Best first, equal scores by id. */
  readonly hits: readonly SearchHit[];
  readonly neighbours: readonly SearchNeighbour[];
  /** `null`: there was no such list. */
  readonly text: TextList | null;
  readonly vector: VectorList | null;
  readonly stopped: SearchLimit | null;
}

/** How much longer than the answer a list is, so that what is far down in one can rise by the other. */
const DEPTH_FACTOR = 4;
const DEPTH_MIN = 100;
const DEPTH_MAX = 1000;

/** Hits asked for at most. */
export const HITS_MAX = 1000;

/**
 * Full text and vectors, each a list of what passes the filter, joined by reciprocal rank fusion (docs/decisions/0016,
 * "Search"). In a transaction that reads one state. Of what time cut short the rest is given.
 */
export async function hybridSearch(session: Session, query: HybridQuery): Promise<HybridAnswer> {
  const { filter, deadline } = query;
  const limit = Math.min(DEPTH_MAX, Math.max(DEPTH_MIN, DEPTH_FACTOR * query.limit));
  // Neither list may leave the other without time.
  const vector =
    query.vector === null
      ? null
      : await vectorList(session, { query: query.vector, filter, limit, deadline: halfOf(deadline) });
  const text = query.text === null ? null : await textList(session, { query: query.text, filter, limit, deadline });
  const hits = await hitsOf(session, query, { text, vector });
  const expansion = await expandHits(
    session,
    hits.map((hit) => hit.belief.id),
    { hops: query.expand, view: filter, deadline },
  );
  const beliefs = await beliefsInView(
    session,
    expansion.reached.map(({ id }) => id),
    filter,
  );
  const neighbours = expansion.reached.map(({ id, ...via }): SearchNeighbour => {
    return { type: 'neighbour', via, belief: beliefs.get(id)! };
  });
  const limits = [vector?.stopped, text === null ? null : stoppedOf(text, hits), expansion.stopped];
  const stopped = limits.includes('time') ? 'time' : (limits.find((one) => typeof one === 'string') ?? null);
  return { hits, neighbours, text, vector, stopped };
}

/** That not all with some of the words were ranked is of no matter where none of them is shown. */
function stoppedOf({ matches, stopped }: TextList, hits: readonly SearchHit[]): SearchLimit | null {
  if (stopped !== 'candidates' || matches.every(({ all }) => all)) return stopped;
  const partial = new Set(matches.filter(({ all }) => !all).map(({ id }) => id));
  return hits.some(({ belief }) => partial.has(belief.id)) ? stopped : null;
}

async function hitsOf(
  session: Session,
  { text: textQuery, filter, limit, explain, deadline }: HybridQuery,
  { text, vector }: Pick<HybridAnswer, 'text' | 'vector'>,
): Promise<readonly SearchHit[]> {
  const texts = new Map(text?.matches.map(({ id, score }) => [id, score]));
  const vectors = new Map(vector?.matches.map(({ id, similarity }) => [id, similarity]));
  const fused = fuseRanks({ text: [...texts.keys()], vector: [...vectors.keys()] }).slice(0, limit);
  const ids = fused.map(({ id }) => id);
  const beliefs = await beliefsInView(session, ids, filter);
  const explained =
    explain && textQuery !== null
      ? await withinTime(session, { deadline }, () => explainMatches(session, ids, { query: textQuery, view: filter }))
      : null;
  return fused.map(({ id, score, ranks }): SearchHit => {
    const explanation = explained?.get(id);
    return {
      type: 'hit',
      score,
      ranks,
      scores: {
        ...(texts.has(id) && { text: texts.get(id) }),
        ...(vectors.has(id) && { vector: vectors.get(id) }),
      },
      belief: beliefs.get(id)!,
      ...(explanation !== undefined && { explanation }),
    };
  });
}
