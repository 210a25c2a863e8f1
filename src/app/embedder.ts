import type { EmbedderConfig } from '../config/embedders.ts';
import type { Config } from '../config/schema.ts';
import { resolveSecret } from '../config/secret-reference.ts';
import { systemTimer } from '../core/clock.ts';
import { ValenceError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { openAiEmbedder } from '../embedding/openai-embedder.ts';
import { modelNamed } from '../graph/embedding/models.ts';
import type { AppContext } from './context.ts';

/** What valence.yaml says of one model. */
export interface ChosenEmbedder {
  readonly model: string;
  readonly config: EmbedderConfig;
}

/** A hint where none is configured. */
export const CONFIGURE_EMBEDDER =
  'name one under embedders in valence.yaml, e.g. nomic-embed-text: { url: http://localhost:11434/v1 }; see docs/configuration.md';

/**
 * What turns texts into vectors of a model: of `model`, else of `search.model`, else of the only one that is configured;
 * `null`: none is. Its vectors will be as long as those that the database has of the model. Nothing is asked of the
 * endpoint yet.
 * @throws `config/invalid` when several are configured and none is named, `model` is not configured, or its key is not to be
 *   had
 */
export async function openEmbedder(context: AppContext, model?: string): Promise<Embedder | null> {
  const chosen = chooseEmbedder(await context.config(), model);
  return chosen === null ? null : connect(context, chosen);
}

/** Which one `openEmbedder` opens. @throws `config/invalid` */
export function chooseEmbedder(
  config: Pick<Config, 'embedders' | 'search'> | null,
  model?: string,
): ChosenEmbedder | null {
  const embedders = config?.embedders ?? new Map<string, EmbedderConfig>();
  if (embedders.size === 0) {
    if (model !== undefined) throw noSuchEmbedder(model, []);
    return null;
  }
  const named = model ?? config?.search.model ?? null;
  if (named === null && embedders.size > 1) throw severalEmbedders([...embedders.keys()]);
  const [only] = embedders.keys();
  const name = named ?? only!;
  const chosen = embedders.get(name);
  if (chosen === undefined) throw noSuchEmbedder(name, [...embedders.keys()]);
  return { model: name, config: chosen };
}

/** @throws `config/invalid` when its key is not to be had, or its vectors cannot be as long as those that are there */
export async function connect(context: AppContext, { model, config }: ChosenEmbedder): Promise<Embedder> {
  const known = await modelNamed(await context.database(), model);
  if (known !== null && config.dimensions !== null && config.dimensions !== known.dimensions)
    throw otherDimensions(model, config.dimensions, known.dimensions);
  const key = config.key === null ? null : await resolveSecret(config.key, context.env, `key of embedder ${model}`);
  // What a header cannot hold would be repeated by the error of whoever tried to send it.
  if (key !== null && !/^[\x21-\x7e]+$/.test(key)) throw notAKey(model);
  return openAiEmbedder({
    model,
    url: config.url,
    modelThere: config.model,
    key,
    dimensions: config.dimensions,
    length: known?.dimensions ?? config.dimensions,
    queryPrefix: config.queryPrefix,
    documentPrefix: config.documentPrefix,
    maxChars: config.maxChars,
    timeoutMs: config.timeoutMs,
    timer: systemTimer,
    clock: context.clock,
  });
}

function severalEmbedders(names: readonly string[]): ValenceError {
  return new ValenceError('config/invalid', `several embedders are configured: ${names.join(', ')}`, {
    hint: 'name one with --model, or as search.model in valence.yaml',
  });
}

function noSuchEmbedder(name: string, known: readonly string[]): ValenceError {
  const near = nearest(name, known);
  const others =
    known.length === 0 ? CONFIGURE_EMBEDDER : `configured under embedders in valence.yaml: ${known.join(', ')}`;
  return new ValenceError('config/invalid', `no embedder is configured for the model ${name}`, {
    hint: near === null ? others : `did you mean ${near}?`,
  });
}

function notAKey(model: string): ValenceError {
  return new ValenceError('config/invalid', `the key of embedder ${model} has blanks or characters that no key has`, {
    hint: 'see that its file or variable holds the key alone',
  });
}

function otherDimensions(model: string, configured: number, stored: number): ValenceError {
  return new ValenceError(
    'config/invalid',
    `embedders.${model}.dimensions is ${configured}, the model's vectors in the database have ${stored}`,
    { hint: 'give the embedder of another length another name: both may stand side by side' },
  );
}
