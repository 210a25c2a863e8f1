import { ValenceError } from '../core/errors.ts';
import type { EndpointAnswer, EndpointOptions } from './endpoint.ts';
import { safeExcerpt } from './safe-excerpt.ts';

/** What an answer that is not 200 means. Servers differ in their statuses, so that their words count too. */

const BUSY: readonly number[] = [408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529];
/** Ollama and llama.cpp say it with a 400, 413 or 500. */
const TOO_LONG =
  /too (large|long)|(context|input|token|sequence).{0,40}exceed|exceed.{0,60}(context|length|token|character)|context (length|size|window)/is;
const NO_MODEL = /model\b.{0,200}(not (found|exist|loaded)|no such|unknown|does(n't| not) exist)|model_not_found/is;
/** Money, which no waiting brings. */
const NO_QUOTA = /insufficient_quota|billing/i;

interface Meaning {
  readonly holds: (answer: EndpointAnswer) => boolean;
  readonly hint: (endpoint: EndpointOptions, modelThere: string) => string;
  readonly isAboutText?: boolean;
  readonly isTransient?: boolean;
}

/** The first that holds; the last one always does. */
const MEANINGS: readonly Meaning[] = [
  {
    holds: ({ status }) => status === 401 || status === 403,
    hint: ({ key }) =>
      key === null
        ? 'it wants a key: set key of the embedder in valence.yaml to env:NAME or file:PATH'
        : 'see that the key is right and may be used for embeddings',
  },
  {
    holds: ({ status }) => status >= 300 && status < 400,
    hint: () => 'write the address that it leads to as url of the embedder',
  },
  {
    holds: ({ status, body }) => status === 429 && NO_QUOTA.test(body),
    hint: () => 'look at the account at the service',
  },
  {
    holds: ({ status, body }) => status !== 429 && TOO_LONG.test(body),
    hint: () => 'lower max-chars of the embedder in valence.yaml',
    isAboutText: true,
  },
  {
    holds: ({ status, body }) => status < 500 && NO_MODEL.test(body),
    hint: (_, modelThere) =>
      `load it there, e.g. \`ollama pull ${modelThere}\`, or correct model of the embedder in valence.yaml`,
  },
  {
    holds: ({ status }) => BUSY.includes(status),
    hint: () => 'look at the log of the server; what was stored is kept',
    isTransient: true,
  },
  {
    holds: ({ status }) => status === 404 || status === 405,
    hint: () => 'url of the embedder is the base of its calls, e.g. http://localhost:11434/v1',
  },
  {
    holds: ({ body }) => /dimensions/i.test(body),
    hint: () => 'take dimensions out of the embedder in valence.yaml',
  },
  {
    holds: ({ status }) => status === 400 || status === 413 || status === 422,
    hint: () => 'see what the endpoint says of the text',
    isAboutText: true,
  },
  { holds: () => true, hint: () => 'see what the endpoint says' },
];

/** The error of such an answer; `modelThere`: what the endpoint calls the model. */
export function refusalOf(endpoint: EndpointOptions, answer: EndpointAnswer, modelThere: string): ValenceError {
  const { status, body, retryAfterMs } = answer;
  const read = body.slice(0, CHARACTERS_READ_MAX);
  const {
    hint,
    isAboutText = false,
    isTransient = false,
  } = MEANINGS.find(({ holds }) => holds({ ...answer, body: read }))!;
  const said = safeExcerpt(messageIn(read), endpoint.key);
  return new ValenceError(
    isTransient ? 'embedding/unavailable' : 'embedding/refused',
    `${endpoint.name}: answers ${status}${said === '' ? '' : `: ${said}`}`,
    {
      hint: hint(endpoint, modelThere),
      context: { status, ...(isAboutText ? { aboutText: true } : {}), ...(isTransient ? { retryAfterMs } : {}) },
    },
  );
}

/** Far more than any server says; patterns are searched in no more. */
const CHARACTERS_READ_MAX = 4000;

/** Whether it is the form of the vectors that an older server does not know. */
export function knowsNoFormat({ status, body }: EndpointAnswer): boolean {
  return status >= 400 && status < 500 && body.includes('encoding_format');
}

/** The `message` or `error` of a JSON answer, else its text without tags. */
function messageIn(body: string): string {
  try {
    const { error, message, detail } = JSON.parse(body) as Readonly<Record<string, unknown>>;
    const inner = typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : error;
    const said = [inner, message, detail].find((each) => typeof each === 'string');
    if (said !== undefined) return said;
  } catch {
    // Not JSON, or null: its text is shown.
  }
  return body.replace(/<(style|script)\b.*?<\/\1>/gis, ' ').replace(/<[^<>]*>/g, ' ');
}
