import { systemTimer } from '../core/clock.ts';
import type { Timer } from '../core/clock.ts';
import { ValenceError } from '../core/errors.ts';
import { hybridSearch } from '../graph/search/search.ts';
import type { HybridAnswer } from '../graph/search/search.ts';
import { checkFilter } from '../graph/search/search-filter.ts';
import { checkText, readTextQuery } from '../graph/search/text-query.ts';
import type { TextQuery } from '../graph/search/text-query.ts';
import { deadlineIn } from '../graph/search/time-limit.ts';
import { readVectorQuery } from '../graph/search/vector-query.ts';
import type { Database } from '../schema/database.ts';
import { requireLanguage } from '../schema/text-index.ts';
import type { AppContext } from './context.ts';
import { read } from './database-access.ts';
import { openEmbedder } from './embedder.ts';
import { embedQuery, isVector, without } from './query-embedding.ts';
import type { OpenEmbedder, QueryEmbedding } from './query-embedding.ts';
import { EXPAND_MAX, HITS_MAX } from './search-calls.ts';
import type { SearchCalls, SearchOptions, SearchResult, SearchSummary } from './search-calls.ts';
import { searchLanguage } from './search-language.ts';

const LIMIT_DEFAULT = 10;
const MS_DEFAULT = 10_000;
/** Of the time there is, so that the lists have some. */
const EMBEDDER_SHARE = 0.5;

/** What a search takes from outside the database; tests give their own. */
export interface SearchMeans {
  readonly open: OpenEmbedder;
  readonly timer: Timer;
}

/** The search of the library over one context. */
export function searchCalls(
  context: AppContext,
  means: SearchMeans = { open: openEmbedder, timer: systemTimer },
): SearchCalls {
  return { search: (text, options = {}) => search(context, means, { ...options, text }) };
}

type Search = SearchOptions & { readonly text: string };

async function search(context: AppContext, means: SearchMeans, asked: Search): Promise<SearchResult> {
  checkSearch(asked);
  const maxMs = asked.maxMs ?? MS_DEFAULT;
  const deadline = deadlineIn(maxMs, context.clock);
  const language = await searchLanguage(context);
  const database = await context.database();
  await requireLanguage(database, language);
  const text = await readTextQuery(database, language, asked.text);
  const vector = await vectorOf(context, database, { asked, means, maxMs });
  const answer = await read(context, (session) =>
    hybridSearch(session, {
      text,
      vector: isVector(vector) ? vector : null,
      filter: asked,
      limit: asked.limit ?? LIMIT_DEFAULT,
      expand: asked.expand ?? 0,
      explain: asked.explain ?? false,
      deadline,
    }),
  );
  const { hits, neighbours } = answer;
  return { hits, neighbours, summary: summarize(answer, { asked, language, text, vector }) };
}

/** @throws `graph/refused` */
function checkSearch(asked: Search): void {
  checkText(asked.text);
  checkFilter(asked);
  inRange('limit', asked.limit, [1, HITS_MAX]);
  inRange('expand', asked.expand, [0, EXPAND_MAX]);
  if (asked.maxMs !== undefined && !(asked.maxMs >= 0))
    throw new ValenceError('graph/refused', 'the time that a search may take is no number of milliseconds');
  if (asked.textOnly === true && (asked.vector ?? asked.model) !== undefined)
    throw new ValenceError('graph/refused', 'full text alone compares no vectors: it goes with no model and no vector');
  if (asked.text.trim() !== '' || asked.vector !== undefined) return;
  throw new ValenceError('graph/refused', 'there is nothing to search for', { hint: 'give a text, or a vector' });
}

function inRange(name: string, value: number | undefined, [least, most]: readonly [number, number]): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  throw new ValenceError('graph/refused', `${name} is a whole number from ${least} to ${most}`);
}

async function vectorOf(
  context: AppContext,
  database: Database,
  { asked, means, maxMs }: { readonly asked: Search; readonly means: SearchMeans; readonly maxMs: number },
): Promise<QueryEmbedding> {
  if (asked.vector !== undefined) {
    const model = asked.vector.model ?? asked.model ?? (await context.config())?.search.model ?? null;
    return readVectorQuery(database, model, Array.from(asked.vector.values));
  }
  if (asked.textOnly === true) return without('text-only', 'full text alone was asked for');
  return embedQuery(context, { ...means, text: asked.text, model: asked.model, maxMs: maxMs * EMBEDDER_SHARE });
}

interface Searched {
  readonly asked: Search;
  readonly language: string;
  readonly text: TextQuery | null;
  readonly vector: QueryEmbedding;
}

function summarize(answer: HybridAnswer, { asked, language, text, vector }: Searched): SearchSummary {
  return {
    type: 'search',
    hits: answer.hits.length,
    neighbours: answer.neighbours.length,
    language,
    model: isVector(vector) ? vector.model.name : null,
    text: answer.text && { matches: answer.text.matches.length, indexed: answer.text.indexed },
    withoutText: text !== null ? null : asked.text.trim() === '' ? 'no-text' : 'no-words',
    vector: answer.vector && { matches: answer.vector.matches.length, exact: answer.vector.exact },
    withoutVectors: isVector(vector) ? null : vector,
    as_of: asked.as_of ?? null,
    known_at: asked.known_at ?? null,
    stopped: answer.stopped,
  };
}
