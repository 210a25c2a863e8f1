import { z } from 'zod';
import { line, missingOr, parsed, secret, SECTION_RULE, serviceUrl, text } from './backends/fields.ts';
import type { SectionOf } from './backends/fields.ts';
import { DURATION_RULE, parseDuration } from './quantities.ts';
import { parseSecretReference, secretReferenceText } from './secret-reference.ts';
import type { SecretReference } from './secret-reference.ts';

/** Endpoints that turn texts into vectors by the embeddings call of OpenAI's API, one a model. */

export interface RawEmbedder {
  readonly url: string;
  readonly model?: string | undefined;
  readonly key?: string | undefined;
  readonly dimensions?: number | undefined;
  readonly 'query-prefix'?: string | undefined;
  readonly 'document-prefix'?: string | undefined;
  readonly batch?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly timeout?: string | undefined;
  readonly 'max-chars'?: number | undefined;
}

export interface EmbedderConfig {
  /** Base of its calls, e.g. `http://localhost:11434/v1`, without a slash at its end. */
  readonly url: string;
  /** What the endpoint calls the model. */
  readonly model: string;
  readonly key: SecretReference | null;
  /** How long vectors the endpoint is asked for; null: it is not asked. */
  readonly dimensions: number | null;
  readonly queryPrefix: string;
  readonly documentPrefix: string;
  /** Texts a call. */
  readonly batch: number;
  /** Calls at once. */
  readonly concurrency: number;
  /** For one try of one call. */
  readonly timeoutMs: number;
  /** Characters of a text, without its prefix; what is longer is cut there. */
  readonly maxChars: number;
  /** What the file says of it, with absolute paths. */
  readonly written: RawEmbedder;
}

/** Most dimensions that a model may have in the database (migrations/0001_substrate.sql). */
const DIMENSIONS_MAX = 16_000;
/** The texts of one call are held in memory with their vectors; no service takes more. */
const BATCH_MAX = 2048;
const CONCURRENCY_MAX = 64;
/** The longest contexts of embedding models are some 32,000 tokens. */
const CHARACTERS_MAX = 1_000_000;

function wholeNumber(max: number): z.ZodNumber {
  return z
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be at least 1' })
    .max(max, { error: `must be at most ${max}` });
}

const prefix: z.ZodString = text.refine((value) => value.length <= 1000 && !value.includes('\0'), {
  error: 'must be at most 1000 characters of text',
});

/** What a model may be called in the file: anything that table models takes and a person can read. */
export const modelName: z.ZodString = line.refine((value) => value.length <= 200 && value.trim() === value, {
  error: 'must be 1 to 200 characters, without blanks around it',
});

export const embedderSchema: SectionOf<RawEmbedder> = z.strictObject(
  {
    url: serviceUrl,
    model: modelName.optional(),
    key: secret.optional(),
    dimensions: wholeNumber(DIMENSIONS_MAX).optional(),
    'query-prefix': prefix.optional(),
    'document-prefix': prefix.optional(),
    batch: wholeNumber(BATCH_MAX).optional(),
    concurrency: wholeNumber(CONCURRENCY_MAX).optional(),
    timeout: parsed(parseDuration, DURATION_RULE).optional(),
    'max-chars': wholeNumber(CHARACTERS_MAX).optional(),
  },
  { error: missingOr(SECTION_RULE) },
);

/** `null`: nothing is wrong with keys that are each right by themselves. */
export function embedderProblem(raw: RawEmbedder): { readonly message: string; readonly hint: string } | null {
  if (raw.key === undefined || !leavesInTheClear(new URL(raw.url))) return null;
  return {
    message: 'would send the key in the clear over the internet',
    hint: 'use https, or a tunnel to localhost; without a key, http is allowed',
  };
}

/** Fills in defaults; the path of a secret is taken from `folder`. */
export function completeEmbedder(name: string, raw: RawEmbedder, folder: string): EmbedderConfig {
  const key = raw.key === undefined ? null : parseSecretReference(raw.key, folder);
  return {
    url: raw.url.replace(/\/+$/, ''),
    model: raw.model ?? name,
    key,
    dimensions: raw.dimensions ?? null,
    queryPrefix: raw['query-prefix'] ?? '',
    documentPrefix: raw['document-prefix'] ?? '',
    batch: raw.batch ?? 32,
    concurrency: raw.concurrency ?? 2,
    timeoutMs: parseDuration(raw.timeout ?? '30s')!,
    maxChars: raw['max-chars'] ?? 8000,
    written: key === null ? raw : { ...raw, key: secretReferenceText(key) },
  };
}

/** IPv4 addresses of loopback, private networks (RFC 1918), link-local (RFC 3927) and shared ones (RFC 6598). */
const LOCAL_IPV4 =
  /^(127|10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))(\.\d{1,3})+$/;
/** Loopback, unique local (RFC 4193) and link-local addresses, as URLs write them. */
const LOCAL_IPV6 = /^\[(::1\]|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/;
/** Names that public name servers do not answer for: RFC 6761, 6762, 8375, of containers, and ICANN's `internal`. */
const LOCAL_NAME = /^[^.:[\]]+$|\.(localhost|local|internal|lan|home\.arpa)$/;

/** Whether what is sent there can be read on networks that are not the owner's. */
function leavesInTheClear({ protocol, hostname }: URL): boolean {
  const isLocal = [LOCAL_IPV4, LOCAL_IPV6, LOCAL_NAME].some((local) => local.test(hostname));
  return protocol === 'http:' && !isLocal;
}
