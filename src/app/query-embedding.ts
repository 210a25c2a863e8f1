import { isValenceError } from '../core/errors.ts';
import type { Timer } from '../core/clock.ts';
import { checkVector, hasEmbeddings, searchedModels } from '../graph/search/vector-query.ts';
import type { VectorQuery } from '../graph/search/vector-query.ts';
import type { AppContext } from './context.ts';
import type { openEmbedder } from './embedder.ts';
import type { WithoutVectors } from './search-calls.ts';

export type OpenEmbedder = typeof openEmbedder;

/** What a text becomes: a vector, or the reason why there is none. */
export type QueryEmbedding = VectorQuery | WithoutVectors;

export interface EmbeddingRequest {
  readonly text: string;
  /** That was asked for by name. */
  readonly model: string | undefined;
  readonly maxMs: number;
  readonly open: OpenEmbedder;
  readonly timer: Timer;
}

/**
 * Embeds the text of a search. Whatever the embedder does, there is an answer in time, so that full text can give its own.
 * @throws `config/invalid` when the model was asked for by name and cannot be had; the reason of the context's signal
 */
export async function embedQuery(context: AppContext, request: EmbeddingRequest): Promise<QueryEmbedding> {
  try {
    const embedder = await request.open(context, request.model);
    if (embedder === null) return without('no-embedder', 'no embedder is configured, so full text alone was searched');
    const database = await context.database();
    const model = (await searchedModels(database)).find(({ name }) => name === embedder.model);
    if (model === undefined || !(await hasEmbeddings(database, model)))
      return without('no-embeddings', `no belief has an embedding of ${embedder.model}; \`valence embed\` makes them`);
    const [values] = await inTime(context.signal, request, (signal) => embedder.embed([request.text], 'query', signal));
    const query = { model, values: Array.from(values ?? []) };
    checkVector(query);
    return query;
  } catch (error) {
    context.signal.throwIfAborted();
    if (request.model !== undefined && isValenceError(error, 'config/invalid')) throw error;
    return without('embedder-failed', `full text alone was searched: ${messageOf(error)}${remedy(error)}`);
  }
}

/** What to write into the configuration, where that is what is wrong. */
function remedy(error: unknown): string {
  return isValenceError(error, 'config/invalid') && error.hint !== undefined ? ` (${error.hint})` : '';
}

export function isVector(embedding: QueryEmbedding): embedding is VectorQuery {
  return 'values' in embedding;
}

export function without(reason: WithoutVectors['reason'], message: string): WithoutVectors {
  return { reason, message };
}

/** Rejects when time is up, also where the embedder takes no notice of its signal. */
async function inTime<T>(
  signal: AbortSignal,
  { maxMs, timer }: EmbeddingRequest,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const stop = timer.after(maxMs, () => late.abort(new Error(`the embedder took longer than ${maxMs / 1000} s`)));
  const either = AbortSignal.any([signal, late.signal]);
  try {
    return await Promise.race([run(either), rejection(either)]);
  } finally {
    stop();
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'the embedder failed';
}
