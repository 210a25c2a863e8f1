import type { Clock, Timer } from '../core/clock.ts';
import { sleep } from '../core/clock.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import type { Embedder, EmbeddingPurpose } from './embedder.ts';
import { post } from './endpoint.ts';
import type { EndpointAnswer, EndpointOptions } from './endpoint.ts';
import { knowsNoFormat, refusalOf } from './endpoint-refusal.ts';
import { safeExcerpt } from './safe-excerpt.ts';
import { readVectors } from './vector-answer.ts';

export interface OpenAiEmbedderOptions {
  /** Its name in table models. */
  readonly model: string;
  /** Base of its calls, without a slash at its end. */
  readonly url: string;
  /** What the endpoint calls the model. */
  readonly modelThere: string;
  /** A secret; null: none is sent. */
  readonly key: string | null;
  /** Sent along; null: not. */
  readonly dimensions: number | null;
  /** How long its vectors must be; null: as long as the first. */
  readonly length: number | null;
  readonly queryPrefix: string;
  readonly documentPrefix: string;
  /** Characters of a text, without its prefix; what is longer is cut there. */
  readonly maxChars: number;
  /** For one try of one call. */
  readonly timeoutMs: number;
  readonly timer: Timer;
  readonly clock: Clock;
}

/** Of one call, the first included. */
const TRIES: Readonly<Record<EmbeddingPurpose, number>> = { document: 6, query: 2 };
/** Before the second try; before each further one twice as much. */
const FIRST_PAUSE_MS = 500;
/** Table models takes no more. */
const LENGTH_MAX = 16_000;
/** Of an answer: a number is at most some 25 characters, and what stands around the vectors is little. */
const BYTES_A_NUMBER = 32;
const BYTES_AROUND = 256 * 1024;

/** The embeddings call of OpenAI's API, as Ollama, llama.cpp, vLLM, LM Studio and others have it. Asks nothing yet. */
export function openAiEmbedder(options: OpenAiEmbedderOptions): Embedder {
  return new OpenAiEmbedder(options);
}

class OpenAiEmbedder implements Embedder {
  readonly model: string;
  readonly host: string;
  readonly #options: OpenAiEmbedderOptions;
  readonly #endpoint: EndpointOptions;
  #length: number | null;
  /** Not once the endpoint has said that it does not know the field. */
  #namesFormat = true;

  constructor(options: OpenAiEmbedderOptions) {
    const url = new URL(`${options.url}/embeddings`);
    const { model, key, timeoutMs, timer, clock } = options;
    this.model = model;
    this.host = url.host;
    this.#options = options;
    this.#endpoint = { name: `embedder ${model} at ${url.host}`, url, key, timeoutMs, timer, clock };
    this.#length = options.length;
  }

  async embed(
    texts: readonly string[],
    purpose: EmbeddingPurpose,
    signal?: AbortSignal,
  ): Promise<readonly Float32Array[]> {
    if (texts.length === 0) return [];
    const { queryPrefix, documentPrefix, maxChars } = this.#options;
    const prefix = purpose === 'query' ? queryPrefix : documentPrefix;
    const input = texts.map((text) => prefix + cut(text, maxChars));
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#once(input, signal);
      } catch (error) {
        if (!isValenceError(error, 'embedding/unavailable')) throw error;
        if (tries === TRIES[purpose]) throw tired(error, tries);
        const asked = error.context['retryAfterMs'];
        const pauseMs = FIRST_PAUSE_MS * 2 ** (tries - 1);
        await sleep(this.#options.timer, Math.max(pauseMs, typeof asked === 'number' ? asked : 0), signal);
      }
    }
  }

  async #once(input: readonly string[], signal: AbortSignal | undefined): Promise<readonly Float32Array[]> {
    let answer = await this.#ask(input, signal);
    if (this.#namesFormat && knowsNoFormat(answer)) {
      this.#namesFormat = false;
      answer = await this.#ask(input, signal);
    }
    if (answer.status !== 200) throw refusalOf(this.#endpoint, answer, this.#options.modelThere);
    const { vectors, ...found } = readVectors(answer.body, input.length, this.#length);
    if (vectors === null) throw this.#malformed(answer.body, found);
    const { length } = vectors[0]!;
    if (length > LENGTH_MAX) throw this.#malformed('', { problem: `a vector has ${length} numbers` });
    // Another call may have been the first meanwhile.
    if ((this.#length ??= length) === length) return vectors;
    throw this.#malformed('', { problem: `a vector has ${length} numbers, where the model's have ${this.#length}` });
  }

  #ask(input: readonly string[], signal: AbortSignal | undefined): Promise<EndpointAnswer> {
    const { modelThere, dimensions } = this.#options;
    const body = {
      model: modelThere,
      input,
      ...(this.#namesFormat ? { encoding_format: 'float' } : {}),
      ...(dimensions === null ? {} : { dimensions }),
    };
    const bytesMax = BYTES_AROUND + input.length * (this.#length ?? LENGTH_MAX) * BYTES_A_NUMBER;
    return post(this.#endpoint, body, bytesMax, signal);
  }

  #malformed(body: string, found: { readonly problem: string | null; readonly isAboutText?: boolean }): ValenceError {
    const isAboutText = found.isAboutText === true;
    const said = isAboutText ? '' : safeExcerpt(body.slice(0, 100), this.#endpoint.key);
    const message = `${this.#endpoint.name}: ${found.problem}${said === '' ? '' : `: ${said}`}`;
    return new ValenceError('embedding/malformed', message, {
      hint: isAboutText
        ? undefined
        : 'see that url is the base of an OpenAI-compatible API, and that the model there is the one it was',
      context: isAboutText ? { aboutText: true } : {},
    });
  }
}

/** At most so many characters, none of them halved. */
function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : [...text.slice(0, 2 * maxChars)].slice(0, maxChars).join('');
}

function tired(error: ValenceError, tries: number): ValenceError {
  return new ValenceError(error.code, `${error.message} (${tries} tries)`, {
    hint: error.hint,
    context: { ...error.context, tries },
    cause: error,
  });
}
