import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { onServer } from '../test/support/postgres.ts';
import { wordNetBeliefs } from './graph-bases.ts';
import { withClient } from './rows.ts';

/**
 * Embeddings without a model: each word has a direction of its own, drawn by its hash, and a text is the sum of those of its
 * words. Texts that share words lie near each other, as with a real model, and every run has the same vectors.
 */

export const VECTOR_LENGTH = 384;
export const VECTOR_MODEL = 'hashed-words';
const MODEL_ID = '00000000-0000-7000-8000-000000000384';

const directions = new Map<string, Float32Array>();

export function textVector(text: string): number[] {
  const sum = new Float64Array(VECTOR_LENGTH);
  for (const word of text.toLowerCase().match(/[a-z]{3,}/g) ?? ['nothing']) {
    const direction = directionOf(word);
    for (let i = 0; i < VECTOR_LENGTH; i += 1) sum[i]! += direction[i]!;
  }
  const length = Math.hypot(...sum);
  return Array.from(sum, (value) => value / length);
}

/** Gives every belief of WordNet a vector. */
export async function embedWordNet(url: string): Promise<void> {
  await onServer(
    url,
    `INSERT INTO valence.models (id, name, dimensions) VALUES ('${MODEL_ID}', '${VECTOR_MODEL}', ${VECTOR_LENGTH})`,
  );
  await withClient(url, async (client) => {
    await pipeline(
      Readable.from(copyLines()),
      client.query(copyFrom('COPY valence.belief_embeddings (model_id, belief_id, embedding) FROM STDIN')),
    );
  });
}

async function* copyLines(): AsyncGenerator<string> {
  for await (const { id, content } of wordNetBeliefs()) {
    const numbers = textVector(content).map((value) => value.toFixed(4));
    yield `${MODEL_ID}\t${id}\t[${numbers.join(',')}]\n`;
  }
}

/** Bytes of a hash as numbers of mean 0: near enough to a random direction in so many dimensions. */
function directionOf(word: string): Float32Array {
  const known = directions.get(word);
  if (known !== undefined) return known;
  const bytes = createHash('shake256', { outputLength: VECTOR_LENGTH }).update(word).digest();
  const direction = Float32Array.from(bytes, (byte) => byte - 127.5);
  directions.set(word, direction);
  return direction;
}
