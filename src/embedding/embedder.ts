import { isValenceError } from '../core/errors.ts';
import type { ValenceError } from '../core/errors.ts';

/** What a text is embedded for: some models want another prefix before a question than before what may answer it. */
export type EmbeddingPurpose = 'query' | 'document';

/** Turns texts into vectors of one model. */
export interface Embedder {
  /** Its name in table models. */
  readonly model: string;
  /** Where texts go, for people: host and port. */
  readonly host: string;
  /**
   * One vector a text, in their order: finite, none of zeros only, all as long as those that the database had of the model
   * when the embedder was opened, else as the first ones it gave. Calls are made again while the endpoint is away or busy:
   * six times for documents, twice for a query, for which somebody waits.
   * @throws `embedding/unavailable`; `embedding/refused` and `embedding/malformed`, of which `isAboutText` tells whether
   *   other texts may fare better; the reason of `signal`
   */
  embed(texts: readonly string[], purpose: EmbeddingPurpose, signal?: AbortSignal): Promise<readonly Float32Array[]>;
}

/** Whether it is one of the texts that was not taken, or got no vector, and not the endpoint that is at fault. */
export function isAboutText(error: unknown): error is ValenceError {
  return isValenceError(error, 'embedding/refused', 'embedding/malformed') && error.context['aboutText'] === true;
}
