import { performance } from 'node:perf_hooks';
import type { Valence } from '../src/index.ts';
import { onServer } from '../test/support/postgres.ts';
import { print, round3 } from './figures.ts';
import { latencyOf } from './latency.ts';
import { rowsOf, withClient } from './rows.ts';
import { embedWordNet, textVector, VECTOR_LENGTH, VECTOR_MODEL } from './word-vectors.ts';

/** Hybrid search over WordNet, and how many of the ten nearest a filtered search finds. */

export interface SearchBench {
  readonly url: string;
  readonly valence: Valence;
  /** Beliefs whose words are searched for. */
  readonly ids: readonly string[];
}

const RECALL_QUERIES = 50;
const NEAREST = 10;
/** Share of beliefs that pass, by their least confidence: those of WordNet lie evenly between 0.5 and 1. */
const FILTERS: readonly (readonly [number, number])[] = [
  [1, 0],
  [0.5, 0.75],
  [0.1, 0.95],
  [0.01, 0.995],
];

interface Query {
  readonly text: string;
  readonly values: readonly number[];
}

export async function measureSearch(bench: SearchBench): Promise<void> {
  const { url, valence, ids } = bench;
  await embedWordNet(url);
  const started = performance.now();
  // An import of nothing builds what indexes are missing.
  await valence.import([]);
  print({ name: 'search-indexes', seconds: round3((performance.now() - started) / 1000) });
  await onServer(url, 'VACUUM ANALYZE');
  const queries = await queriesOf(url, ids);
  const latency = await latencyOf(queries, async ({ text, values }) => {
    await valence.search(text, { vector: { model: VECTOR_MODEL, values } });
  });
  print({ name: 'search-hybrid', dimensions: VECTOR_LENGTH, ...latency });
  const texts = await latencyOf(queries, async ({ text }) => void (await valence.search(text, { textOnly: true })));
  print({ name: 'search-text', ...texts });
  for (const filter of FILTERS) await measureRecall(bench, queries, filter);
}

async function measureRecall(
  { url, valence }: SearchBench,
  queries: readonly Query[],
  [share, minConfidence]: (typeof FILTERS)[number],
): Promise<void> {
  let found = 0;
  const asked = queries.slice(0, RECALL_QUERIES);
  for (const { values } of asked) {
    const exact = new Set(await exactNearest(url, values, minConfidence));
    const { hits } = await valence.search('', {
      vector: { model: VECTOR_MODEL, values },
      minConfidence,
      limit: NEAREST,
    });
    found += hits.filter(({ belief }) => exact.has(belief.id)).length;
  }
  print({ name: 'search-recall', filterPasses: share, at: NEAREST, recall: round3(found / (asked.length * NEAREST)) });
}

async function exactNearest(url: string, values: readonly number[], minConfidence: number): Promise<readonly string[]> {
  return withClient(url, async (client) => {
    await client.query('SET enable_indexscan = off');
    const { rows } = await client.query<{ id: string }>(
      `SELECT b.id FROM valence.belief_embeddings e JOIN valence.beliefs b ON b.id = e.belief_id
       WHERE b.confidence >= $2::real ORDER BY e.embedding <=> $1::public.vector, b.id LIMIT ${NEAREST}`,
      [JSON.stringify(values), minConfidence],
    );
    return rows.map(({ id }) => id);
  });
}

/** Three words of a belief, as somebody asks for what they half remember. */
async function queriesOf(url: string, ids: readonly string[]): Promise<readonly Query[]> {
  const rows = await rowsOf<{ content: string }>(
    url,
    'SELECT content FROM valence.beliefs WHERE id = ANY ($1::uuid[]) ORDER BY id',
    [ids],
  );
  return rows.map(({ content }) => {
    const words = [...new Set(content.toLowerCase().match(/[a-z]{4,}/g) ?? ['nothing'])];
    const text = words.slice(0, 3).join(' ');
    return { text, values: textVector(text) };
  });
}
