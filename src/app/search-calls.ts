import type { Explanation } from '../graph/search/explanation.ts';
import type { Via } from '../graph/search/expansion.ts';
import { HITS_MAX } from '../graph/search/search.ts';
import type { SearchHit, SearchLimit, SearchNeighbour } from '../graph/search/search.ts';
import type { SearchFilter, ProvenanceFilter } from '../graph/search/search-filter.ts';

export type { Explanation, SearchFilter, SearchHit, SearchLimit, SearchNeighbour, ProvenanceFilter, Via };

/** The most hops that hits are expanded by. */
export const EXPAND_MAX = 10;
export { HITS_MAX };

export interface SearchOptions extends SearchFilter {
  /** Hits at most, 1 to 1,000; 10 when left out. */
  readonly limit?: number | undefined;
  /** The model whose vectors are compared; left out, `search.model` of `valence.yaml`, else the only one there is. */
  readonly model?: string | undefined;
  /** What beliefs are compared with, instead of the embedding of the text. Its model comes before `model`. */
  readonly vector?: { readonly model?: string | undefined; readonly values: Iterable<number> } | undefined;
  /** Without vectors, so without `model` and `vector` too. */
  readonly textOnly?: boolean | undefined;
  /** Hops from hits to beliefs that are added, 0 to 10; 0 when left out. */
  readonly expand?: number | undefined;
  /** With the words that each hit met, and where. */
  readonly explain?: boolean | undefined;
  /** Milliseconds; 10,000 when left out. The embedder may take half of them. */
  readonly maxMs?: number | undefined;
}

export interface SearchResult {
  /** Best first, equal scores by id. */
  readonly hits: readonly SearchHit[];
  /** What `expand` added: by hops, then by the place of the hit. */
  readonly neighbours: readonly SearchNeighbour[];
  readonly summary: SearchSummary;
}

/** What was searched, and what was not. */
export interface SearchSummary {
  readonly type: 'search';
  readonly hits: number;
  readonly neighbours: number;
  /** In which texts were taken apart into words. */
  readonly language: string;
  /** Whose vectors were compared; `null`: no vectors were. */
  readonly model: string | null;
  /** What full text found; `null`: `withoutText` says why it was not asked. */
  readonly text: TextSummary | null;
  readonly withoutText: WithoutText | null;
  /** What vectors found; `null`: `withoutVectors` says why none were compared. */
  readonly vector: VectorSummary | null;
  readonly withoutVectors: WithoutVectors | null;
  /** The times that were asked for; `null` where none was. */
  readonly as_of: string | null;
  readonly known_at: string | null;
  /** What cut the answer short; `null`: nothing did. */
  readonly stopped: SearchLimit | null;
}

export interface TextSummary {
  /** Length of the list that went into the answer. */
  readonly matches: number;
  /** By the index, or by reading every text. */
  readonly indexed: boolean;
}

export interface VectorSummary {
  readonly matches: number;
  /** Whether everything that passes the filter was compared; else an index led to what was. */
  readonly exact: boolean;
}

/** `no-words`: the text holds only words that are too common to search for, punctuation, or what to leave out. */
export type WithoutText = 'no-text' | 'no-words';

export interface WithoutVectors {
  /** `no-embeddings`: the model has none. `embedder-failed`: it is away, too slow, or answers nonsense. */
  readonly reason: 'text-only' | 'no-embedder' | 'no-embeddings' | 'embedder-failed';
  /** For people. */
  readonly message: string;
}

/** What `valence search` calls; `search.ts` implements it. What a search means is docs/decisions/0016-graph-queries.md. */
export interface SearchCalls {
  /**
   * Beliefs that a text or vector finds, by full text and vectors fused. The text is read as in a web search: words,
   * "phrases", `or`, and `-` before what is to be left out; it may be empty where there is a vector. Without a vector, it
   * is embedded where an embedder is configured; one that fails is left out, and the summary says so.
   * @throws `graph/refused` for what cannot be searched, `graph/not-found` for a model that is not there, `config/invalid`
   *   for a language that the database does not know, and for a `model` that has no embedder, where no `vector` is given
   */
  search(text: string, options?: SearchOptions): Promise<SearchResult>;
}
